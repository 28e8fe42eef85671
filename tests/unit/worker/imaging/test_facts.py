"""Facts about images: values from pixels and from metadata."""

import zlib
from base64 import b64decode
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PIL import Image, ImageCms, ImageDraw
from support import metadata_files, sample_images
from support.metadata_files import make_iptc, make_jpeg, make_png, make_xmp

from shared.pipeline.facts import Camera, Exposure, FactsRequest, GpsPosition, ImageFacts
from shared.pipeline.pipeline import DEFAULT_PIPELINE, Pipeline
from worker.imaging import Limits, render
from worker.imaging.facts.blocks import find_blocks
from worker.imaging.facts.palette import compute_palette
from worker.imaging.facts.perceptual_hash import compute_perceptual_hash
from worker.imaging.facts.texts import clean_text
from worker.imaging.facts.thumbhash import compute_thumbhash

LIMITS = Limits(max_bytes=10_000_000, max_pixels=2_000_000, max_side=10_000)
C2PA_BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")


def collect(data: bytes, *, gps: bool = False) -> ImageFacts:
    """Return the facts of a file, which must not cause a warning."""
    rendered = render(data, Pipeline(), LIMITS, facts_request=FactsRequest(gps=gps))
    assert rendered.facts is not None
    assert rendered.warnings == ()
    return rendered.facts


def save(image: Image.Image, name: str, **options: object) -> bytes:
    """Return an image file."""
    return sample_images.encode(image, name, **options)


# ThumbHash -------------------------------------------------------------------------------------------------------


def draw_kinds() -> list[Image.Image]:
    """Return images of every mode: photographs, noise, flat colors, gradients, symmetric and transparent ones."""
    scene = sample_images.draw_scene(100, 75)
    gradient = Image.linear_gradient("L")
    transparent = scene.copy()
    transparent.putalpha(gradient.resize(scene.size))
    half = Image.new("RGBA", (60, 90), (0, 0, 0, 0))
    ImageDraw.Draw(half).rectangle((15, 22, 45, 67), fill=(200, 30, 30, 255))
    return [
        *(scene, scene.rotate(90, expand=True), scene.convert("L"), transparent, transparent.convert("LA"), half),
        *(
            Image.new(mode, (33, 21), color)
            for mode, color in (("RGB", (255, 0, 0)), ("RGB", (10, 20, 15)), ("L", 128))
        ),
        *(Image.new("RGBA", (9, 9), (0, 0, 0, alpha)) for alpha in (0, 1, 128, 255)),
        *(gradient.resize(size).convert("RGB") for size in ((1, 1), (1, 100), (100, 1), (17, 64), (64, 64))),
        *(Image.radial_gradient("L").resize(size) for size in ((50, 50), (31, 77))),
        *(sample_images.make_noise(40, 30, mode) for mode in ("L", "RGB")),
    ]


#: What the reference implementation returns for ``draw_kinds``, hexadecimal.
REFERENCE = Path(__file__).parents[3] / "support" / "thumbhash" / "reference.txt"


def test_thumbhash_equals_the_reference_implementation() -> None:
    """``tests/support/thumbhash/README.md`` says where the values come from."""
    assert [compute_thumbhash(image).hex() for image in draw_kinds()] == REFERENCE.read_text("utf-8").split()


def test_facts_hold_the_thumbhash_of_a_small_image_as_it_is() -> None:
    """An image of at most 100 pixels per side is not scaled."""
    image = sample_images.draw_scene(100, 75)
    facts = collect(save(image, "PNG"))
    assert b64decode(facts.thumbhash) == compute_thumbhash(image)


@pytest.mark.parametrize("size", [(101, 40), (3000, 10), (10, 1000), (640, 480)])
def test_thumbhash_of_a_large_image_is_like_that_of_a_small_one(size: tuple[int, int]) -> None:
    """Blocks of pixels are averaged first."""
    image = sample_images.draw_scene(*size)
    small = image.copy()
    small.thumbnail((100, 100), Image.Resampling.BOX)
    ours, expected = b64decode(collect(save(image, "PNG")).thumbhash), compute_thumbhash(small)
    assert len(ours) == len(expected)
    # The mean luminance and the two mean colors have six bits each.
    first, second = (int.from_bytes(each[:3], "little") for each in (ours, expected))
    assert all(abs((first >> shift & 63) - (second >> shift & 63)) <= 1 for shift in (0, 6, 12))


