"""Hostile metadata costs at most the facts that it holds."""

import random

import pytest
from support import hostile_metadata, metadata_files
from support.thorough import every

from shared.pipeline.facts import MAX_BYTES, FactsRequest, ImageFacts
from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits, render
from worker.imaging.facts.blocks import MetadataBlocks
from worker.imaging.facts.photo import read_photo_facts

LIMITS = Limits(max_bytes=100_000_000, max_pixels=1_000_000, max_side=10_000)
#: Facts that are texts.
TEXTS = ("icc_name", "lens", "title", "caption", "creator", "copyright", "taken_at")


def collect(data: bytes) -> tuple[ImageFacts, tuple[str, ...]]:
    """Return the facts of a file, GPS included, and the warnings."""
    rendered = render(data, Pipeline(), LIMITS, facts_request=FactsRequest(gps=True))
    assert rendered.facts is not None
    return rendered.facts, rendered.warnings


@pytest.mark.parametrize("name", every(2, sorted(hostile_metadata.FILES)))
def test_every_file_has_facts_within_their_limits(name: str) -> None:
    """No exception, no expanded entity, no control character, and a size that fits into a record."""
    facts, _ = collect(hostile_metadata.FILES[name]())
    text = facts.to_text()
    assert {facts.width, facts.height} == {40, 30}
    assert text is not None
    assert len(text.encode()) <= MAX_BYTES
    assert hostile_metadata.MARKER not in text
    camera = facts.camera.model_dump() if facts.camera else {}
    values = [*camera.values(), *(getattr(facts, each) for each in TEXTS)]
    assert all(value is None or (value.isprintable() and value.strip() == value) for value in values)


@pytest.mark.parametrize(
    ("name", "warning"),
    [
        ("exif-cut-100", "EXIF"),
        ("exif-far-offsets", "EXIF"),
        ("xmp-billion-laughs", "XMP"),
        ("xmp-deep", "XMP"),
        ("iptc-cut", "IPTC"),
    ],
)
def test_damage_is_reported(name: str, warning: str) -> None:
    """A warning names the kind of metadata."""
    _, warnings = collect(hostile_metadata.FILES[name]())
    assert [warning in each for each in warnings] == [True]


def test_facts_before_the_damage_are_kept() -> None:
    """The start of a packet that is cut off counts."""
    facts, _ = collect(metadata_files.make_jpeg(xmp=metadata_files.make_xmp("<dc:title>Kept</dc:title>")[:-30]))
    assert facts.title == "Kept"


def test_an_entity_is_not_expanded_in_an_attribute() -> None:
    """A document type ends the reading before an attribute could use its entities."""
    packet = metadata_files.make_xmp(
        attributes='photoshop:DateCreated="&e;"', before='<!DOCTYPE x [<!ENTITY e "2020-01-01T00:00:00">]>'
    )
    facts, warnings = collect(metadata_files.make_jpeg(xmp=packet))
    assert facts.taken_at is None
    assert len(warnings) == 1


@pytest.mark.parametrize("seed", range(20))
def test_readers_accept_any_damage(seed: int) -> None:
    """Change some bytes of valid blocks at random. The readers must return facts within the limits."""
    dice = random.Random(seed)
    blocks = (
        metadata_files.make_camera_exif(),
        metadata_files.make_xmp("<dc:title><rdf:Alt><rdf:li xml:lang='x-default'>T</rdf:li></rdf:Alt></dc:title>"),
        metadata_files.make_iptc((5, b"Title"), (120, b"Caption"), (80, b"One"), (80, b"Two")),
    )
    for _ in range(50):
        exif, xmp, iptc = (damage(block, dice) for block in blocks)
        facts, _ = read_photo_facts(MetadataBlocks(exif=exif, xmp=xmp, iptc=iptc), gps=True)
        ImageFacts(
            width=1, height=1, orientation=1, frames=1, has_alpha=False, bit_depth=8, color_space="sRGB",
            thumbhash="", perceptual_hash="0" * 16, has_c2pa=False, **facts,
        )  # fmt: skip


def damage(block: bytes, dice: random.Random) -> bytes:
    """Return a block with up to ten changed bytes, and sometimes cut off."""
    changed = bytearray(block)
    for _ in range(dice.randint(0, 10)):
        changed[dice.randrange(len(changed))] = dice.choice((0, 1, 0x7F, 0xFF, dice.randrange(256)))
    return bytes(changed[: dice.choice((len(changed), dice.randrange(len(changed))))])
