"""Render images in child processes, so that a malicious image can crash a child process but not the worker.

The worker does not trust a child process. It validates the JSON header of each answer and limits the size of the
raw bytes that follow.
"""

from worker.sandbox.budget import Budget
from worker.sandbox.pool import Sandbox

__all__ = ["Budget", "Sandbox"]