# Other facts from pixels -----------------------------------------------------------------------------------------


def test_perceptual_hash_is_that_of_imagehash() -> None:
    """The values are those of ``imagehash.phash`` (ImageHash 4.3.2) for the same images."""
    images = (sample_images.draw_scene(100, 75), sample_images.make_noise(64, 64, "L"))
    assert [compute_perceptual_hash(image) for image in images] == ["e666cc4ce633c6c4", "e99080cfcdea2bc9"]


def count_different_bits(first: ImageFacts, second: ImageFacts) -> int:
    """Return the distance of two perceptual hashes."""
    return (int(first.perceptual_hash, 16) ^ int(second.perceptual_hash, 16)).bit_count()


def test_perceptual_hash_changes_little_with_size_and_compression() -> None:
    """And much with another image."""
    scene = sample_images.draw_scene(800, 600)
    first = collect(save(scene, "PNG"))
    second = collect(save(scene.resize((400, 300)), "JPEG", quality=40))
    other = collect(save(scene.transpose(Image.Transpose.ROTATE_90), "PNG"))
    assert count_different_bits(first, second) <= 6
    assert count_different_bits(first, other) >= 16


def test_palette_has_the_main_colors_by_frequency() -> None:
    """Equal areas in one tone are one color."""
    image = Image.new("RGB", (32, 32), "#ff0000")
    image.paste("#0000ff", (0, 0, 32, 10))
    image.paste("#00ff00", (0, 0, 4, 4))
    image.paste("#fa0505", (0, 30, 32, 32))
    assert compute_palette(image)[1:] == ("#0000ff", "#00ff00")
    assert compute_palette(image)[0].startswith("#ff")


def test_palette_has_at_most_five_colors() -> None:
    """More colors are left out."""
    image = Image.new("RGB", (32, 32))
    for index, color in enumerate(("red", "lime", "blue", "white", "black", "yellow", "magenta")):
        image.paste(color, (0, index * 4, 32, 32))
    colors = compute_palette(image)
    assert len(set(colors)) == 5


def test_transparent_pixels_have_no_color() -> None:
    """A fully transparent image has no palette."""
    image = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    assert compute_palette(image) == ()
    image.paste((0, 0, 255, 255), (0, 0, 5, 5))
    assert compute_palette(image) == ("#0000ff",)


def test_a_flat_image_has_its_color() -> None:
    """The dominant color is the first color of the palette."""
    facts = collect(save(Image.new("RGB", (500, 300), "#3366cc"), "PNG"))
    assert (facts.dominant_color, facts.palette) == ("#3366cc", ("#3366cc",))


@pytest.mark.parametrize(("size", "color"), [((640, 480), "#3265cc"), ((1200, 900), None)])
def test_colors_are_decoded_for_facts_only_if_that_costs_little(size: tuple[int, int], color: str | None) -> None:
    """The default pipeline needs only the luma. Its output is the same with and without facts."""
    data = save(Image.new("RGB", size, "#3366cc"), "JPEG", quality=100)
    rendered = render(data, DEFAULT_PIPELINE, LIMITS, facts_request=FactsRequest())
    assert rendered.facts is not None
    assert (rendered.facts.dominant_color, len(rendered.facts.palette)) == (color, int(color is not None))
    assert rendered.outputs == render(data, DEFAULT_PIPELINE, LIMITS).outputs


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("orientation", [1, 6])
def test_facts_change_no_output(subsampling: int, orientation: int) -> None:
    """The luma that is decoded with the colors is the same as the luma alone."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = save(sample_images.draw_scene(800, 600), "JPEG", quality=90, subsampling=subsampling, exif=exif)
    rendered = render(data, DEFAULT_PIPELINE, LIMITS, facts_request=FactsRequest())
    assert rendered.outputs == render(data, DEFAULT_PIPELINE, LIMITS).outputs
    whole = render(data, Pipeline(), LIMITS, facts_request=FactsRequest()).facts
    assert rendered.facts is not None
    assert whole is not None
    assert rendered.facts.palette[:1] == whole.palette[:1]


def test_jpeg_that_is_stored_as_rgb_has_no_colors_if_it_becomes_gray() -> None:
    """The decoder can't convert it to luma and color differences."""
    data = save(sample_images.draw_scene(), "JPEG", keep_rgb=True)
    rendered = render(data, DEFAULT_PIPELINE, LIMITS, facts_request=FactsRequest())
    assert rendered.facts is not None
    assert rendered.facts.palette == ()
    assert collect(data).palette


