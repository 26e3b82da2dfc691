"""Sound out of files and into films, in constant memory."""
