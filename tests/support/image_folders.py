"""Folders of small files, as users drop them onto the web page."""

from pathlib import Path

from PIL import Image

#: Formats of the images in turn: suffix and Pillow's name.
FORMATS = ((".png", "PNG"), (".jpg", "JPEG"), (".webp", "WEBP"), (".gif", "GIF"))
FOLDERS = ("beach", "city/night")
#: The only image with this name, and the largest one.
LARGEST = "pier.png"
SIZE = (1200, 900)
IMAGES_PER_FOLDER = 18
IMAGES = 1 + IMAGES_PER_FOLDER * len(FOLDERS)
#: Files that are not images: one only starts like an image, one is a text, and one is empty.
BAD_NAMES = ("broken.png", "notes.txt", "empty.jpg")


def create_image_folder(folder: Path) -> list[str]:
    """Create a folder of 40 files: 37 different images, some of which have equal names, and three bad files.

    Return the paths of the images, relative to the folder that contains it. The first is the largest image.
    """
    names = [Path(LARGEST)]
    for number in range(IMAGES_PER_FOLDER):
        suffix, _ = FORMATS[number % len(FORMATS)]
        names += [Path(each) / f"photo-{number:02}{suffix}" for each in FOLDERS]
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image_format = dict(FORMATS)[path.suffix]
        size = (60 + number, 40) if number else SIZE
        Image.new("RGB", size, (number * 6, 255 - number * 5, number * 37 % 256)).save(path, image_format)
    broken, text, empty = (folder / name for name in BAD_NAMES)
    broken.write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    text.write_text("Not an image.")
    empty.write_bytes(b"")
    return [(Path(folder.name) / name).as_posix() for name in names]
