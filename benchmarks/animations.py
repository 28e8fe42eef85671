"""Compare animations that the worker has rendered with what Chromium shows of the same files.

``python benchmarks/animations.py FOLDER…`` renders every animation below the folders as APNG, without operations. It
compares frames, durations and number of plays, and prints the files that differ. Chromium's ImageDecoder composes
frames in the same way as an ``<img>`` element.

Frames are compared by the time at which they are shown, because encoders merge equal frames.
"""

import argparse
import base64
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from chromium import chromium
from PIL import Image, ImageChops
from playwright.sync_api import Browser, Page

from shared.errors import ImageError
from shared.pipeline.image_formats import GIF, PNG, WEBP, detect_format
from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits, RenderResult, render

LIMITS: Final = Limits(
    max_bytes=50_000_000, max_pixels=50_000_000, max_side=16_384, max_frames=2000, max_total_pixels=100_000_000
)
#: Largest difference of a channel that counts as rounding. Chromium truncates when it blends, and our blending rounds.
TOLERANCE: Final = 3
#: Milliseconds. Browsers play a frame with this duration or less for ``_DEFAULT_DURATION``.
_SHORTEST, _DEFAULT_DURATION = 10, 100
#: A page has ImageDecoder only if it was loaded over HTTPS. No request leaves the browser.
_ADDRESS: Final = "https://animations.test/"
_PLAY: Final = """async ({data, type, most}) => {
  const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
  const decoder = new ImageDecoder({data: bytes, type, premultiplyAlpha: "none"});
  const frames = [];
  let error = "";
  try {
    await decoder.completed;
    await decoder.tracks.ready;
    const track = decoder.tracks.selectedTrack;
    for (let index = 0; index < Math.min(track.frameCount, most); index++) {
      const {image} = await decoder.decode({frameIndex: index});
      const pixels = new Uint8Array(image.allocationSize({format: "RGBA"}));
      await image.copyTo(pixels, {format: "RGBA"});
      let text = "";
      for (let at = 0; at < pixels.length; at += 32768) {
        text += String.fromCharCode(...pixels.subarray(at, at + 32768));
      }
      frames.push({
        pixels: btoa(text), width: image.codedWidth, height: image.codedHeight, duration: image.duration,
        rotation: image.rotation || 0, flip: image.flip || false
      });
      image.close();
    }
  } catch (reason) {
    error = String(reason);
  }
  const track = decoder.tracks.selectedTrack;
  const count = track ? track.frameCount : 0;
  const repetitions = track ? String(track.repetitionCount) : "0";
  decoder.close();
  return {frames, count, repetitions, error};
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What Chromium shows of a file."""

    #: Frames in RGBA, up to the first one that can't be decoded.
    frames: tuple[Image.Image, ...]
    #: Duration of each frame in milliseconds, as stored in the file.
    durations: tuple[float, ...]
    #: How many times the animation plays; 0 means forever.
    plays: int
    #: Number of frames that Chromium counts.
    count: int
    #: Why Chromium stopped, or an empty text.
    error: str


@contextmanager
def open_player() -> Iterator[Page]:
    """Start Chromium and yield a page for ``play``."""
    with chromium() as browser:
        yield make_player(browser)


