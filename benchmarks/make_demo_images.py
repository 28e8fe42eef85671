"""Make the demo images in ``safelight/demo_images`` from the sample images of scikit-image.

Each image shows one case of a pipeline, such as an EXIF orientation, transparency or a large size.

``python benchmarks/make_demo_images.py SKIMAGE_DATA_FOLDER`` takes the folder ``skimage/data`` of an unpacked
scikit-image 0.26. With the same Pillow version, every run creates the same files.
"""

import argparse
from pathlib import Path

from PIL import Image, ImageOps

TARGET = Path(__file__).parents[1] / "safelight" / "demo_images"
SHEET_CELLS = (
    "hubble_deep_field.jpg",
    "coffee.png",
    "astronaut.png",
    "chelsea.png",
    "rocket.jpg",
    "retina.jpg",
    "chelsea.png",
    "coffee.png",
    "retina.jpg",
    "rocket.jpg",
    "hubble_deep_field.jpg",
    "astronaut.png",
)
SHEET_COLUMNS, SHEET_ROWS, CELL = 4, 3, 1000
#: Border inside each cell, in pixels.
GAP = 20
ORIENTATION_TAG = 0x0112
ARTIST_TAG = 0x013B


def open_rgb(source: Path, name: str) -> Image.Image:
    """Return one sample image as RGB."""
    with Image.open(source / name) as image:
        return image.convert("RGB")


def make_contact_sheet(source: Path) -> Image.Image:
    """Return a 12 megapixel grid of the samples, cropped to squares."""
    sheet = Image.new("RGB", (SHEET_COLUMNS * CELL, SHEET_ROWS * CELL), "#181818")
    for index, name in enumerate(SHEET_CELLS):
        row, column = divmod(index, SHEET_COLUMNS)
        side = CELL - 2 * GAP
        sheet.paste(ImageOps.fit(open_rgb(source, name), (side, side)), (column * CELL + GAP, row * CELL + GAP))
    return sheet


def make_sideways(source: Path) -> tuple[Image.Image, Image.Exif]:
    """Return an image that is rotated by 90 degrees, and EXIF data with this orientation."""
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6
    exif[ARTIST_TAG] = "Rachel Michetti"
    return open_rgb(source, "coffee.png").transpose(Image.Transpose.ROTATE_90), exif


def make_silhouette(source: Path) -> Image.Image:
    """Return the horse on a transparent background: the white pixels of the original become transparent."""
    with Image.open(source / "horse.png") as original:
        on_white = Image.alpha_composite(Image.new("RGBA", original.size, "white"), original.convert("RGBA"))
    horse = Image.new("RGBA", on_white.size, "#7a3b12")
    horse.putalpha(ImageOps.invert(on_white.convert("L")))
    return horse


def main() -> None:
    """Save the images."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="folder skimage/data")
    source: Path = parser.parse_args().source
    with Image.open(source / "astronaut.png") as astronaut:
        profile = astronaut.info["icc_profile"]
        astronaut.save(TARGET / "astronaut.jpg", quality=88, icc_profile=profile)
    sideways, exif = make_sideways(source)
    sideways.save(TARGET / "coffee-sideways.jpg", quality=88, exif=exif)
    make_silhouette(source).save(TARGET / "horse-transparent.png", optimize=True)
    open_rgb(source, "chelsea.png").save(TARGET / "cat.webp", quality=85, method=6)
    open_rgb(source, "rocket.jpg").save(TARGET / "rocket-progressive.jpg", quality=88, progressive=True)
    open_rgb(source, "hubble_deep_field.jpg").save(TARGET / "hubble-deep-field.jpg", quality=80)
    make_contact_sheet(source).save(TARGET / "contact-sheet.jpg", quality=78)
    with Image.open(source / "clock_motion.png") as clock:
        clock.convert("L").resize((96, 72)).save(TARGET / "clock-small.png", optimize=True)
    text = b"This is not an image. It has the signature of one, so it is accepted, and then its job fails.\n"
    (TARGET / "not-an-image.png").write_bytes(b"\x89PNG\r\n\x1a\n" + text)
    for path in sorted(TARGET.iterdir()):
        print(f"{path.stat().st_size:>9} {path.name}")


if __name__ == "__main__":
    main()
