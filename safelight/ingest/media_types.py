"""What files are, by their first bytes: the type that an upload is declared as."""

HEAD_BYTES = 16

#: The formats' own signatures; WebP and the relatives of MP4 have theirs further in.
_BEGINNINGS = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"BM", "image/bmp"),
)
_BRANDS = {b"avif": "image/avif", b"avis": "image/avif"} | dict.fromkeys((b"heic", b"heix", b"mif1"), "image/heic")
#: Suffixes by which images are found in folders.
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".heic", ".heif"}
)
#: What a file is declared as whose name may lie: the content decides.
UNKNOWN = "application/octet-stream"


def media_type(head: bytes) -> str:
    """Return the type of a file by its first ``HEAD_BYTES``, or UNKNOWN, which leaves it to the API."""
    for beginning, kind in _BEGINNINGS:
        if head.startswith(beginning):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return _BRANDS.get(head[8:12], UNKNOWN) if head[4:8] == b"ftyp" else UNKNOWN
