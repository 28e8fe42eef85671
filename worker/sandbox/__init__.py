"""Render images in child processes, so that a malicious image can crash a child process but not the worker.

The worker does not trust a child process. It validates the JSON header of each answer and limits the size of the
raw bytes that follow. This module imports nothing, because a child imports it too and does not need the pool.
"""
