"""What drives the mouth."""