def test_a_job_without_a_request_has_no_facts() -> None:
    """Nothing is computed."""
    assert render(sample_images.make_jpeg(), DEFAULT_PIPELINE, LIMITS).facts is None


# Facts from headers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "name", "options", "expected"),
    [
        (sample_images.draw_scene(40, 30), "JPEG", {}, (40, 30, 1, 1, False, 8, "sRGB")),
        (sample_images.draw_scene(40, 30).convert("CMYK"), "JPEG", {}, (40, 30, 1, 1, False, 8, "CMYK")),
        (sample_images.draw_scene(40, 30).convert("RGBA"), "PNG", {}, (40, 30, 1, 1, True, 8, "sRGB")),
        (sample_images.draw_scene(40, 30).convert("1"), "PNG", {}, (40, 30, 1, 1, False, 1, "sRGB")),
        (Image.new("I;16", (40, 30), 40_000), "PNG", {}, (40, 30, 1, 1, False, 16, "sRGB")),
        (Image.new("I;16", (40, 30), 40_000), "TIFF", {}, (40, 30, 1, 1, False, 16, "sRGB")),
        (sample_images.draw_scene(40, 30), "WEBP", {}, (40, 30, 1, 1, False, 8, "sRGB")),
        (sample_images.draw_scene(40, 30), "AVIF", {}, (40, 30, 1, 1, False, 8, "sRGB")),
        (sample_images.draw_scene(40, 30), "BMP", {}, (40, 30, 1, 1, False, 8, "sRGB")),
        (
            sample_images.draw_scene(40, 30),
            "GIF",
            {"save_all": True, "append_images": [Image.new("RGB", (40, 30), "red")]},
            (40, 30, 1, 2, False, 8, "sRGB"),
        ),
    ],
)  # fmt: skip
def test_facts_from_the_header(
    image: Image.Image, name: str, options: dict[str, object], expected: Sequence[object]
) -> None:
    """Size, orientation, frames, alpha, bits per channel and color space."""
    facts = collect(save(image, name, **options))
    found = (
        *(facts.width, facts.height, facts.orientation, facts.frames),
        *(facts.has_alpha, facts.bit_depth, facts.color_space),
    )
    assert found == tuple(expected)


def test_size_is_upright_and_orientation_is_that_of_the_file() -> None:
    """Orientation 6 swaps width and height."""
    facts = collect(sample_images.make_rotated_jpeg(64, 48, 6))
    assert (facts.width, facts.height, facts.orientation) == (48, 64, 6)


@pytest.mark.parametrize("pipeline", [Pipeline(), DEFAULT_PIPELINE])
@pytest.mark.parametrize("size", [(80, 60), (640, 480)])
def test_pixels_are_upright(size: tuple[int, int], pipeline: Pipeline) -> None:
    """A photograph that is stored on its side has the ThumbHash of the upright one."""
    image = sample_images.draw_scene(*size)
    facts = []
    for stored, orientation in ((image, 1), (image.transpose(Image.Transpose.ROTATE_90), 6)):
        exif = metadata_files.make_exif([metadata_files.short(0x0112, orientation)])
        data = make_jpeg(image=stored, exif=exif)
        facts.append(render(data, pipeline, LIMITS, facts_request=FactsRequest()).facts)
    first, second = facts
    assert first
    assert second
    assert b64decode(first.thumbhash)[5:8] == b64decode(second.thumbhash)[5:8]
    assert count_different_bits(first, second) <= 4


