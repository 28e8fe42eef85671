"""What a PNG says about its colors. The expected values were measured in Chromium 156."""

import struct
import zlib
from typing import Final

import pytest
from support import color_profiles
from support.rendered_pngs import COLORS, P3_CHUNK, P3_COLORS, get_colors, render_png

from worker.imaging.color.description import (
    CICP_UNUSABLE,
    GAMMA_UNUSABLE,
    MAX_ICC_BYTES,
    PROFILE_TOO_LARGE,
    PROFILE_UNUSABLE,
)

Chunk = tuple[bytes, bytes]

SRGB_CHUNK: Final = (b"sRGB", b"\0")


def make_cicp(primaries: int, transfer: int, matrix: int = 0, full_range: int = 1) -> Chunk:
    """Return a cICP chunk."""
    return b"cICP", bytes((primaries, transfer, matrix, full_range))


def make_gamma(value: float) -> Chunk:
    """Return a gAMA chunk."""
    return b"gAMA", struct.pack(">I", round(value * 100_000))


def make_chromaticities(*values: float) -> Chunk:
    """Return a cHRM chunk: x and y of white, red, green and blue."""
    return b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in values))


SRGB_PRIMARIES = make_chromaticities(0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
P3_PRIMARIES = make_chromaticities(0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
LINEAR_COLORS: list[tuple[int, ...]] = [(229, 168, 122), (95, 229, 160)]

CASES: dict[str, tuple[list[Chunk], list[tuple[int, ...]]]] = {
    "nothing": ([], COLORS),
    "BT.709 primaries, sRGB transfer": ([make_cicp(1, 13)], COLORS),
    "unspecified": ([make_cicp(2, 2)], COLORS),
    "Display P3": ([make_cicp(12, 13)], P3_COLORS),
    "BT.2020, sRGB transfer": ([make_cicp(9, 13)], [(241, 76, 29), (0, 211, 67)]),
    "BT.2020, its own transfer": ([make_cicp(9, 14)], [(239, 63, 5), (0, 208, 53)]),
    "NTSC 1953": ([make_cicp(4, 13)], [(232, 93, 30), (0, 197, 82)]),
    "DCI P3": ([make_cicp(11, 13)], [(211, 93, 32), (0, 204, 73)]),
    "linear": ([make_cicp(1, 8)], LINEAR_COLORS),
    "CICP before ICC": ([make_cicp(1, 13), P3_CHUNK], COLORS),
    "unspecified CICP, then ICC": ([make_cicp(2, 2), P3_CHUNK], P3_COLORS),
    "ICC": ([P3_CHUNK], P3_COLORS),
    "ICC before sRGB": ([SRGB_CHUNK, P3_CHUNK], P3_COLORS),
    "sRGB before gamma": ([SRGB_CHUNK, make_gamma(1.0)], COLORS),
    "gamma 1": ([make_gamma(1.0)], LINEAR_COLORS),
    "gamma 1 and primaries": ([make_gamma(1.0), P3_PRIMARIES], [(240, 165, 114), (0, 233, 154)]),
    "gamma of sRGB": ([make_gamma(0.45455)], COLORS),
    "almost the gamma of sRGB": ([make_gamma(0.47)], COLORS),
    "not the gamma of sRGB": ([make_gamma(0.5)], [(206, 109, 54), (31, 206, 98)]),
    "gamma and primaries of sRGB": ([make_gamma(0.45455), SRGB_PRIMARIES], [(201, 100, 46), (23, 201, 90)]),
    "gamma 2.2 and other primaries": ([make_gamma(0.45455), P3_PRIMARIES], [(216, 93, 24), (0, 205, 72)]),
    "primaries alone": ([P3_PRIMARIES], COLORS),
}


@pytest.mark.parametrize("name", CASES)
def test_colors_are_those_that_browsers_show(name: str) -> None:
    """CICP, ICC, sRGB, gamma: the first that is there counts."""
    chunks, expected = CASES[name]
    result = render_png(*chunks)
    assert result.warnings == ()
    for pixel, wanted in zip(get_colors(result), expected, strict=True):
        assert pixel == pytest.approx(wanted, abs=1)


@pytest.mark.parametrize(
    ("chunk", "warning"),
    [
        (make_cicp(99, 13), CICP_UNUSABLE),
        (make_cicp(1, 9), CICP_UNUSABLE),
        (make_cicp(1, 13, matrix=1), CICP_UNUSABLE),
        (make_cicp(1, 13, full_range=2), CICP_UNUSABLE),
        ((b"cICP", b"\1\15"), CICP_UNUSABLE),
    ],
)
def test_profile_counts_if_cicp_is_unusable(chunk: Chunk, warning: str) -> None:
    """A warning says what was ignored."""
    result = render_png(chunk, P3_CHUNK)
    assert result.warnings == (warning,)
    assert get_colors(result) == P3_COLORS


def test_narrow_range_is_expanded() -> None:
    """Values of 16 to 235 become 0 to 255 (ITU-T H.273, section 8.3)."""
    result = render_png(make_cicp(1, 13, full_range=0))
    assert get_colors(result) == [(214, 98, 40), (16, 214, 86)]


@pytest.mark.parametrize(
    ("content", "warning"),
    [
        (b"", PROFILE_UNUSABLE),
        (b"no end of the name", PROFILE_UNUSABLE),
        (b"name\0\1" + zlib.compress(color_profiles.make_display_p3_profile()), PROFILE_UNUSABLE),
        (b"name\0\0not deflated", PROFILE_UNUSABLE),
        (b"name\0\0" + zlib.compress(b"no profile"), PROFILE_UNUSABLE),
        (b"name\0\0" + zlib.compress(bytes(MAX_ICC_BYTES + 1)), PROFILE_TOO_LARGE),
    ],
)
def test_unusable_profile_is_ignored_with_a_warning(content: bytes, warning: str) -> None:
    """The values count as sRGB."""
    result = render_png((b"iCCP", content))
    assert result.warnings == (warning,)
    assert get_colors(result) == COLORS


@pytest.mark.parametrize(
    "chunks",
    [
        [make_gamma(0)],
        [(b"gAMA", b"\0")],
        [make_gamma(1), make_chromaticities(*[0.3] * 8)],
        [make_gamma(1), make_chromaticities(*[0.0] * 8)],
    ],
)
def test_unusable_gamma_is_ignored_with_a_warning(chunks: list[Chunk]) -> None:
    """The values count as sRGB."""
    result = render_png(*chunks)
    assert result.warnings == (GAMMA_UNUSABLE,)
    assert get_colors(result) == COLORS


def test_chromaticities_of_a_wrong_length_cost_only_themselves() -> None:
    """Browsers apply the gamma."""
    result = render_png(make_gamma(1), (b"cHRM", bytes(31)))
    assert result.warnings == ("The PNG chunk cHRM is damaged and was ignored.",)
    assert get_colors(result) == get_colors(render_png(make_gamma(1)))


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_high_dynamic_range_gives_a_warning(transfer: int, name: str) -> None:
    """The image is tone-mapped."""
    result = render_png(make_cicp(9, transfer))
    assert result.warnings == (f"The image has high dynamic range ({name}), which was tone-mapped to sRGB.",)


@pytest.mark.parametrize("name", ["sRGB", "else"])
def test_content_of_a_profile_counts_and_not_its_name(name: str) -> None:
    """Linear curves are applied even if the profile is named sRGB."""
    chunk = (b"iCCP", b"sRGB\0\0" + zlib.compress(color_profiles.make_linear_profile(name)))
    for pixel, wanted in zip(get_colors(render_png(chunk)), LINEAR_COLORS, strict=True):
        assert pixel == pytest.approx(wanted, abs=1)
