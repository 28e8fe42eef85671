"""HEIF files of the tests. ``heif/README.md`` says where they are from."""

from pathlib import Path

FOLDER = Path(__file__).with_name("heif")


def read_heif(name: str) -> bytes:
    """Return a file: the name of one of ours, or the full name of a public file."""
    return (FOLDER / f"{name}.heic" if "." not in name else FOLDER / "public" / name).read_bytes()
