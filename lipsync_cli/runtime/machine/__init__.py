"""What a process takes of its machine: memory, cores, devices, a folder for the cache."""
