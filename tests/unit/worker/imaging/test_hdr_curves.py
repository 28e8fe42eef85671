"""Tone mapping of PQ and HLG."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from worker.imaging.color.cicp import Cicp, convert_cicp_to_srgb
from worker.imaging.color.hdr_curves import compress, decode_pq, encode_pq


@pytest.mark.parametrize(("value", "light"), [(0.0, 0.0), (0.508078, 100.0), (0.751827, 1000.0), (1.0, 10_000.0)])
def test_pq_follows_its_standard(value: float, light: float) -> None:
    """The values are those of ITU-R BT.2408, table 1, and SMPTE ST 2084."""
    assert decode_pq(value) == pytest.approx(light, rel=1e-4)
    assert encode_pq(light) == pytest.approx(value, abs=1e-4)


@given(st.floats(0, 1000), st.floats(0, 1000))
def test_more_light_never_becomes_darker(one: float, other: float) -> None:
    """The curve rises, and ends at the level of white."""
    low, high = sorted((one, other))
    assert compress(low) <= compress(high) + 1e-9
    assert compress(high) <= 203 + 1e-6


def test_dark_and_middle_tones_keep_their_light() -> None:
    """Only light above 88 cd/m² is reduced."""
    assert compress(85) == pytest.approx(85)
    assert compress(1000) == pytest.approx(203)
    assert compress(10_000) == pytest.approx(203)


@pytest.mark.parametrize("transfer", [16, 18])
@pytest.mark.parametrize("full_range", [True, False])
def test_gray_stays_gray_in_color_and_gray_images(transfer: int, full_range: bool) -> None:
    """The conversion of colors gives the same values as the curve for gray."""
    cicp = Cicp(9, transfer, full_range=full_range)
    gray = Image.frombytes("L", (256, 1), bytes(range(256)))
    lone, _ = convert_cicp_to_srgb(gray, cicp)
    colored, _ = convert_cicp_to_srgb(gray.convert("RGB"), cicp)
    values = list(lone.get_flattened_data())
    assert values == sorted(values)  # type: ignore[type-var] # gray values
    assert (values[0], values[255]) == (0, 255)
    for value, pixel in zip(values, colored.get_flattened_data(), strict=True):
        assert pixel == pytest.approx((value,) * 3, abs=1)
