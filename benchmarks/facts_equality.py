"""Compare image facts with ExifTool on public files.

``python benchmarks/facts_equality.py FOLDER…`` collects the facts of every image below the folders and compares them
with what ``exiftool`` (Debian package ``libimage-exiftool-perl``) reads from the same tags, in the order of priority
that ``worker.imaging.facts.photo`` states. It prints each difference, and the numbers of files and facts. It exits with
1 if a fact differs without a reason in ``facts_equality.json``.
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from shared.errors import ImageError
from shared.pipeline.facts import MAX_CAPTION, MAX_TEXT, FactsRequest, ImageFacts
from shared.pipeline.image_formats import detect_format
from worker.imaging import Limits
from worker.imaging.decode import decode, open_image
from worker.imaging.facts.collection import FactsCollector
from worker.imaging.pillow_setup import prepare_process
from worker.imaging.planner import FULL_DECODE

MIB: Final = 1024 * 1024
LIMITS: Final = Limits(max_bytes=25 * MIB, max_pixels=50_000_000, max_side=16_384)
EXCEPTIONS: Final = Path(__file__).with_suffix(".json")
#: Files per call of exiftool.
_CHUNK: Final = 100
#: Names of tags by fact, with the group (family 1) that exiftool prints. The first one that a file has counts.
_TEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    "make": ("IFD0:Make", "XMP-tiff:Make"),
    "model": ("IFD0:Model", "XMP-tiff:Model"),
    "lens": ("ExifIFD:LensModel", "XMP-exifEX:LensModel", "XMP-aux:Lens"),
    "title": ("IPTC:ObjectName", "XMP-dc:Title"),
    "caption": ("IFD0:ImageDescription", "IPTC:Caption-Abstract", "XMP-dc:Description"),
    "creator": ("IFD0:Artist", "IPTC:By-line", "XMP-dc:Creator"),
    "copyright": ("IFD0:Copyright", "IPTC:CopyrightNotice", "XMP-dc:Rights"),
}
_NUMBERS: Final[Mapping[str, str]] = {
    "time": "ExifIFD:ExposureTime",
    "f_number": "ExifIFD:FNumber",
    "iso": "ExifIFD:ISO",
    "focal_length": "ExifIFD:FocalLength",
    "focal_length_35mm": "ExifIFD:FocalLengthIn35mmFormat",
}
#: exiftool prints at most 10 digits of a rational.
_TOLERANCE: Final = 1e-4


def main() -> int:
    """Compare all files and print the result. Return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--json", action="store_true", help="print the digest of each file that differs")
    arguments = parser.parse_args()
    prepare_process()
    reasons = json.loads(EXCEPTIONS.read_text("utf-8")) if EXCEPTIONS.exists() else {}
    counts: Counter[str] = Counter()
    unexplained = 0
    for path, digest, tags, facts in iterate_files(arguments.folders, counts):
        for name, ours, theirs in compare(facts, tags, counts):
            reason = reasons.get(digest, {}).get(name)
            counts["facts that differ" + (", for a listed reason" if reason else "")] += 1
            unexplained += reason is None
            if reason is None:
                prefix = f"{digest} " if arguments.json else ""
                print(f"{prefix}{path}: {name}: {ours!r}, exiftool: {theirs!r}")
    for name, count in counts.items():
        print(f"{name}: {count:,}")
    return 1 if unexplained else 0


def iterate_files(
    folders: Sequence[Path], counts: Counter[str]
) -> Iterator[tuple[Path, str, Mapping[str, Any], ImageFacts]]:
    """Yield each different image with its digest, its tags and its facts."""
    paths: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= LIMITS.max_bytes:
                data = path.read_bytes()
                if detect_format(data):
                    paths.setdefault(hashlib.sha256(data).hexdigest(), path)
    items = list(paths.items())
    for start in range(0, len(items), _CHUNK):
        chunk = items[start : start + _CHUNK]
        tags = read_tags([path for _, path in chunk])
        for digest, path in chunk:
            data = path.read_bytes()
            started = time.process_time()
            try:
                source = open_image(data, LIMITS)
                decoded = decode(source)
            except ImageError:
                counts["files that can't be processed"] += 1
                continue
            started = time.process_time()
            collector = FactsCollector(source, FactsRequest(gps=True))
            collector.observe_decoded(decoded, FULL_DECODE)
            facts, warnings = collector.finish()
            if facts is None:
                raise RuntimeError("There are no facts.")
            counts["CPU milliseconds"] += round(1000 * (time.process_time() - started))
            counts["files"] += 1
            counts["files with a warning"] += bool(warnings)
            found = tags.get(str(path), {})
            counts["files with metadata"] += any(name.split(":")[0] in _GROUPS for name in found)
            yield path, digest, found, facts


_GROUPS: Final = {"IFD0", "ExifIFD", "GPS", "IPTC", "XMP-dc", "XMP-tiff", "XMP-exif", "XMP-photoshop"}


