"""Facts about a photograph from its metadata.

If a fact is stored several times, EXIF counts before IPTC, and IPTC before XMP, as in the guidelines of the Metadata
Working Group (version 2.0).
"""

from collections.abc import Iterable
from datetime import datetime
from re import compile as compile_pattern
from typing import Any, Final

from shared.pipeline.facts import MAX_CAPTION, MAX_TEXT, Camera, Exposure, GpsPosition
from worker.imaging.facts.blocks import MetadataBlocks
from worker.imaging.facts.exif_tags import EXIF_POINTER, GPS_POINTER, Tags, Value, read_linked_tags, read_main_tags
from worker.imaging.facts.iptc import read_iptc
from worker.imaging.facts.texts import clean_text
from worker.imaging.facts.xmp import Properties, read_xmp

EXIF_DAMAGED: Final = "Some EXIF data is damaged, so facts may be missing."
IPTC_DAMAGED: Final = "Some IPTC data is damaged, so facts may be missing."
XMP_DAMAGED: Final = "The XMP data is damaged, so facts may be missing."

_CAPTION, _MAKE, _MODEL, _ARTIST, _COPYRIGHT = 0x010E, 0x010F, 0x0110, 0x013B, 0x8298
_TIME, _F_NUMBER, _ISO, _BIAS, _FOCAL, _FOCAL_35 = 0x829A, 0x829D, 0x8827, 0x9204, 0x920A, 0xA405
_TAKEN, _OFFSET, _SUBSECONDS, _LENS = 0x9003, 0x9011, 0x9291, 0xA434
_MAIN_TAGS: Final = frozenset({_CAPTION, _MAKE, _MODEL, _ARTIST, _COPYRIGHT, EXIF_POINTER, GPS_POINTER})
_EXIF_TAGS: Final = frozenset(
    {_TIME, _F_NUMBER, _ISO, _BIAS, _FOCAL, _FOCAL_35, _TAKEN, _OFFSET, _SUBSECONDS, _LENS},
)
_GPS_TAGS: Final = frozenset(range(1, 7))

#: IPTC-IIM data sets of record 2.
_IPTC_TITLE, _IPTC_DATE, _IPTC_TIME, _IPTC_CREATOR, _IPTC_COPYRIGHT, _IPTC_CAPTION = 5, 55, 60, 80, 116, 120
_IPTC_SETS: Final = frozenset({_IPTC_TITLE, _IPTC_DATE, _IPTC_TIME, _IPTC_CREATOR, _IPTC_COPYRIGHT, _IPTC_CAPTION})

_DC: Final = "http://purl.org/dc/elements/1.1/ "
_TIFF: Final = "http://ns.adobe.com/tiff/1.0/ "
_EXIF: Final = "http://ns.adobe.com/exif/1.0/ "
_TITLE, _DESCRIPTION, _CREATOR, _RIGHTS = f"{_DC}title", f"{_DC}description", f"{_DC}creator", f"{_DC}rights"
_XMP_MAKE, _XMP_MODEL = f"{_TIFF}Make", f"{_TIFF}Model"
_XMP_LENSES: Final = ("http://cipa.jp/exif/1.0/ LensModel", "http://ns.adobe.com/exif/1.0/aux/ Lens")
_XMP_DATES: Final = (f"{_EXIF}DateTimeOriginal", "http://ns.adobe.com/photoshop/1.0/ DateCreated")
_PROPERTIES: Final = frozenset(
    {_TITLE, _DESCRIPTION, _CREATOR, _RIGHTS, _XMP_MAKE, _XMP_MODEL, *_XMP_LENSES, *_XMP_DATES},
)

