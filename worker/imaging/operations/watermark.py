"""The watermark operation: a text or an asset drawn over the image."""

from collections.abc import Callable

from PIL import Image, ImageDraw

from shared.pipeline.operations import Rotate, Watermark
from shared.pipeline.sizes import fit_size, place_box
from worker.imaging.fonts import load_font, prepare_text
from worker.imaging.operations.canvas import add_alpha, parse_rgba
from worker.imaging.operations.geometry import resize_to, rotate

#: A function that takes the name of an asset and returns its decoded image. It raises AssetUnusable if the asset is
#: missing or unreadable.
LoadAsset = Callable[[str], Image.Image]

#: Font size, in pixels, at which a text is measured to compute its final size.
_MEASURE_PIXELS = 100


def watermark(image: Image.Image, params: Watermark, load_asset: LoadAsset) -> Image.Image:
    """Draw the watermark over the image, once or tiled. Raises AssetUnusable if its asset is missing or unreadable."""
    box = max(1, round(image.width * params.scale)), max(1, round(image.height * params.scale))
    mark = load_asset(params.image) if params.image else _draw_text(params, box)
    mark = rotate(add_alpha(mark), Rotate(angle=params.angle))
    mark = resize_to(mark, fit_size(mark.size, box, enlarge=True))
    mark = _apply_opacity(mark, params.opacity)
    margin = round(min(image.size) * params.margin)
    if params.tile:
        mark, position = _draw_tiles(image.size, mark, margin), (0, 0)
    else:
        position = _compute_position(image.size, mark.size, params.gravity, margin)
    return _blend(image, mark, position)


def _draw_text(params: Watermark, box: tuple[int, int]) -> Image.Image:
    """Return an image of the text, as large as the box allows, on a transparent background without margins."""
    text = prepare_text(params.text or "")
    left, upper, right, lower = load_font(params.font, _MEASURE_PIXELS).getbbox(text)
    factor = min(box[0] / max(1, right - left), box[1] / max(1, lower - upper))
    font = load_font(params.font, max(1, int(_MEASURE_PIXELS * factor)))
    left, upper, right, lower = font.getbbox(text)
    red, green, blue, opacity = parse_rgba(params.color)
    size = max(1, round(right - left)), max(1, round(lower - upper))
    ink = Image.new("L", size)
    ImageDraw.Draw(ink).text((-left, -upper), text, fill=opacity, font=font)
    is_gray = red == green == blue
    drawn = Image.new("L", size, red) if is_gray else Image.new("RGB", size, (red, green, blue))
    drawn.putalpha(ink)
    return drawn


def _apply_opacity(mark: Image.Image, opacity: float) -> Image.Image:
    faded = mark.copy()
    faded.putalpha(mark.getchannel("A").point([round(value * opacity) for value in range(256)]))
    return faded


def _compute_position(size: tuple[int, int], mark: tuple[int, int], gravity: str, margin: int) -> tuple[int, int]:
    """Return the position of the mark's top left corner. It is moved inside the image if necessary."""
    inner = size[0] - 2 * margin, size[1] - 2 * margin
    left, upper = place_box(inner, mark, gravity)[:2]
    return (
        max(0, min(size[0] - mark[0], left + margin)),
        max(0, min(size[1] - mark[1], upper + margin)),
    )


def _draw_tiles(size: tuple[int, int], mark: Image.Image, gap: int) -> Image.Image:
    """Return a layer that is tiled with the mark. Doubling the tiled area repeatedly is fast even for tiny marks."""
    layer = Image.new(mark.mode, size)
    layer.paste(mark, (gap // 2, gap // 2))
    width, height = mark.width + gap, mark.height + gap
    while width < size[0]:
        layer.paste(layer.crop((0, 0, min(width, size[0] - width), size[1])), (width, 0))
        width *= 2
    while height < size[1]:
        layer.paste(layer.crop((0, 0, size[0], min(height, size[1] - height))), (0, height))
        height *= 2
    return layer


def _blend(image: Image.Image, mark: Image.Image, position: tuple[int, int]) -> Image.Image:
    """Return the image with the mark composited over it. A grayscale image stays grayscale if the mark is gray."""
    if image.mode in {"L", "LA"} and mark.mode == "RGBA":
        image = image.convert("RGB" if image.mode == "L" else "RGBA")
    if image.mode in {"L", "RGB"}:
        result = image.copy()
        result.paste(mark.convert(image.mode), position, mark.getchannel("A"))
        return result
    result = image.convert("RGBA")
    result = result.copy() if result is image else result
    result.alpha_composite(mark.convert("RGBA"), position)
    return result.convert(image.mode)