def test_profile_has_its_name() -> None:
    """The content of the profile says that it is sRGB."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    facts = collect(save(sample_images.draw_scene(), "JPEG", icc_profile=profile.tobytes()))
    assert (facts.icc_name, facts.color_space) == ("sRGB built-in", "sRGB")


# Facts from metadata ---------------------------------------------------------------------------------------------

CAMERA = Camera(make="Canon", model="EOS R5")
EXPOSURE = Exposure(time=1 / 250, f_number=2.8, iso=400, bias=-0.3333, focal_length=50, focal_length_35mm=75)
GPS = GpsPosition(latitude=52.52, longitude=-13.41, altitude=-34)


def make_raw_profile(exif: bytes, more: bytes = b"") -> bytes:
    """Return the content of a zTXt chunk with EXIF, as ImageMagick writes it."""
    return b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n  %d\n%b%b" % (len(exif), exif.hex().encode(), more))


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("JPEG", lambda exif: make_jpeg(exif=exif)),
        ("PNG", lambda exif: make_png((b"eXIf", exif))),
        ("PNG", lambda exif: make_png((b"zTXt", make_raw_profile(b"Exif\0\0" + exif)))),
        ("PNG", lambda exif: make_png((b"zTXt", make_raw_profile(exif, b"\x91$not digits")))),
        ("WebP", lambda exif: metadata_files.make_webp((b"EXIF", exif))),
        ("AVIF", lambda exif: save(sample_images.draw_scene(), "AVIF", exif=b"Exif\0\0" + exif)),
    ],
)
def test_facts_from_exif(name: str, make: Callable[[bytes], bytes]) -> None:
    """Every format that can hold EXIF gives the same facts."""
    # Pillow writes only ASCII into an AVIF.
    creator = "Zoe" if name == "AVIF" else "Zoë"
    facts = collect(make(metadata_files.make_camera_exif(creator)), gps=True)
    assert (facts.camera, facts.lens, facts.exposure, facts.gps) == (CAMERA, "RF50mm F1.2", EXPOSURE, GPS)
    assert facts.taken_at == "2026-05-01T12:30:45.12+02:00"
    assert (facts.caption, facts.creator, facts.copyright) == ("A caption", creator, f"(c) {creator}")


def test_exif_item_of_an_avif_can_start_with_exif() -> None:
    """Some encoders leave out the offset to it."""
    exif = metadata_files.make_camera_exif("Zoe")
    data = save(sample_images.draw_scene(), "AVIF", exif=b"Exif\0\0" + exif)
    whole = find_blocks(data).exif
    place = data.index(b"Exif\0\0II*\0") - 4
    found = find_blocks(data[:place] + data[place + 10 :]).exif
    assert found
    assert whole
    assert found.startswith(whole.removeprefix(b"Exif\0\0"))


def test_facts_from_a_tiff() -> None:
    """The first directory of a TIFF is its EXIF."""
    tags = {270: "A caption", 271: "Canon", 315: "Zoë".encode()}
    facts = collect(save(sample_images.draw_scene(), "TIFF", tiffinfo=tags))
    assert facts.camera == Camera(make="Canon")
    assert (facts.caption, facts.creator) == ("A caption", "Zoë")


def test_position_is_left_out_unless_the_request_asks_for_it() -> None:
    """No other fact contains a coordinate."""
    facts = collect(make_jpeg(exif=metadata_files.make_camera_exif()))
    assert facts.gps is None
    assert "52.5" not in facts.model_dump_json()


def test_facts_from_iptc() -> None:
    """Several creators are joined."""
    iptc = make_iptc(
        *((5, b"Title"), (80, "Zoë".encode()), (80, b"Max"), (116, b"(c) Zoe"), (120, b"Two\r\nlines")),
        *((55, b"20260501"), (60, b"123045+0200")),
    )
    facts = collect(make_jpeg(iptc=iptc))
    assert (facts.title, facts.creator, facts.copyright) == ("Title", "Zoë; Max", "(c) Zoe")
    assert (facts.caption, facts.taken_at) == ("Two lines", "2026-05-01T12:30:45+02:00")


XMP = make_xmp(
    "<dc:title><rdf:Alt><rdf:li xml:lang='de'>Titel</rdf:li>"
    "<rdf:li xml:lang='x-default'>Title</rdf:li></rdf:Alt></dc:title>"
    "<dc:creator><rdf:Seq><rdf:li>Zoë</rdf:li><rdf:li>Max &amp; Co</rdf:li></rdf:Seq></dc:creator>"
    "<dc:rights><rdf:Alt><rdf:li xml:lang='de'>Rechte</rdf:li></rdf:Alt></dc:rights>"
    "<dc:description>Caption</dc:description>"
    "<exifEX:LensModel>Lens</exifEX:LensModel>",
    attributes="tiff:Make='Canon' tiff:Model='EOS R5' photoshop:DateCreated='2026-05-01T12:30:45Z'",
)


@pytest.mark.parametrize(
    "data",
    [
        make_jpeg(xmp=XMP),
        make_png((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)),
        make_png((b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP))),
        metadata_files.make_webp((b"XMP ", XMP)),
        save(sample_images.draw_scene(), "AVIF", xmp=XMP),
        save(sample_images.draw_scene(), "TIFF", tiffinfo={700: XMP}),
    ],
    ids=["JPEG", "PNG", "PNG compressed", "WebP", "AVIF", "TIFF"],
)
def test_facts_from_xmp(data: bytes) -> None:
    """Elements, attributes, lists, and alternatives in several languages."""
    facts = collect(data)
    assert (facts.title, facts.caption, facts.creator) == ("Title", "Caption", "Zoë; Max & Co")
    assert (facts.copyright, facts.lens, facts.camera) == ("Rechte", "Lens", CAMERA)
    assert facts.taken_at == "2026-05-01T12:30:45Z"


def test_exif_counts_before_iptc_and_iptc_before_xmp() -> None:
    """This is the order of the Metadata Working Group."""
    exif = metadata_files.make_exif([metadata_files.text(0x013B, "EXIF")])
    iptc = make_iptc((80, b"IPTC"), (116, b"IPTC"))
    xmp = make_xmp(*["<dc:creator>XMP</dc:creator><dc:rights>XMP</dc:rights><dc:title>XMP</dc:title>"])
    facts = collect(make_jpeg(exif=exif, iptc=iptc, xmp=xmp))
    assert (facts.creator, facts.copyright, facts.title) == ("EXIF", "IPTC", "XMP")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"  a \t b\r\n ", "a b"),
        (b"\x1b[31mred\x07", "[31mred"),
        ("Grüße", "Grüße"),
        ("Grüße".encode("latin-1"), "Grüße"),
        (b"\0\0", None),
        ("a\u202eb\u200bc", "abc"),
        ("x" * 500, "x" * 300),
        (("é" * 400).encode(), "é" * 300),
    ],
)
def test_texts_are_cleaned(value: bytes | str, expected: str | None) -> None:
    """Control and format characters are removed, spaces are joined, and long texts are cut."""
    assert clean_text(value) == expected


@pytest.mark.parametrize(
    "data",
    [
        make_jpeg(more=[b"\xff\xeb\x00\x2aJP\0\1\0\0\0\1" + b"\0\0\0\x26jumb\0\0\0\x1ejumdc2pa" + bytes(14)]),
        make_png((b"caBX", b"\0\0\0\x26jumb\0\0\0\x1ejumdc2pa")),
        metadata_files.make_webp((b"C2PA", b"\0\0\0\x26jumb")),
        save(sample_images.draw_scene(), "AVIF") + b"\0\0\0\x1cuuid" + C2PA_BOX + bytes(4),
    ],
    ids=["JPEG", "PNG", "WebP", "AVIF"],
)
def test_manifest_is_reported(data: bytes) -> None:
    """Its presence, not its content."""
    assert collect(data).has_c2pa


def test_no_manifest_is_reported_for_other_files() -> None:
    """Not even for one with all other metadata."""
    assert not collect(make_jpeg(exif=metadata_files.make_camera_exif(), xmp=XMP)).has_c2pa
