"""What long jobs need of the machine: whole files or none, caches, hashes, worker processes, resuming."""
