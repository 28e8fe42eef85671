"""Facts about a raw image: what is measured from its pixels, and what its metadata says.

A worker computes them, and the record of a completed job holds them as JSON. The bounds of the fields are checked when
the worker reads them from its child process, so metadata can't make a record large.
"""

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from shared.pipeline.strict import Flag, StrictModel

#: Maximum characters of a caption, and of other texts from metadata.
MAX_CAPTION: Final = 2000
MAX_TEXT: Final = 300
#: Number of colors in the palette.
PALETTE_COLORS: Final = 5
#: Maximum size of the stored facts in bytes. DynamoDB allows 400 KiB per item.
MAX_BYTES: Final = 24 * 1024


def _require_printable(text: str) -> str:
    """Return a text, or raise ValueError if it contains control characters."""
    if not text.isprintable():
        raise ValueError("contains control characters")
    return text


_Color = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
_Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT), AfterValidator(_require_printable)]
_Caption = Annotated[str, Field(min_length=1, max_length=MAX_CAPTION), AfterValidator(_require_printable)]


class FactsRequest(StrictModel):
    """Which facts of its image a job collects."""

    gps: Flag = Field(default=False, description="Add the GPS position. It can show where a person lives.")


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Camera(_Facts):
    """Maker and model of a camera, from EXIF or XMP."""

    make: _Text | None = None
    model: _Text | None = None


class Exposure(_Facts):
    """How a photograph was exposed, from EXIF."""

    time: float | None = Field(default=None, description="Seconds.")
    f_number: float | None = None
    iso: int | None = None
    bias: float | None = Field(default=None, description="Exposure compensation in EV.")
    focal_length: float | None = Field(default=None, description="Millimeters.")
    focal_length_35mm: int | None = Field(default=None, description="Millimeters, for a film of 35 mm.")


class GpsPosition(_Facts):
    """Where a photograph was taken, from EXIF."""

    latitude: float = Field(ge=-90, le=90, description="Degrees, positive in the north.")
    longitude: float = Field(ge=-180, le=180, description="Degrees, positive in the east.")
    altitude: float | None = Field(default=None, description="Meters above sea level.")


class ImageFacts(_Facts):
    """Facts about a raw image. A fact that the file does not have is null."""

    width: int = Field(ge=1, description="Pixels, after the EXIF orientation is applied.")
    height: int = Field(ge=1, description="Pixels, after the EXIF orientation is applied.")
    orientation: int = Field(ge=1, le=8, description="EXIF orientation of the file. 1 is upright.")
    frames: int = Field(ge=1, description="Frames of an animation, or pages of a TIFF.")
    has_alpha: bool = Field(description="True if the file can hold transparent pixels.")
    bit_depth: int = Field(ge=1, le=64, description="Bits per channel in the file.")
    color_space: _Text = Field(description="`sRGB`, or the color space that the data of the file describes.")
    icc_name: _Text | None = Field(default=None, description="Name of the ICC profile.")
    dominant_color: _Color | None = Field(
        default=None,
        description="The first color of the palette. Null if the pipeline needs only the brightness of a JPEG.",
    )
    palette: tuple[_Color, ...] = Field(
        default=(), max_length=PALETTE_COLORS, description="Up to five main colors, the most frequent first."
    )
    thumbhash: str = Field(
        max_length=64,
        pattern=r"^[A-Za-z0-9+/=]*$",
        description="ThumbHash, a placeholder of about 25 bytes, in base64.",
    )
    perceptual_hash: str = Field(
        pattern="^[0-9a-f]{16}$", description="64 bits, hexadecimal. Similar images differ in few bits."
    )
    has_c2pa: bool = Field(description="True if the file has a C2PA manifest. The manifest is not verified.")
    camera: Camera | None = None
    lens: _Text | None = None
    exposure: Exposure | None = None
    taken_at: str | None = Field(
        default=None,
        max_length=40,
        description="Date and time by the camera's clock (ISO 8601), with a UTC offset if the file has one.",
    )
    title: _Text | None = None
    caption: _Caption | None = None
    creator: _Text | None = None
    copyright: _Text | None = None
    gps: GpsPosition | None = Field(default=None, description="Null unless the request asks for it.")

    def without_metadata(self) -> "ImageFacts":
        """Return only the facts from the image itself, which anyone who sees the image can know."""
        return self.model_copy(update=dict.fromkeys(METADATA_FACTS))

    def to_text(self) -> str | None:
        """Return the facts as JSON to store, or None if they are too large."""
        text = self.model_dump_json(exclude_none=True)
        return text if len(text.encode()) <= MAX_BYTES else None


#: Facts from metadata, which can be private.
METADATA_FACTS: Final = (
    *("camera", "lens", "exposure", "taken_at", "title", "caption", "creator", "copyright", "gps"),
)


def read_facts(text: str) -> ImageFacts | None:
    """Return stored facts, or None if this version can't read them."""
    try:
        return ImageFacts.model_validate_json(text)
    except ValidationError:
        return None


#: What a job collects if its request does not say anything about facts.
DEFAULT_FACTS: Final = FactsRequest()