def make_player(browser: Browser) -> Page:
    """Return a page for ``play`` in a running browser."""
    page = browser.new_page()
    page.route("**", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    page.goto(_ADDRESS)
    return page


def play(page: Page, data: bytes, media_type: str = "", most: int = 10**6) -> Played:
    """Decode at most ``most`` frames of a file. By default, the media type is that of the content."""
    image_format = detect_format(data)
    media_type = media_type or (image_format.media_type if image_format else "")
    answer: dict[str, Any] = page.evaluate(
        _PLAY, {"data": base64.b64encode(data).decode(), "type": media_type, "most": most}
    )
    repetitions = answer["repetitions"]
    return Played(
        frames=tuple(_read_frame(each) for each in answer["frames"]),
        durations=tuple((each["duration"] or 0) / 1000 for each in answer["frames"]),
        plays=0 if repetitions == "Infinity" else int(repetitions) + 1,
        count=answer["count"],
        error=answer["error"],
    )


def _read_frame(frame: dict[str, Any]) -> Image.Image:
    """Return a frame upright. Its pixels are stored as in the file, with the orientation of the EXIF beside them."""
    image = Image.frombytes("RGBA", (frame["width"], frame["height"]), base64.b64decode(frame["pixels"]))
    image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if frame["flip"] else image
    return image.rotate(-frame["rotation"], expand=True) if frame["rotation"] else image


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How a rendered animation differs from what Chromium shows."""

    #: Largest difference of a channel, on black and on white.
    difference: int
    #: What else differs, or an empty text.
    problem: str
    #: True if Chromium shows only some of the frames, or none, because the file is damaged.
    is_damaged: bool
    frames: int

    @property
    def is_equal(self) -> bool:
        """Return True if frames, durations and plays are equal, within rounding."""
        return not self.problem and self.difference <= TOLERANCE


def compare_with_browser(page: Page, data: bytes, most: int = 10**6) -> Comparison:
    """Render a file and compare the result with the first ``most`` frames that Chromium shows of the file."""
    expected = play(page, data, most=most)
    is_damaged = bool(expected.error) or len(expected.frames) < min(expected.count, most)
    blank = Comparison(difference=0, problem="", is_damaged=is_damaged, frames=len(expected.frames))
    try:
        result = read_result(render(data, Pipeline(), LIMITS))
    except ImageError as error:
        return blank if not expected.frames else replace(blank, problem=error.code)
    if not expected.frames:
        return blank
    durations = [each if each > _SHORTEST else _DEFAULT_DURATION for each in expected.durations]
    is_whole = len(expected.frames) == expected.count and not is_damaged
    # If all frames are equal, the result is a still image.
    is_animation = expected.count > 1 and not is_damaged and len(result.frames) > 1
    if is_animation and expected.plays != result.plays:
        return replace(blank, problem=f"plays {result.plays} times, {expected.plays} in Chromium")
    if is_animation and is_whole and abs(sum(durations) - sum(result.durations)) > len(durations):
        return replace(blank, problem=f"takes {sum(result.durations)} ms, {sum(durations)} in Chromium")
    times = [sum(durations[:index]) + duration / 2 for index, duration in enumerate(durations)]
    shown = [result.find_frame(time) for time in times]
    if any(frame is None for frame in shown):
        return replace(blank, problem="ends earlier than in Chromium")
    pairs = zip(shown, expected.frames, strict=True)
    return replace(blank, difference=max(measure_difference(ours, theirs) for ours, theirs in pairs if ours))


@dataclass(frozen=True, slots=True)
class Timeline:
    """The frames of a rendered APNG, in RGBA, with their durations in milliseconds."""

    frames: tuple[Image.Image, ...]
    durations: tuple[float, ...]
    plays: int

    def find_frame(self, time: float) -> Image.Image | None:
        """Return the frame that is shown at a time, or None after the end. A still image is always shown."""
        if len(self.frames) == 1:
            return self.frames[0]
        for frame, duration in zip(self.frames, self.durations, strict=True):
            time -= duration
            if time < 0:
                return frame
        return None


def read_result(rendered: RenderResult) -> Timeline:
    """Return the frames of the first output, a PNG."""
    image = Image.open(BytesIO(rendered.outputs[0][1].data))
    frames, durations = [], []
    for index in range(getattr(image, "n_frames", 1)):
        image.seek(index)
        image.load()
        frames.append(image.convert("RGBA"))
        durations.append(float(image.info.get("duration", 0)))
    return Timeline(tuple(frames), tuple(durations), int(image.info.get("loop", 0)))


def measure_difference(first: Image.Image, second: Image.Image) -> int:
    """Return the largest difference of a channel of two images on black and on white. 255 if the sizes differ."""
    if first.size != second.size:
        return 255
    flat = [(_flatten(first, background), _flatten(second, background)) for background in ("black", "white")]
    histograms = [ImageChops.difference(*pair).histogram() for pair in flat]
    return max(index % 256 for histogram in histograms for index, count in enumerate(histogram) if count)


def _flatten(image: Image.Image, background: str) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", image.size, background), image).convert("RGB")


def is_animation(data: bytes) -> bool:
    """Return True if the file is a GIF, an APNG or an animated WebP."""
    image_format = detect_format(data)
    return (
        image_format is GIF
        or (image_format is PNG and b"acTL" in data[:100_000])
        or (image_format is WEBP and b"ANMF" in data)
    )


def main() -> None:
    """Compare all files and print those that differ. Exit with 1 if there is one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", help="folders with animations")
    parser.add_argument("--frames", type=int, default=40, help="compare the first frames only")
    arguments = parser.parse_args()
    counts = {"equal": 0, "damaged, frames that Chromium shows are equal": 0, "different": 0}
    compared = 0
    with open_player() as page:
        for path in sorted(path for folder in arguments.folders for path in folder.rglob("*") if path.is_file()):
            data = path.read_bytes()
            if not is_animation(data):
                continue
            comparison = compare_with_browser(page, data, arguments.frames)
            compared += comparison.frames
            if not comparison.is_equal:
                counts["different"] += 1
                print(f"{path.name}: difference {comparison.difference}; {comparison.problem}")
            else:
                counts["damaged, frames that Chromium shows are equal" if comparison.is_damaged else "equal"] += 1
    print("".join(f"{name}: {count}\n" for name, count in counts.items()) + f"{compared} frames")
    sys.exit(bool(counts["different"]))


if __name__ == "__main__":
    main()
