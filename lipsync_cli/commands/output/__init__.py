"""What a command says: progress, notes, and its result."""
