"""Measure how closely each output format reproduces each kind of input, and write docs/fidelity.md.

Run ``python tests/support/fidelity.py`` to write the page. A test checks that the page is current.
"""

import sys
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image

if __name__ == "__main__":  # run as a script
    sys.path[:0] = map(str, Path(__file__).resolve().parents[1:3])

from support.image_kinds import DURATIONS, Kind, make_kinds
from support.image_similarity import compute_psnr

from shared.pipeline.output import ANIMATED_FORMATS, OutputFormat
from shared.pipeline.pipeline import Output, Pipeline
from worker.imaging import Limits, RenderResult, render

PAGE: Final = Path(__file__).parents[2] / "docs" / "fidelity.md"
LIMITS: Final = Limits(max_bytes=10_000_000, max_pixels=1_000_000, max_side=10_000)
OUTPUTS: Final = tuple(Output(name=each.value, format=each) for each in OutputFormat)
NO_ALPHA: Final = (OutputFormat.JPEG,)
#: Decibels are rounded down to a multiple of this, so that every CPU gives the same page.
STEP: Final = 5
#: Minimum PSNR in dB against the scene. Lossless formats have the loss of the input only.
MIN_PSNR: Final = {OutputFormat.PNG: 30, OutputFormat.TIFF: 30, OutputFormat.GIF: 25}


def render_kind(kind: Kind) -> RenderResult:
    """Run an empty pipeline with every output format."""
    return render(kind.data, Pipeline(outputs=OUTPUTS), LIMITS)


def decode_frames(data: bytes) -> tuple[tuple[Image.Image, ...], tuple[int, ...]]:
    """Return all frames of a result, and their durations in milliseconds."""
    image = Image.open(BytesIO(data))
    images, durations = [], []
    for index in range(getattr(image, "n_frames", 1)):
        image.seek(index)
        image.load()
        images.append(image.convert("RGBA"))
        durations.append(round(image.info.get("duration", 0)))
    return tuple(images), tuple(durations)


def compute_expected_frames(kind: Kind, output: OutputFormat) -> tuple[Image.Image, ...]:
    """Return the expected frames: flattened on white for JPEG, with binary alpha for GIF."""
    frames = kind.frames if output in ANIMATED_FORMATS else kind.frames[:1]
    if output in NO_ALPHA:
        return tuple(flatten(frame, "white") for frame in frames)
    if output is OutputFormat.GIF:
        return tuple(_threshold_alpha(frame) for frame in frames)
    return tuple(frame.convert("RGBA") for frame in frames)


def compute_worst_psnr(result: Image.Image, expected: Image.Image) -> float:
    """Return the lower PSNR in dB of two images flattened on black and on white."""
    return min(
        compute_psnr(flatten(result, background), flatten(expected, background)) for background in ("black", "white")
    )


def flatten(image: Image.Image, background: str) -> Image.Image:
    """Flatten an image on a color."""
    flat = Image.new("RGBA", image.size, background)
    return Image.alpha_composite(flat, image.convert("RGBA")).convert("RGB")


def _threshold_alpha(image: Image.Image) -> Image.Image:
    """Return the image with every pixel transparent, or flattened on white and opaque."""
    alpha = image.convert("RGBA").getchannel("A")
    flat = flatten(image, "white").convert("RGBA")
    flat.putalpha(alpha.point([255 if value >= 128 else 0 for value in range(256)]))
    return flat


def format_cell(result: RenderResult, kind: Kind, output: Output) -> str:
    """Return the table cell of an input and an output: the worst PSNR, and the number of frames of an animation."""
    data = next(encoded.data for requested, encoded in result.outputs if requested.name == output.name)
    images, durations = decode_frames(data)
    expected = compute_expected_frames(kind, output.format)
    worst = min(compute_worst_psnr(image, scene) for image, scene in zip(images, expected, strict=True))
    text = "identical" if worst == float("inf") else f"≥ {int(worst // STEP * STEP)} dB"
    if len(images) > 1:
        kept = durations == DURATIONS
        text += f", {len(images)} frames" if kept else f", {len(images)} frames, other times"
    elif len(kind.frames) > 1:
        text += ", first frame ⚠"
    return text


INTRODUCTION: Final = f"""# Fidelity

How closely each output format reproduces each kind of input image.
[tests/support/fidelity.py](../tests/support/fidelity.py) draws a scene, saves it in each input format and processes the
file with a pipeline without operations. It then compares each output with the scene.
`tests/unit/worker/imaging/test_fidelity.py` checks that this page is current.

A cell shows the peak signal-to-noise ratio (PSNR), rounded down to a multiple of {STEP} dB. Transparent images are
compared on black and on white, and the lower PSNR is shown. *Identical* means equal pixels. If the input format is
lossy, the PSNR includes the loss of the input. ⚠ marks a job with a warning.

- Every output is upright, in sRGB, with 8 bits per channel. JPEG, WebP and AVIF use their default quality.
- JPEG has no transparency: the image is flattened onto the output's `background`, here white.
- GIF has no partial transparency: pixels that are at least half opaque are flattened onto the background, and the
  others become transparent. GIF has at most 256 colors. If the image has more, its colors are dithered.
- A PNG of more than 4,096 bytes with at most 256 colors is saved with a palette, or as gray, if that is smaller. The
  pixels stay identical, including transparent ones. Gray images stay gray.
- PNG (APNG), WebP, AVIF and GIF outputs keep [animations](#animations).
- JPEG and TIFF outputs contain the first frame. If a TIFF input has several pages, only the first page is read.
- CMYK is converted with the embedded profile, or with a simple formula if there is none.

"""


def read_sections() -> str:
    """Return the sections of the page that are written by hand: all that have a heading."""
    text = PAGE.read_text("utf-8")
    return text[text.index("## ") :]


def build_page() -> str:
    """Return the page: the introduction and the table. The sections after the table are written by hand."""
    names = [output.format.image_format.name for output in OUTPUTS]
    lines = [f"| Input | {' | '.join(names)} |", "| --- " * (len(names) + 1) + "|"]
    for kind in make_kinds():
        result = render_kind(kind)
        mark = " ⚠" if kind.warns else ""
        lines.append(f"| {kind.name}{mark} | {' | '.join(format_cell(result, kind, output) for output in OUTPUTS)} |")
    return INTRODUCTION + "\n".join(lines) + "\n\n" + read_sections()


if __name__ == "__main__":
    PAGE.write_text(build_page(), "utf-8")
    sys.stdout.write(f"{PAGE.name} written\n")
