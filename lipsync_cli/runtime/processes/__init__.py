"""Other processes: programs and workers that are started here and end with this process."""
