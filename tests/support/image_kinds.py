"""Generated images of every supported kind, each with its expected appearance.

The reference is the scene that the file was made from, never a result of the code under test.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from PIL import Image, ImageDraw
from support import color_profiles, raw_files
from support.sample_images import encode

SIZE: Final = (96, 64)
MAX_COLORS: Final = 64
DURATIONS: Final = (100, 250, 400)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of input file."""

    name: str
    data: bytes
    #: Expected frames: 8 bits, sRGB, upright, with alpha if the file has it.
    frames: tuple[Image.Image, ...]
    #: True if processing gives a warning.
    warns: bool = False


def draw_scene() -> Image.Image:
    """Return a smooth scene in which every rotation, mirroring and swapped channel is visible."""
    image = Image.new("RGB", SIZE)
    width, height = SIZE
    for x in range(width):
        for y in range(height):
            image.putpixel((x, y), (40 + 180 * x // width, 60 + 150 * y // height, 200 - 120 * x // width))
    ImageDraw.Draw(image).ellipse((8, 8, 39, 31), fill=(220, 30, 40))
    return image


def draw_transparent_scene() -> Image.Image:
    """Return the scene, transparent on the left, half transparent in the middle, opaque on the right."""
    image = draw_scene()
    alpha = Image.new("L", SIZE, 255)
    alpha.paste(0, (0, 0, 16, SIZE[1]))
    alpha.paste(128, (16, 0, 48, SIZE[1]))
    image.putalpha(alpha)
    return image


def draw_frames(scene: Image.Image) -> tuple[Image.Image, ...]:
    """Return three frames: a dark square moves over the scene. Its center is transparent if the scene has alpha."""
    frames = []
    for index in range(len(DURATIONS)):
        frame = scene.copy()
        dark, clear = ((20, 20, 60, 255), (0, 0, 0, 0)) if scene.mode == "RGBA" else ((20, 20, 60), (250, 250, 250))
        frame.paste(dark, (50 + 10 * index, 20, 70 + 10 * index, 44))
        frame.paste(clear, (56 + 10 * index, 28, 62 + 10 * index, 36))
        frames.append(frame)
    return tuple(frames)


@cache
def make_kinds() -> tuple[Kind, ...]:
    """Return one file of each kind."""
    return (*_make_jpegs(), *_make_pngs(), *_make_other_formats(), *_make_animations())


def _make_jpegs() -> list[Kind]:
    best: dict[str, Any] = {"quality": 97, "subsampling": 0}
    scene, gray = draw_scene(), draw_scene().convert("L")
    patches = _draw_ink_patches()
    inks = [band.point(lambda value: 255 - value) for band in scene.split()]
    cmyk = Image.merge("CMYK", (*inks, Image.new("L", SIZE)))
    rotated = [
        Kind(f"JPEG, EXIF orientation {value}", encode(stored, "JPEG", exif=_make_exif(value), **best), (scene,))
        for value, stored in store_in_each_orientation(scene).items()
    ]
    return [
        Kind("JPEG, baseline", encode(scene, "JPEG", **best), (scene,)),
        Kind("JPEG, progressive", encode(scene, "JPEG", progressive=True, **best), (scene,)),
        Kind("JPEG, 4:2:0", encode(scene, "JPEG", quality=97, subsampling=2), (scene,)),
        Kind("JPEG, gray", encode(gray, "JPEG", **best), (gray,)),
        *rotated,
        Kind(
            "JPEG, Display P3",
            encode(
                color_profiles.convert_to_display_p3(scene),
                "JPEG",
                icc_profile=color_profiles.make_display_p3_profile(),
                **best,
            ),
            (scene,),
        ),
        Kind(
            "JPEG, Adobe RGB",
            encode(
                color_profiles.convert_to_adobe_rgb(scene),
                "JPEG",
                icc_profile=color_profiles.make_adobe_rgb_profile(),
                **best,
            ),
            (scene,),
        ),
        Kind("JPEG, CMYK", encode(cmyk, "JPEG", **best), (scene,)),
        Kind(
            "JPEG, CMYK with profile",
            encode(patches[0], "JPEG", icc_profile=color_profiles.make_swapped_cmyk_profile(), **best),
            (patches[1],),
        ),
        Kind("JPEG, broken profile", encode(scene, "JPEG", icc_profile=b"no profile", **best), (scene,), warns=True),
    ]


def _make_pngs() -> list[Kind]:
    scene, clear = draw_scene(), draw_transparent_scene()
    gray, flat = scene.convert("L"), scene.quantize(MAX_COLORS)
    display_p3 = _copy_alpha(color_profiles.convert_to_display_p3(scene), clear)
    black_and_white = gray.point([255 if value > 128 else 0 for value in range(256)])
    palette = flat.copy()
    palette.putpixel((0, 0), 7)
    appearance = palette.convert("RGBA")
    appearance.putalpha(palette.point([0 if value == 7 else 255 for value in range(256)], "L"))
    return [
        Kind("PNG, RGB", encode(scene, "PNG"), (scene,)),
        Kind("PNG, interlaced", raw_files.make_png(_list_rows(scene), 8, interlaced=True), (scene,)),
        Kind("PNG, RGBA", encode(clear, "PNG"), (clear,)),
        Kind("PNG, gray", encode(gray, "PNG"), (gray,)),
        Kind("PNG, gray and alpha", encode(clear.convert("LA"), "PNG"), (clear.convert("LA"),)),
        Kind("PNG, palette", encode(flat, "PNG"), (flat.convert("RGB"),)),
        Kind("PNG, palette with transparency", encode(palette, "PNG", transparency=7), (appearance,)),
        Kind("PNG, 1 bit", encode(black_and_white.convert("1"), "PNG"), (black_and_white,)),
        Kind("PNG, 16-bit gray", raw_files.make_png(_list_rows(gray, 257), 16), (gray,)),
        Kind("PNG, 16-bit RGB", raw_files.make_png(_list_rows(scene, 257), 16), (scene,)),
        Kind("PNG, 16-bit RGBA", raw_files.make_png(_list_rows(clear, 257), 16), (clear,)),
        Kind(
            "PNG, Display P3 and alpha",
            encode(display_p3, "PNG", icc_profile=color_profiles.make_display_p3_profile()),
            (clear,),
        ),
    ]


def _make_other_formats() -> list[Kind]:
    scene, clear = draw_scene(), draw_transparent_scene()
    gray, flat, patches = scene.convert("L"), scene.quantize(MAX_COLORS), _draw_ink_patches()
    profile = color_profiles.make_swapped_cmyk_profile()
    return [
        Kind("TIFF, LZW", encode(scene, "TIFF", compression="tiff_lzw"), (scene,)),
        Kind("TIFF, 16-bit RGB", raw_files.make_tiff(_list_rows(scene, 257)), (scene,)),
        Kind("TIFF, 1 bit, fax", encode(_draw_halves().convert("1"), "TIFF", compression="group4"), (_draw_halves(),)),
        Kind("TIFF, float gray", encode(gray.convert("F").point(lambda value: value / 255), "TIFF"), (gray,)),
        Kind("TIFF, RGBA", encode(clear, "TIFF"), (clear,)),
        Kind("TIFF, CMYK with profile", encode(patches[0], "TIFF", icc_profile=profile), (patches[1],)),
        Kind("TIFF, two pages", encode(scene, "TIFF", save_all=True, append_images=[gray]), (scene,), warns=True),
        Kind("WebP, lossy", encode(scene, "WEBP", quality=95), (scene,)),
        Kind("WebP, lossless with alpha", encode(clear, "WEBP", lossless=True, exact=True), (clear,)),
        Kind("AVIF", encode(scene, "AVIF", quality=95, subsampling="4:4:4"), (scene,)),
        Kind("AVIF with alpha", encode(clear, "AVIF", quality=95, subsampling="4:4:4"), (clear,)),
        Kind("BMP, 24 bit", encode(scene, "BMP"), (scene,)),
        Kind("BMP, palette", encode(flat, "BMP"), (flat.convert("RGB"),)),
        Kind("GIF, interlaced", encode(flat, "GIF", interlace=1), (flat.convert("RGB"),)),
    ]


def _make_animations() -> list[Kind]:
    scene, clear = draw_frames(draw_scene()), draw_frames(draw_transparent_scene())
    reduced = tuple(_reduce_colors(frame) for frame in scene)
    options: dict[str, dict[str, Any]] = {
        "WEBP": {"lossless": True, "exact": True},
        "AVIF": {"quality": 95, "subsampling": "4:4:4"},
    }

    def animation(name: str, frames: tuple[Image.Image, ...]) -> bytes:
        timing: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "duration": list(DURATIONS), "loop": 0}
        return encode(frames[0], name, **timing, **options.get(name, {}))

    return [
        Kind("GIF, animated", animation("GIF", reduced), tuple(frame.convert("RGB") for frame in reduced)),
        Kind("WebP, animated", animation("WEBP", scene), scene),
        Kind("WebP, animated with alpha", animation("WEBP", clear), clear),
        Kind("APNG", animation("PNG", scene), scene),
        Kind("APNG with alpha", animation("PNG", clear), clear),
        Kind("AVIF, animated", animation("AVIF", scene), scene),
    ]


def store_in_each_orientation(upright: Image.Image) -> dict[int, Image.Image]:
    """Return the image as stored for each EXIF orientation (CIPA DC-008, tag 0x0112)."""
    way = Image.Transpose
    transposes = {
        2: way.FLIP_LEFT_RIGHT,
        3: way.ROTATE_180,
        4: way.FLIP_TOP_BOTTOM,
        5: way.TRANSPOSE,
        6: way.ROTATE_90,
        7: way.TRANSVERSE,
        8: way.ROTATE_270,
    }
    return {1: upright} | {value: upright.transpose(transpose) for value, transpose in transposes.items()}


def _make_exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def _list_rows(image: Image.Image, factor: int = 1) -> list[list[list[int]]]:
    """Return the pixels of an image, times a factor. 257 scales 8 bits to 16."""
    count = len(image.getbands())
    data = image.tobytes()
    row = image.width * count
    return [
        [[value * factor for value in data[at : at + count]] for at in range(start, start + row, count)]
        for start in range(0, len(data), row)
    ]


def _draw_ink_patches() -> tuple[Image.Image, Image.Image]:
    """Return eight patches of full inks, and their appearance with the profile that swaps cyan and magenta."""
    inks, appearance = Image.new("CMYK", SIZE), Image.new("RGB", SIZE)
    for index in range(8):
        cyan, magenta, yellow = index & 1, index >> 1 & 1, index >> 2 & 1
        box = (index % 4 * 24, index // 4 * 32, index % 4 * 24 + 24, index // 4 * 32 + 32)
        inks.paste((255 * cyan, 255 * magenta, 255 * yellow, 0), box)
        appearance.paste((255 * (1 - magenta), 255 * (1 - cyan), 255 * (1 - yellow)), box)
    return inks, appearance


def _draw_halves() -> Image.Image:
    image = Image.new("L", SIZE, 255)
    image.paste(0, (0, 0, 40, 64))
    return image


def _copy_alpha(image: Image.Image, other: Image.Image) -> Image.Image:
    image.putalpha(other.getchannel("A"))
    return image


def _reduce_colors(image: Image.Image) -> Image.Image:
    return image.quantize(MAX_COLORS)
