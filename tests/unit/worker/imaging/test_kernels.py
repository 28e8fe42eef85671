"""The kernels, which resize: each gives the same image as Pillow's, on every platform."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageStat
from support import sample_images
from support.fidelity import compute_worst_psnr
from support.image_similarity import compute_psnr

from shared.pipeline.pipeline import Pipeline
from shared.pipeline.sizes import Size
from worker.imaging import Limits, render
from worker.imaging.operations import kernels
from worker.imaging.operations.kernels import Box, choose_kernel, get_kernel_version, resample
from worker.imaging.software import get_software_versions

#: Kernels other than Pillow's, which is the reference.
SIMD = ["cykooz-resizer", "pic-scale"]
ROOT = Path(__file__).parents[4]
PHOTOGRAPH = ROOT / "safelight" / "demo_images" / "astronaut.jpg"
LIMITS = Limits(max_bytes=10_000_000, max_pixels=20_000_000, max_side=5_000)
#: The rounding of each kernel differs. On photographs, the PSNR is 53 dB or more.
MIN_PSNR = 50
SCALINGS: dict[str, tuple[Size, Box]] = {
    "half": ((200, 150), (0, 0, 400, 300)),
    "hardly": ((399, 298), (0, 0, 400, 300)),
    "tiny": ((3, 2), (0, 0, 400, 300)),
    "part": ((64, 64), (50, 0, 350, 300)),
    "part with fractions": ((64, 64), (49.5, 0.25, 349.75, 300)),
    "part of the same size": ((300, 300), (50, 0, 350, 300)),
    "another aspect ratio": ((50, 290), (0, 0, 400, 300)),
    "enlarged": ((900, 700), (0, 0, 400, 300)),
}


@pytest.fixture(params=SIMD)
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Use one kernel, as on a platform on which it is the fastest one."""
    name: str = request.param
    if not kernels._is_installed(name):
        pytest.skip(f"{name} has no wheel for this platform")
    use_kernel(name, monkeypatch)
    return name


def use_kernel(name: str, patch: pytest.MonkeyPatch) -> None:
    """Let everything use the kernel ``name``."""
    patch.setattr(kernels, "choose_kernel", lambda: name)


def draw(mode: str) -> Image.Image:
    """Return a photograph. If it has alpha, one part is transparent, one opaque and one between."""
    with Image.open(PHOTOGRAPH) as photograph:
        image = photograph.convert("RGB").resize((400, 300), Image.Resampling.BICUBIC).convert(mode)
    if mode.endswith("A"):
        alpha = image.convert("L").point([max(0, min(255, (value - 60) * 3)) for value in range(256)])
        image.putalpha(alpha)
    return image


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize(("size", "box"), SCALINGS.values(), ids=SCALINGS)
def test_every_kernel_gives_the_image_of_pillow(mode: str, size: Size, box: Box) -> None:
    """Compared on black and on white, for every mode, with the same part of the image."""
    image = draw(mode)
    result = resample(image, size, box)
    assert (result.mode, result.size) == (mode, size)
    # Images with alpha are multiplied by it and divided again with 8 bits, which each library rounds in its own way.
    minimum = 40 if mode.endswith("A") else MIN_PSNR
    assert compute_worst_psnr(result, image.resize(size, kernels.FILTER, box=box)) >= minimum


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("factor", [1.3, 2, 7, 40, 300])
def test_a_flat_image_keeps_its_color(mode: str, factor: float) -> None:
    """For every value, however much it is scaled down: the weights of the filter add up to one."""
    for value in (0, 1, 127, 254, 255):
        image = Image.new("L", (round(4 * factor), round(4 * factor)), value).convert(mode)
        assert resample(image, (4, 4), (0, 0, *image.size)).tobytes() == image.crop((0, 0, 4, 4)).tobytes()


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_colors_of_transparent_pixels_stay_invisible(mode: str) -> None:
    """White pixels beside transparent black ones do not become darker."""
    image = Image.new(mode, (64, 64), (0,) * len(mode))
    image.paste((255,) * len(mode), (0, 0, 33, 64))
    result = resample(image, (20, 20), (0, 0, 64, 64))
    opaque = result.getchannel("A").point([255 if value else 0 for value in range(256)])
    # pic-scale rounds down when it divides by alpha.
    assert ImageStat.Stat(result.convert("RGB").convert("L"), opaque).extrema[0][0] >= 254


