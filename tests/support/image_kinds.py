"""Every kind of image that people send, made by code, each with what it must look like.

The reference is the scene that the file was made from, never something that the code under test computed.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from PIL import Image, ImageDraw
from support import color_profiles, raw_files
from support.sample_images import encoded

SIZE: Final = (96, 64)
MOST_COLORS: Final = 64
DURATIONS: Final = (100, 250, 400)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of input."""

    name: str
    data: bytes
    #: What it shows: eight bits, sRGB, upright, with alpha if it has any.
    frames: tuple[Image.Image, ...]
    warns: bool = False


def colorful() -> Image.Image:
    """Return a soft scene in which every way of turning it, and every channel, shows."""
    image = Image.new("RGB", SIZE)
    width, height = SIZE
    for x in range(width):
        for y in range(height):
            image.putpixel((x, y), (40 + 180 * x // width, 60 + 150 * y // height, 200 - 120 * x // width))
    ImageDraw.Draw(image).ellipse((8, 8, 39, 31), fill=(220, 30, 40))
    return image


def transparent() -> Image.Image:
    """Return the scene, clear on the left, half clear in the middle, opaque on the right."""
    image = colorful()
    alpha = Image.new("L", SIZE, 255)
    alpha.paste(0, (0, 0, 16, SIZE[1]))
    alpha.paste(128, (16, 0, 48, SIZE[1]))
    image.putalpha(alpha)
    return image


def moving(scene: Image.Image) -> tuple[Image.Image, ...]:
    """Return three frames: a dark square walks over the scene, a window in it is clear if it has alpha."""
    frames = []
    for index in range(len(DURATIONS)):
        frame = scene.copy()
        dark, clear = ((20, 20, 60, 255), (0, 0, 0, 0)) if scene.mode == "RGBA" else ((20, 20, 60), (250, 250, 250))
        frame.paste(dark, (50 + 10 * index, 20, 70 + 10 * index, 44))
        frame.paste(clear, (56 + 10 * index, 28, 62 + 10 * index, 36))
        frames.append(frame)
    return tuple(frames)


@cache
def kinds() -> tuple[Kind, ...]:
    """Make one file of each kind."""
    return (*_jpegs(), *_pngs(), *_others(), *_animations())


def _jpegs() -> list[Kind]:
    best: dict[str, Any] = {"quality": 97, "subsampling": 0}
    scene, gray = colorful(), colorful().convert("L")
    patches = _ink_patches()
    inks = [band.point(lambda value: 255 - value) for band in scene.split()]
    cmyk = Image.merge("CMYK", (*inks, Image.new("L", SIZE)))
    turned = [
        Kind(f"JPEG, EXIF orientation {value}", encoded(stored, "JPEG", exif=_exif(value), **best), (scene,))
        for value, stored in _stored_ways(scene).items()
    ]
    return [
        Kind("JPEG, baseline", encoded(scene, "JPEG", **best), (scene,)),
        Kind("JPEG, progressive", encoded(scene, "JPEG", progressive=True, **best), (scene,)),
        Kind("JPEG, 4:2:0", encoded(scene, "JPEG", quality=97, subsampling=2), (scene,)),
        Kind("JPEG, gray", encoded(gray, "JPEG", **best), (gray,)),
        *turned,
        Kind(
            "JPEG, Display P3",
            encoded(
                color_profiles.in_display_p3(scene), "JPEG", icc_profile=color_profiles.display_p3_profile(), **best
            ),
            (scene,),
        ),
        Kind(
            "JPEG, Adobe RGB",
            encoded(color_profiles.in_adobe_rgb(scene), "JPEG", icc_profile=color_profiles.adobe_rgb_profile(), **best),
            (scene,),
        ),
        Kind("JPEG, CMYK", encoded(cmyk, "JPEG", **best), (scene,)),
        Kind(
            "JPEG, CMYK with profile",
            encoded(patches[0], "JPEG", icc_profile=color_profiles.swapped_cmyk_profile(), **best),
            (patches[1],),
        ),
        Kind("JPEG, broken profile", encoded(scene, "JPEG", icc_profile=b"no profile", **best), (scene,), warns=True),
    ]


def _pngs() -> list[Kind]:
    scene, clear = colorful(), transparent()
    gray, flat = scene.convert("L"), scene.quantize(MOST_COLORS)
    foreign = _with_alpha_of(color_profiles.in_display_p3(scene), clear)
    shades = gray.point([255 if value > 128 else 0 for value in range(256)])
    palette = flat.copy()
    palette.putpixel((0, 0), 7)
    seen = palette.convert("RGBA")
    seen.putalpha(palette.point([0 if value == 7 else 255 for value in range(256)], "L"))
    return [
        Kind("PNG, RGB", encoded(scene, "PNG"), (scene,)),
        Kind("PNG, interlaced", raw_files.png(_rows(scene), 8, interlaced=True), (scene,)),
        Kind("PNG, RGBA", encoded(clear, "PNG"), (clear,)),
        Kind("PNG, gray", encoded(gray, "PNG"), (gray,)),
        Kind("PNG, gray and alpha", encoded(clear.convert("LA"), "PNG"), (clear.convert("LA"),)),
        Kind("PNG, palette", encoded(flat, "PNG"), (flat.convert("RGB"),)),
        Kind("PNG, palette with transparency", encoded(palette, "PNG", transparency=7), (seen,)),
        Kind("PNG, 1 bit", encoded(shades.convert("1"), "PNG"), (shades,)),
        Kind("PNG, 16-bit gray", raw_files.png(_rows(gray, 257), 16), (gray,)),
        Kind("PNG, 16-bit RGB", raw_files.png(_rows(scene, 257), 16), (scene,)),
        Kind("PNG, 16-bit RGBA", raw_files.png(_rows(clear, 257), 16), (clear,)),
        Kind(
            "PNG, Display P3 and alpha",
            encoded(foreign, "PNG", icc_profile=color_profiles.display_p3_profile()),
            (clear,),
        ),
    ]


def _others() -> list[Kind]:
    scene, clear = colorful(), transparent()
    gray, flat, patches = scene.convert("L"), scene.quantize(MOST_COLORS), _ink_patches()
    profile = color_profiles.swapped_cmyk_profile()
    return [
        Kind("TIFF, LZW", encoded(scene, "TIFF", compression="tiff_lzw"), (scene,)),
        Kind("TIFF, 16-bit RGB", raw_files.tiff(_rows(scene, 257)), (scene,)),
        Kind("TIFF, 1 bit, fax", encoded(_halves().convert("1"), "TIFF", compression="group4"), (_halves(),)),
        Kind("TIFF, float gray", encoded(gray.convert("F").point(lambda value: value / 255), "TIFF"), (gray,)),
        Kind("TIFF, RGBA", encoded(clear, "TIFF"), (clear,)),
        Kind("TIFF, CMYK with profile", encoded(patches[0], "TIFF", icc_profile=profile), (patches[1],)),
        Kind("TIFF, two pages", encoded(scene, "TIFF", save_all=True, append_images=[gray]), (scene,), warns=True),
        Kind("WebP, lossy", encoded(scene, "WEBP", quality=95), (scene,)),
        Kind("WebP, lossless with alpha", encoded(clear, "WEBP", lossless=True, exact=True), (clear,)),
        Kind("AVIF", encoded(scene, "AVIF", quality=95, subsampling="4:4:4"), (scene,)),
        Kind("AVIF with alpha", encoded(clear, "AVIF", quality=95, subsampling="4:4:4"), (clear,)),
        Kind("BMP, 24 bit", encoded(scene, "BMP"), (scene,)),
        Kind("BMP, palette", encoded(flat, "BMP"), (flat.convert("RGB"),)),
        Kind("GIF, interlaced", encoded(flat, "GIF", interlace=1), (flat.convert("RGB"),)),
    ]


def _animations() -> list[Kind]:
    scene, clear = moving(colorful()), moving(transparent())
    few = tuple(_few_colors(frame) for frame in scene)
    sharp: dict[str, dict[str, Any]] = {
        "WEBP": {"lossless": True, "exact": True},
        "AVIF": {"quality": 95, "subsampling": "4:4:4"},
    }

    def animation(name: str, frames: tuple[Image.Image, ...]) -> bytes:
        timing: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "duration": list(DURATIONS), "loop": 0}
        return encoded(frames[0], name, **timing, **sharp.get(name, {}))

    return [
        Kind("GIF, animated", animation("GIF", few), tuple(frame.convert("RGB") for frame in few)),
        Kind("WebP, animated", animation("WEBP", scene), scene),
        Kind("WebP, animated with alpha", animation("WEBP", clear), clear),
        Kind("APNG", animation("PNG", scene), scene),
        Kind("APNG with alpha", animation("PNG", clear), clear),
        Kind("AVIF, animated", animation("AVIF", scene), scene),
    ]


def _stored_ways(upright: Image.Image) -> dict[int, Image.Image]:
    """Return how an image lies in the file for each EXIF orientation (CIPA DC-008, tag 0x0112)."""
    way = Image.Transpose
    undone = {
        2: way.FLIP_LEFT_RIGHT,
        3: way.ROTATE_180,
        4: way.FLIP_TOP_BOTTOM,
        5: way.TRANSPOSE,
        6: way.ROTATE_90,
        7: way.TRANSVERSE,
        8: way.ROTATE_270,
    }
    return {1: upright} | {value: upright.transpose(undo) for value, undo in undone.items()}


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def _rows(image: Image.Image, factor: int = 1) -> list[list[list[int]]]:
    """Return the pixels of an image as numbers, times a factor (257 makes 16 bits of 8)."""
    count = len(image.getbands())
    data = image.tobytes()
    row = image.width * count
    return [
        [[value * factor for value in data[at : at + count]] for at in range(start, start + row, count)]
        for start in range(0, len(data), row)
    ]


def _ink_patches() -> tuple[Image.Image, Image.Image]:
    """Return eight patches of full inks, and what they look like by the profile that swaps cyan and magenta."""
    inks, seen = Image.new("CMYK", SIZE), Image.new("RGB", SIZE)
    for index in range(8):
        cyan, magenta, yellow = index & 1, index >> 1 & 1, index >> 2 & 1
        box = (index % 4 * 24, index // 4 * 32, index % 4 * 24 + 24, index // 4 * 32 + 32)
        inks.paste((255 * cyan, 255 * magenta, 255 * yellow, 0), box)
        seen.paste((255 * (1 - magenta), 255 * (1 - cyan), 255 * (1 - yellow)), box)
    return inks, seen


def _halves() -> Image.Image:
    image = Image.new("L", SIZE, 255)
    image.paste(0, (0, 0, 40, 64))
    return image


def _with_alpha_of(image: Image.Image, other: Image.Image) -> Image.Image:
    image.putalpha(other.getchannel("A"))
    return image


def _few_colors(image: Image.Image) -> Image.Image:
    return image.quantize(MOST_COLORS)
