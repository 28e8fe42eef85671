"""Pixels: the only place that knows Pillow. No AWS, no settings, no logger."""

from shared.pipeline.limits import Limits
from worker.imaging.render import RenderResult, render

__all__ = ["Limits", "RenderResult", "render"]