@pytest.mark.usefixtures("kernel")
def test_the_source_does_not_change() -> None:
    """A kernel only reads it, and an image of the same size is a copy."""
    for mode in ("L", "LA", "RGB", "RGBA"):
        image = draw(mode)
        before = image.tobytes()
        resample(image, (100, 75), (0, 0, 400, 300))
        resample(image, (400, 300), (0, 0, 400, 300)).paste(0, (0, 0, 9, 9))
        assert image.tobytes() == before


@pytest.mark.parametrize("output", ["png", "jpeg"])
@pytest.mark.parametrize(
    "resize",
    [{"width": 200, "height": 200}, {"width": 101, "height": 77, "fit": "cover"}, {"width": 120, "height": 90}],
    ids=str,
)
@pytest.mark.parametrize("data", [sample_images.make_jpeg(1501, 997), sample_images.make_png(400, 301)], ids=len)
def test_jobs_give_the_same_image_with_every_kernel(
    kernel: str, monkeypatch: pytest.MonkeyPatch, data: bytes, resize: dict[str, Any], output: str
) -> None:
    """So arm64, x86-64 and platforms without a kernel agree."""
    pipeline = Pipeline.model_validate({"operations": [{"op": "resize", **resize}], "output": {"format": output}})
    images = []
    for name in (kernel, "pillow"):
        use_kernel(name, monkeypatch)
        images.append(sample_images.decode(render(data, pipeline, LIMITS).outputs[0][1].data))
    assert compute_psnr(*images) >= 45


def test_the_fastest_installed_kernel_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any package, Pillow resizes, and no version of another library is reported."""
    for installed in (["cykooz-resizer", "pic-scale", "pillow"], ["pic-scale", "pillow"], ["pillow"]):
        monkeypatch.setattr(kernels, "_is_installed", installed.__contains__)
        assert choose_kernel.__wrapped__() == installed[0]
    use_kernel("pillow", monkeypatch)
    assert get_kernel_version() is None
    image = draw("RGB")
    expected = image.resize((100, 75), kernels.FILTER)
    assert resample(image, (100, 75), (0, 0, 400, 300)).tobytes() == expected.tobytes()


def test_the_kernel_is_listed_with_its_version() -> None:
    """A receipt names it, because it affects the pixels."""
    version = get_kernel_version()
    assert version is None or get_software_versions()[version[0]] == version[1]
    assert version is None or version[1][0].isdigit()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not enforce RLIMIT_AS")
def test_too_little_memory_is_an_error_and_does_not_end_the_process(kernel: str) -> None:
    """Rust would abort, and the job would be tried again instead of failing with RESOURCE_LIMIT."""
    script = (
        "import os, resource\nfrom PIL import Image\nfrom worker.imaging.operations import kernels\n"
        f"kernels.choose_kernel = lambda: {kernel!r}\nkernels.load_kernel()\n"
        "def resample(mode):\n"
        "    image = Image.new(mode, (3000, 3000))\n"
        "    used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "    resource.setrlimit(resource.RLIMIT_AS, (used + 2_000_000,) * 2)\n"
        "    try:\n        kernels.resample(image, (1500, 1500), (0, 0, 3000, 3000))\n"
        "    except MemoryError:\n        print(mode, 'refused', flush=True)\n"
        "for mode in ('L', 'LA', 'RGB', 'RGBA'):\n"
        "    if os.fork() == 0:\n        resample(mode)\n        os._exit(0)\n"
        "    assert os.wait()[1] == 0, mode\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    refused = "L refused\nLA refused\nRGB refused\nRGBA refused\n"
    assert (done.returncode, done.stdout) == (0, refused), done.stderr
