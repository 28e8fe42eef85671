"""The EXIF orientation, which the worker and plans read in the same way."""

import struct
from typing import Final

#: What precedes EXIF in a JPEG, and in some other files. The last byte is padding of any value.
EXIF_PREFIX: Final = b"Exif\0"

_PREFIX_BYTES: Final = len(EXIF_PREFIX) + 1
_ORIENTATION: Final = 0x0112
_SHORT: Final = 3
_ORDERS: Final = {b"II*\0": "<", b"MM\0*": ">"}


def read_exif_orientation(block: bytes) -> int:
    """Return the EXIF orientation, 1 to 8, or 1 if there is none (CIPA DC-008, tag 0x0112).

    ``block`` is a TIFF structure, with or without the prefix. Like in browsers, only one number of type SHORT counts.
    Damage elsewhere does not matter.
    """
    tiff = memoryview(block)[_PREFIX_BYTES if block.startswith(EXIF_PREFIX) else 0 :]
    order = _ORDERS.get(bytes(tiff[:4]))
    if order is None:
        return 1
    try:
        (first,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, first)
        for entry in range(first + 2, first + 2 + 12 * count, 12):
            tag, kind, values, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
            if tag == _ORIENTATION:
                return value if kind == _SHORT and values == 1 and 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1
