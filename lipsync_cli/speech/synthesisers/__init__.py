"""Text to speech: programs that are installed on the machine, command lines, and plug-ins."""
