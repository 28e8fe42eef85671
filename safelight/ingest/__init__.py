"""Bulk ingestion: from folders, lists and buckets to results, stoppable at any moment and resumable.

One thread (``run``) decides and writes the checkpoint; the others only hash, send and fetch. Whatever is known about
a file is in the checkpoint, so memory does not grow with the number of files.
"""
