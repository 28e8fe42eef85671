"""Kernels: functions that scale a part of an image with a Lanczos filter.

``resample`` uses the fastest kernel that is installed. The kernels of cykooz-resizer and pic-scale use SIMD
instructions of the processor in one thread. They differ from Pillow's by rounding: PSNR is 53 dB or more on photographs
(docs/decisions.md). All of them multiply colors by alpha first, so that colors of transparent pixels do not become
visible.

Every image has mode L, LA, RGB or RGBA, and every box is within the image.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from pathlib import Path
from typing import Final

from PIL import Image

from shared.pipeline.sizes import Size

FILTER: Final = Image.Resampling.LANCZOS
#: Left, upper, right and lower edge in pixels, with fractions.
Box = tuple[float, float, float, float]
#: The last argument is ``reducing_gap``, see ``resample``.
Kernel = Callable[[Image.Image, Size, Box, float | None], Image.Image]


def resample(image: Image.Image, size: Size, box: Box, reducing_gap: float | None = None) -> Image.Image:
    """Scale the part ``box`` of an image to ``size``. Raises MemoryError.

    With ``reducing_gap``, a kernel may first average blocks of whole pixels until the image has about this multiple of
    ``size``. Only Pillow's does, because it then takes less time.
    """
    if box == (0, 0, *image.size) and size == image.size:
        return image.copy()
    return KERNELS[choose_kernel()](image, size, box, reducing_gap)


@cache
def choose_kernel() -> str:
    """Return the name of the fastest kernel that is installed."""
    return next(name for name in KERNELS if _is_installed(name))


def load_kernel() -> None:
    """Run the kernel once, so that nothing is loaded later. Call this before the process is confined."""
    for mode in ("L", "LA", "RGB", "RGBA"):
        resample(Image.new(mode, (4, 4)), (2, 2), (0, 0, 4, 4))


def get_kernel_version() -> tuple[str, str] | None:
    """Return the package and the version of the kernel in use, or None for Pillow's."""
    name = choose_kernel()
    return None if name == "pillow" else (name, _find_version(name))


@cache
def _find_version(name: str) -> str:
    # The name of the folder is ``NAME-VERSION.dist-info``. The module ``importlib.metadata`` would take longer to load.
    package = Path(import_module(_MODULES[name]).__file__ or "").parent
    folder = next(package.parent.glob(f"{package.name}-*.dist-info"))
    return folder.stem.removeprefix(f"{package.name}-")


def _is_installed(name: str) -> bool:
    try:
        import_module(_MODULES[name])
    except ModuleNotFoundError:
        return False
    return True


def _resample_with_pillow(image: Image.Image, size: Size, box: Box, reducing_gap: float | None) -> Image.Image:
    return image.resize(size, FILTER, box=box, reducing_gap=reducing_gap)


def _resample_with_cykooz(image: Image.Image, size: Size, box: Box, reducing_gap: float | None) -> Image.Image:
    """Scale without a copy: the library reads and writes the memory of Pillow's images."""
    library = import_module(_MODULES["cykooz-resizer"])
    if image.mode == "LA":  # The library does not support it.
        return _resample_with_cykooz(image.convert("RGBA"), size, box, reducing_gap).convert("LA")
    # The image after the first of two passes of the filter, and a copy whose colors are multiplied by alpha.
    copied = image.width if image.mode == "RGBA" else 0
    _reserve(_PILLOW_BYTES[image.mode] * image.height * (size[0] + copied))
    left, upper, right, lower = box
    options = library.ResizeOptions(
        resize_alg=library.ResizeAlg.convolution(library.FilterType.lanczos3),
        crop_box=library.CropBox(left, upper, right - left, lower - upper),
    )
    result = Image.new(image.mode, size)
    library.Resizer().resize_pil(image, result, options)
    return result


def _resample_with_pic_scale(image: Image.Image, size: Size, box: Box, reducing_gap: float | None) -> Image.Image:
    """Scale a copy of the pixels. The library has no boxes, so Pillow scales those with fractions."""
    if any(edge % 1 for edge in box):
        return _resample_with_pillow(image, size, box, reducing_gap)
    library = import_module(_MODULES["pic-scale"])
    left, upper, right, lower = map(int, box)
    part = image if (left, upper, right, lower) == (0, 0, *image.size) else image.crop((left, upper, right, lower))
    _reserve(len(part.getbands()) * (2 * part.width * part.height + part.height * size[0] + 2 * size[0] * size[1]))
    result: Image.Image = library.resize(part, size, library.Resampling.LANCZOS, workers=1)
    return result


def _reserve(size: int) -> None:
    """Raise MemoryError if ``size`` bytes are not available. No page of them is used.

    The libraries allocate this memory in Rust, which ends the process if there is none.
    """
    try:
        mmap(-1, size, flags=MAP_PRIVATE | MAP_ANONYMOUS).close()
    except OSError as error:
        raise MemoryError from error


#: Bytes of a pixel in the memory of Pillow.
_PILLOW_BYTES: Final = {"L": 1, "RGB": 4, "RGBA": 4}
_MODULES: Final = {"cykooz-resizer": "cykooz_resizer", "pic-scale": "pic_scale", "pillow": "PIL"}
#: The kernels by the names of their packages, fastest first. cykooz-resizer has no wheel for Linux on arm64.
KERNELS: Final[dict[str, Kernel]] = {
    "cykooz-resizer": _resample_with_cykooz,
    "pic-scale": _resample_with_pic_scale,
    "pillow": _resample_with_pillow,
}
