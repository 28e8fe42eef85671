"""Render images in child processes, so that a hostile image can kill a child but not the worker.

The worker does not trust a child: a response is a validated JSON header and raw bytes of bounded size.
"""

from worker.sandbox.budget import Budget
from worker.sandbox.pool import Sandbox

__all__ = ["Budget", "Sandbox"]
