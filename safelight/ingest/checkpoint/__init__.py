"""The checkpoint of an ingest: a SQLite file that records what happened to every file."""
