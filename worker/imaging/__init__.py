"""Image decoding, operations and encoding. The only package that imports Pillow."""

from shared.pipeline.limits import Limits
from worker.imaging.render import RenderResult, render

__all__ = ["Limits", "RenderResult", "render"]
