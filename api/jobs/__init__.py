"""Jobs: create, read, list, cancel, retry, delete, and results."""