_EXIF_DATE: Final = compile_pattern(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET_TEXT: Final = compile_pattern(r"[+-]\d\d:\d\d")
_LARGEST: Final = 1e9


def read_photo_facts(blocks: MetadataBlocks, *, gps: bool) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the fields of ``ImageFacts`` that the metadata holds, and warnings about damage."""
    warnings: list[str] = []
    main, exif, position = _read_exif(blocks.exif, gps=gps, warnings=warnings)
    sets, is_iptc_damaged = read_iptc(blocks.iptc or b"", _IPTC_SETS)
    properties, is_xmp_damaged = read_xmp(blocks.xmp, _PROPERTIES) if blocks.xmp else ({}, False)
    warnings += [IPTC_DAMAGED] if is_iptc_damaged else []
    warnings += [XMP_DAMAGED] if is_xmp_damaged else []

    def get_first(*values: str | None) -> str | None:
        return next((value for value in values if value), None)

    def get_set(number: int, limit: int = MAX_TEXT) -> str | None:
        return _join((clean_text(each, limit) for each in sets.get(number, ())), limit)

    def get_property(name: str, limit: int = MAX_TEXT) -> str | None:
        return _join((clean_text(each, limit) for each in properties.get(name, ())), limit)

    facts = {
        "camera": _read_camera(main, properties),
        "lens": get_first(_get_text(exif, _LENS), *map(get_property, _XMP_LENSES)),
        "exposure": _read_exposure(exif),
        "taken_at": get_first(
            _read_exif_date(exif), _read_iptc_date(sets), *(_read_xmp_date(properties, name) for name in _XMP_DATES)
        ),
        "title": get_first(get_set(_IPTC_TITLE), get_property(_TITLE)),
        "caption": get_first(
            _get_text(main, _CAPTION, MAX_CAPTION),
            get_set(_IPTC_CAPTION, MAX_CAPTION),
            get_property(_DESCRIPTION, MAX_CAPTION),
        ),
        "creator": get_first(_get_text(main, _ARTIST), get_set(_IPTC_CREATOR), get_property(_CREATOR)),
        "copyright": get_first(_get_text(main, _COPYRIGHT), get_set(_IPTC_COPYRIGHT), get_property(_RIGHTS)),
        "gps": _read_position(position),
    }
    return facts, tuple(warnings)


def _read_exif(block: bytes | None, *, gps: bool, warnings: list[str]) -> tuple[Tags, Tags, Tags]:
    """Return the tags of the main, the Exif and the GPS directory. GPS is not even read if it is not wanted."""
    if block is None:
        return {}, {}, {}
    main, is_main_damaged = read_main_tags(block, _MAIN_TAGS)
    exif, is_exif_damaged = read_linked_tags(block, main, EXIF_POINTER, _EXIF_TAGS)
    position, is_gps_damaged = read_linked_tags(block, main, GPS_POINTER, _GPS_TAGS) if gps else ({}, False)
    if is_main_damaged or is_exif_damaged or is_gps_damaged:
        warnings.append(EXIF_DAMAGED)
    return main, exif, position


def _join(texts: Iterable[str | None], limit: int) -> str | None:
    """Return several values of one fact as a text."""
    return "; ".join(text for text in texts if text)[:limit].strip() or None


def _get_text(tags: Tags, tag: int, limit: int = MAX_TEXT) -> str | None:
    value = tags.get(tag)
    if not isinstance(value, bytes):
        return None
    # The copyright of the photographer precedes that of the editor (CIPA DC-008, 4.6.5).
    parts = value.rstrip(b"\0 ").split(b"\0")[: 2 if tag == _COPYRIGHT else 1]
    return _join((clean_text(part, limit) for part in parts), limit)


def _get_number(tags: Tags, tag: int) -> float | None:
    """Return a number that is positive or, for a signed type, any. None if it is infinite or unknown."""
    value: Value = tags.get(tag, b"")
    if isinstance(value, bytes) or not value:
        return None
    first = value[0]
    if isinstance(first, tuple):
        top, bottom = first
        return top / bottom if bottom and abs(top / bottom) < _LARGEST else None
    return first


def _read_camera(main: Tags, properties: Properties) -> Camera | None:
    make, model = (
        _get_text(main, tag) or _join((clean_text(each) for each in properties.get(name, ())), MAX_TEXT)
        for tag, name in ((_MAKE, _XMP_MAKE), (_MODEL, _XMP_MODEL))
    )
    return Camera(make=make, model=model) if make or model else None


def _read_exposure(exif: Tags) -> Exposure | None:
    numbers = {
        "time": _get_number(exif, _TIME),
        "f_number": _get_number(exif, _F_NUMBER),
        "focal_length": _get_number(exif, _FOCAL),
        "iso": _get_number(exif, _ISO),
        "focal_length_35mm": _get_number(exif, _FOCAL_35),
    }
    # 0 means that a camera does not know the value.
    facts: dict[str, Any] = {name: number for name, number in numbers.items() if number}
    for name in facts.keys() & {"iso", "focal_length_35mm"}:
        facts[name] = round(facts[name])
    bias = _get_number(exif, _BIAS)
    if bias is not None and abs(bias) <= 100:
        facts["bias"] = round(bias, 4)
    return Exposure(**facts) if facts else None


def _read_exif_date(exif: Tags) -> str | None:
    taken = _parse_date(_get_text(exif, _TAKEN))
    if taken is None:
        return None
    fraction = (_get_text(exif, _SUBSECONDS) or "")[:6]
    offset = _get_text(exif, _OFFSET) or ""
    has_fraction = fraction.isascii() and fraction.isdigit()
    return f"{taken}{f'.{fraction}' if has_fraction else ''}{offset if _OFFSET_TEXT.fullmatch(offset) else ''}"


def _read_iptc_date(sets: Any) -> str | None:  # noqa: ANN401 - what read_iptc returns
    date, time = (clean_text(sets.get(number, (b"",))[0], 11) or "" for number in (_IPTC_DATE, _IPTC_TIME))
    if len(date) != 8 or len(time) < 6:
        return None
    taken = _parse_date(f"{date[:4]}-{date[4:6]}-{date[6:]} {time[:2]}:{time[2:4]}:{time[4:6]}")
    offset = f"{time[6:9]}:{time[9:11]}"
    return f"{taken}{offset if _OFFSET_TEXT.fullmatch(offset) else ''}" if taken else None


def _read_xmp_date(properties: Properties, name: str) -> str | None:
    text = clean_text(properties.get(name, ("",))[0], 40) or ""
    taken = _parse_date(text)
    offset = text[-6:] if _OFFSET_TEXT.fullmatch(text[-6:]) else "Z" if text.endswith("Z") else ""
    return f"{taken}{offset}" if taken else None


def _parse_date(text: str | None) -> str | None:
    """Return a date and time in the format of ISO 8601, or None if the text is something else."""
    found = _EXIF_DATE.match(text or "")
    if found is None:
        return None
    try:
        year, month, day, hour, minute, second = (int(group) for group in found.groups())
        return datetime(year, month, day, hour, minute, second).isoformat()  # noqa: DTZ001 - the zone is unknown
    except ValueError:
        return None


def _read_position(position: Tags) -> GpsPosition | None:
    latitude = _read_angle(position, 2, 1, b"S", 90)
    longitude = _read_angle(position, 4, 3, b"W", 180)
    if latitude is None or longitude is None:
        return None
    altitude = _get_number(position, 6)
    below = position.get(5)
    if altitude is not None:
        altitude = round(-altitude if below == b"\1" else altitude, 3)
    return GpsPosition(latitude=latitude, longitude=longitude, altitude=altitude)


def _read_angle(position: Tags, tag: int, reference_tag: int, negative: bytes, limit: int) -> float | None:
    """Return an angle in degrees from degrees, minutes and seconds, or None if one of them is unknown."""
    parts = position.get(tag, b"")
    reference = position.get(reference_tag, b"")
    if isinstance(parts, bytes) or not isinstance(reference, bytes) or not 1 <= len(parts) <= 3:
        return None
    angle = 0.0
    for part, unit in zip(parts, (1, 60, 3600), strict=False):
        if not isinstance(part, tuple) or not part[1]:
            return None
        angle += part[0] / part[1] / unit
    if not 0 <= angle <= limit:
        return None
    return round(-angle if reference[:1].upper() == negative else angle, 8)
