"""Collection of all facts about one image."""

from base64 import b64encode
from dataclasses import replace
from typing import Final

from PIL import Image

from shared.pipeline.facts import FactsRequest, ImageFacts
from shared.pipeline.heif_header import read_heif_header
from shared.pipeline.image_formats import AVIF, HEIC, PNG, TIFF
from worker.imaging.color.cicp import Cicp
from worker.imaging.decode import DecodedImage, ImageFile
from worker.imaging.facts import icc, palette
from worker.imaging.facts.blocks import MetadataBlocks, find_blocks
from worker.imaging.facts.exif_tags import read_main_tags
from worker.imaging.facts.perceptual_hash import compute_perceptual_hash
from worker.imaging.facts.photo import EXIF_DAMAGED, read_photo_facts
from worker.imaging.facts.reduction import reduce_for_facts, reduce_to
from worker.imaging.facts.thumbhash import compute_thumbhash
from worker.imaging.planner import Decoding
from worker.imaging.scaling import apply_orientation

#: Decoded pixels up to which a JPEG of which only the luma is needed is decoded in color. More would cost more than 5 %
#: of the CPU time of a job (benchmarks/facts_cost.py).
MAX_COLORED_PIXELS: Final = 500_000
_BITS_TAG: Final = 0x0102
_ORIENTATION_TAG: Final = 0x0112
_PNG_BITS: Final = 24
#: Names of the spaces that photographs and videos use, by primaries (ITU-T H.273, table 2).
_PRIMARIES: Final = {1: "BT.709", 9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
_TRANSFERS: Final = {16: " PQ", 18: " HLG"}


class FactsCollector:
    """Collects the facts about one image while it is rendered. Does nothing if the request is None."""

    def __init__(self, source: ImageFile, request: FactsRequest | None) -> None:
        """Collect facts about an opened file."""
        self._source = source
        self._request = request
        self._small: Image.Image | None = None
        self._has_transparency = False
        self._has_colors = True

    def choose_decoding(self, decoding: Decoding) -> Decoding:
        """Return the decoding with colors, if only the luma is needed but the colors cost little.

        The luma stays the same, so that facts never change an output.
        """
        width, height = self._source.header.stored_size
        is_small = width * height <= MAX_COLORED_PIXELS * decoding.shrink**2
        return replace(decoding, keep_colors=self._request is not None and decoding.luma_only and is_small)

    def observe_decoded(self, decoded: DecodedImage, decoding: Decoding) -> None:
        """Use the pixels of a decoded image, in any size."""
        has_colors = not decoding.luma_only or decoded.colored is not None
        self._observe(decoded.colored or decoded.image, is_upright=decoding.apply_orientation, has_colors=has_colors)

    def observe_frame(self, frame: Image.Image) -> None:
        """Use the pixels of the first frame of an animation, which is upright."""
        self._observe(frame, is_upright=True, has_colors=True)

    def _observe(self, image: Image.Image, *, is_upright: bool, has_colors: bool) -> None:
        if self._request is None:
            return
        small = reduce_for_facts(image)
        self._small = small if is_upright else apply_orientation(small, self._source.header.orientation)
        self._has_transparency = image.mode in {"LA", "RGBA"}
        self._has_colors = has_colors

    def finish(self) -> tuple[ImageFacts | None, tuple[str, ...]]:
        """Return the facts, or None if there are none, and warnings about damaged metadata."""
        source, small = self._source, self._small
        if self._request is None or small is None:
            return None, ()
        blocks = find_blocks(source.data)
        photo, warnings = read_photo_facts(blocks, gps=self._request.gps)
        colors = palette.compute_palette(reduce_to(small, palette.MAX_SIDE)) if self._has_colors else ()
        width, height = source.header.size
        profile = source.color.profile
        facts = ImageFacts(
            width=width,
            height=height,
            orientation=_read_orientation(source, blocks),
            frames=source.frames,
            has_alpha=source.has_alpha or self._has_transparency,
            bit_depth=_read_bit_depth(source, blocks),
            color_space=_name_space(source),
            icc_name=icc.read_name(profile) if profile else None,
            dominant_color=colors[0] if colors else None,
            palette=colors,
            thumbhash=b64encode(compute_thumbhash(small)).decode(),
            perceptual_hash=compute_perceptual_hash(small),
            has_c2pa=blocks.has_c2pa,
            **photo,
        )
        is_reported = bool(source.exif.warnings)
        return facts, tuple(each for each in warnings if each != EXIF_DAMAGED or not is_reported)


def _read_orientation(source: ImageFile, blocks: MetadataBlocks) -> int:
    """Return the orientation that was applied. That of a TIFF is a tag, and the decoder has applied it."""
    if source.header.format != TIFF.name or blocks.exif is None:
        return source.header.orientation
    tags, _ = read_main_tags(blocks.exif, {_ORIENTATION_TAG})
    value = tags.get(_ORIENTATION_TAG, (1,))[0]
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _read_bit_depth(source: ImageFile, blocks: MetadataBlocks) -> int:
    """Return the bits per channel as stored. 8 is the only depth of the other formats."""
    depth: object = 8
    if source.header.format == PNG.name:
        depth = source.data[_PNG_BITS]
    elif source.header.format == TIFF.name and blocks.exif is not None:
        tags, _ = read_main_tags(blocks.exif, {_BITS_TAG})
        depth = max((each for each in tags.get(_BITS_TAG, (1,)) if isinstance(each, int)), default=8)
    elif source.header.format in {AVIF.name, HEIC.name} and (header := read_heif_header(source.data)):
        depth = max(header.primary.bits, default=8)
    return depth if isinstance(depth, int) and 1 <= depth <= 64 else 8


def _name_space(source: ImageFile) -> str:
    """Return the color space that the data describes: CICP, then ICC, then the gamma of a PNG, then sRGB."""
    color = source.color
    if color.cicp and not color.cicp.is_srgb:
        return _name_cicp(color.cicp)
    if color.profile and not source.header.is_srgb:
        return icc.read_space(color.profile) or "unknown"
    if color.space:
        return "gamma"
    return {"CMYK": "CMYK", "LAB": "Lab"}.get(source.header.mode, "sRGB")


def _name_cicp(cicp: Cicp) -> str:
    primaries = _PRIMARIES.get(cicp.primaries, f"CICP {cicp.primaries}")
    return f"{primaries}{_TRANSFERS.get(cicp.transfer, '')}"
