"""Pixels in a process of their own: a hostile image kills a child, never the worker.

The worker never unpickles, evaluates or trusts what a child sends: answers are a JSON header that is
validated and raw bytes whose sizes are bounded.
"""

from worker.sandbox.budget import Budget
from worker.sandbox.pool import Sandbox

__all__ = ["Budget", "Sandbox"]
