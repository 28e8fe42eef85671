"""A schemathesis hook that puts images into bodies of raw bytes.

The schemathesis command of e2e/test_conformance.py loads it. Without it, every upload would be refused for its first
bytes, and the code behind that check would not be tested.
"""

from typing import Any

import schemathesis
from schemathesis import Case, GenerationMode, HookContext
from support import sample_images

from shared.pipeline.image_formats import INPUT_FORMATS

_IMAGES = [sample_images.encode(sample_images.draw_scene(), image_format.name) for image_format in INPUT_FORMATS]


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:  # noqa: ARG001 - signature of the hook
    """Send an image if a valid body is generated; keep bodies that are meant to be invalid."""
    is_valid = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    if is_valid and case.media_type == "application/octet-stream" and "data" in kwargs:
        kwargs["data"] = _IMAGES[len(kwargs["data"] or b"") % len(_IMAGES)]
