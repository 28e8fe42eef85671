"""Hooks for schemathesis: a body with an image type contains an image.

Loaded by the schemathesis command, see e2e/test_conformance.py. Without it every upload would be refused for
its first bytes, and nothing behind that would ever be tried.
"""

from typing import Any

import schemathesis
from schemathesis import Case, GenerationMode, HookContext
from support import sample_images

from shared.pipeline.image_formats import INPUT_FORMATS

_PICTURES = {
    image_format.media_type: sample_images.encode(sample_images.draw_scene(), image_format.name)
    for image_format in INPUT_FORMATS
}


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:  # noqa: ARG001 - the shape that is called
    """Send an image where a valid body is meant; what is meant to be refused stays as it was generated."""
    meant_well = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    if meant_well and case.media_type in _PICTURES and "data" in kwargs:
        kwargs["data"] = _PICTURES[case.media_type]
