"""The structure of AVIF and HEIF files: color facts, and parts that are not processed."""

from typing import Final

from shared.errors import UnsupportedFlavor
from shared.pipeline.heif_header import HeifHeader, read_heif_header
from worker.imaging.color.cicp import describe_decoded_video
from worker.imaging.color.description import CICP_UNUSABLE, ColorDescription
from worker.imaging.containers.contents import FileContents
from worker.imaging.containers.slices import Slices

#: Matrix coefficients (ITU-T H.273, table 4) that libavif or libheif can't convert to RGB.
_UNSUPPORTED_MATRICES: Final = {
    10: "BT.2020 with constant luminance",
    11: "SMPTE ST 2085",
    13: "YCbCr with constant luminance",
    14: "ICtCp",
    15: "IPT-C2",
}


def is_heif(data: bytes) -> bool:
    """Return True if a file consists of boxes, as AVIF and HEIF files do."""
    return data[4:8] == b"ftyp"


def read_heif(data: bytes) -> FileContents:
    """Return the parts of a file. The decoder gets the whole file, and reports damage.

    Raises UnsupportedFlavor for colors that the decoder can't convert.
    """
    whole = Slices(data)
    whole.add(0, len(data))
    header = read_heif_header(data)
    if header is None:
        return FileContents(pixels=whole)
    if header.primary.nclx and (name := _UNSUPPORTED_MATRICES.get(header.primary.nclx.matrix)):
        raise UnsupportedFlavor(f"The colors of the file are stored as {name}. Save the image as JPEG or PNG.")
    color, warnings = _read_color(data, header)
    return FileContents(
        pixels=whole, color=color, is_recognized=True, warnings=(*find_heif_warnings(header), *warnings)
    )


def find_heif_warnings(header: HeifHeader) -> tuple[str, ...]:
    """Return warnings about the parts of a file that are not processed."""
    warnings = []
    if header.has_gain_map:
        warnings.append("The gain map, which brightens the image on HDR displays, was ignored.")
    if header.images > 1:
        warnings.append(f"The file has {header.images} images. Only the primary image was processed.")
    return tuple(warnings)


def _read_color(data: bytes, header: HeifHeader) -> tuple[ColorDescription, tuple[str, ...]]:
    """Return the color facts, and warnings. The decoder has applied the matrix and the range.

    CICP for sRGB does not count if there is a profile. Many encoders write it into every file.
    """
    nclx, place = header.primary.nclx, header.primary.profile
    profile = data[slice(*place)] if place else None
    cicp = describe_decoded_video(nclx.primaries, nclx.transfer) if nclx else None
    if cicp is None or cicp.is_unspecified or (profile and cicp.is_srgb):
        return ColorDescription(profile=profile), ()
    if not cicp.is_supported:
        return ColorDescription(profile=profile), (CICP_UNUSABLE,)
    return ColorDescription(cicp=cicp, profile=profile), ()
