"""The checkpoint of an ingest: a SQLite file with the state of every file."""