def read_tags(paths: Sequence[Path]) -> dict[str, Mapping[str, Any]]:
    """Return the tags of each file by group and name."""
    command = [
        "exiftool",
        "-json",
        "-G1",
        "-n",
        "-api",
        "largefilesupport=1",
        "-charset",
        "iptc=Latin",
        *map(str, paths),
    ]
    run = subprocess.run(command, capture_output=True, check=False)
    return {each["SourceFile"]: each for each in json.loads(run.stdout.decode("utf-8", "replace"))}


def compare(facts: ImageFacts, tags: Mapping[str, Any], counts: Counter[str]) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, our value and that of exiftool for each fact that differs. Count the facts that were compared."""
    camera, exposure, gps = facts.camera, facts.exposure, facts.gps
    ours: dict[str, Any] = {
        "make": camera and camera.make,
        "model": camera and camera.model,
        **{name: getattr(facts, name) for name in ("lens", "title", "caption", "creator", "copyright")},
    }
    pairs: list[tuple[str, Any, Any]] = []
    for name, sources in _TEXTS.items():
        limit = MAX_CAPTION if name == "caption" else MAX_TEXT
        theirs = next((text for tag in sources if (text := normalize(tags.get(tag), limit))), None)
        pairs.append((name, ours[name], theirs))
    for name, tag in _NUMBERS.items():
        pairs.append((name, exposure and getattr(exposure, name), read_number(tags.get(tag)) or None))
    pairs.append(("bias", exposure and exposure.bias, read_number(tags.get("ExifIFD:ExposureCompensation"))))
    pairs.append(
        ("taken_at", facts.taken_at and re.sub(r"\..*|[+-]\d\d:\d\d$|Z$", "", facts.taken_at), read_date(tags))
    )
    position = read_position(tags)
    pairs += [
        (name, gps and getattr(gps, name), position and position.get(name))
        for name in ("latitude", "longitude", "altitude")
    ]
    if "ICC-header:ProfileClass" in tags or "ICC_Profile:ProfileDescription" in tags:
        pairs.append(("icc_name", facts.icc_name, normalize(tags.get("ICC_Profile:ProfileDescription"), MAX_TEXT)))
    for name, mine, theirs in pairs:
        if mine is None and theirs is None:
            continue
        counts["facts compared"] += 1
        if not is_equal(mine, theirs):
            yield name, mine, theirs


def normalize(value: Any, limit: int) -> str | None:  # noqa: ANN401 - a value of JSON
    """Return a text of exiftool with the changes that facts have."""
    if value is None:
        return None
    text = "; ".join(map(str, value)) if isinstance(value, list) else str(value)
    visible = "".join(each if each.isprintable() else " " if each.isspace() else "" for each in text)
    return " ".join(visible.split())[:limit].strip() or None


def read_number(value: Any) -> float | None:  # noqa: ANN401 - a value of JSON
    """Return the first number of a value, or None for ``inf`` and ``undef``."""
    try:
        number = float(str(value).split()[0])
    except (ValueError, IndexError):
        return None
    return number if abs(number) < 1e9 else None


def read_date(tags: Mapping[str, Any]) -> str | None:
    """Return the date and time at which a photograph was taken."""
    iptc = " ".join(str(tags.get(f"IPTC:{name}", "")) for name in ("DateCreated", "TimeCreated"))
    others = [tags.get(name) for name in ("XMP-exif:DateTimeOriginal", "XMP-photoshop:DateCreated")]
    texts = (tags.get("ExifIFD:DateTimeOriginal"), iptc, *others)
    for text in texts:
        found = re.match(r"(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)", str(text or ""))
        if found and found[1] != "0000" and 1 <= int(found[2]) <= 12 and 1 <= int(found[3]) <= 31:
            return f"{found[1]}-{found[2]}-{found[3]}T{found[4]}"
    return None


def read_position(tags: Mapping[str, Any]) -> dict[str, float | None] | None:
    """Return the position from the GPS directory."""
    numbers = {name: read_number(tags.get(f"GPS:GPS{name.title()}")) for name in ("latitude", "longitude", "altitude")}
    if numbers["latitude"] is None or numbers["longitude"] is None:
        return None
    signs = {
        "latitude": ("S", "GPS:GPSLatitudeRef"),
        "longitude": ("W", "GPS:GPSLongitudeRef"),
        "altitude": ("1", "GPS:GPSAltitudeRef"),
    }
    return {
        name: None if number is None else -number if str(tags.get(signs[name][1], ""))[:1] == signs[name][0] else number
        for name, number in numbers.items()
    }


def is_equal(ours: Any, theirs: Any) -> bool:  # noqa: ANN401 - values of facts
    """Return True if two facts are equal: numbers up to rounding, text exactly."""
    if isinstance(ours, int | float) and isinstance(theirs, int | float):
        return abs(ours - theirs) <= _TOLERANCE * max(1, abs(theirs))
    return bool(ours == theirs)


if __name__ == "__main__":
    sys.exit(main())
