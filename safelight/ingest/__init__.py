"""Ingest of many images: upload images from folders, manifests and buckets, and download their results.

An ingest can be interrupted and resumed at any time. One thread schedules tasks and writes the checkpoint, and the
other threads inspect, upload and download. The state of every file is in the checkpoint, so memory does not grow with
the number of files.
"""

from safelight.ingest.engine import IngestStopped, ingest
from safelight.ingest.progress import Progress

__all__ = ["IngestStopped", "Progress", "ingest"]
