"""HTTP in, job out: the API Lambda."""
