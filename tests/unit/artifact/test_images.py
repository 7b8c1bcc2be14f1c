"""Images from outside: upright, in the model's colours and size, or refused with a text that says what to do."""

import contextlib
import io
import struct
import threading
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.support.uploads import image, pixels
from winnow.artifact.images import adapted, decode, decode_array, decode_as, inspect_image
from winnow.artifact.preprocessing import Preprocessing
from winnow.contract.problems import InvalidFile

GREY = Preprocessing(channels=1, size=(4, 6), mean=(0.5,), std=(0.5,))
RGB = Preprocessing(channels=3, size=(4, 6), mean=(0.5,) * 3, std=(0.5,) * 3)
ORIENTATION = 0x0112


def _saved(picture: Image.Image, form: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def _claiming(width: int, height: int) -> bytes:
    """A PNG whose header claims any size, with a few bytes behind it."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_pixels_of_a_fitting_image_are_untouched(form: str) -> None:
    pixels = np.arange(72, dtype=np.uint8).reshape(4, 6, 3)
    data = _saved(Image.fromarray(pixels), form, lossless=True)
    np.testing.assert_array_equal(decode(data, RGB), pixels)


def test_jpeg_is_read() -> None:
    decoded = decode(image(200, (4, 6), form="JPEG"), GREY)
    assert decoded.shape == (4, 6, 1)
    assert decoded.dtype == np.uint8
    assert abs(int(decoded.mean()) - 200) <= 1


def test_colour_becomes_luma_and_grey_becomes_rgb() -> None:
    red = Image.new("RGB", (6, 4), (255, 0, 0))
    assert set(decode(_saved(red), GREY).flatten()) == {76}  # ITU-R 601: 0.299 × 255
    assert decode(image(9, (4, 6)), RGB).tolist() == [[[9, 9, 9]] * 6] * 4


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_every_mode_that_the_formats_know_is_read(mode: str) -> None:
    form = "JPEG" if mode == "CMYK" else "PNG"
    data = _saved(Image.new(mode, (6, 4)), form)
    assert decode(data, GREY).shape == (4, 6, 1)
    assert decode(data, RGB).shape == (4, 6, 3)


@pytest.mark.parametrize(
    ("mode", "form"),
    [("1", "BMP"), ("P", "BMP"), ("RGB", "BMP"), ("1", "PPM"), ("L", "PPM"), ("RGB", "PPM")]
    + [(mode, "TIFF") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I;16B")],
)
def test_of_a_data_set_more_formats_are_read_and_a_model_is_not_asked_about_them(mode: str, form: str) -> None:
    data = _saved(Image.new(mode, (6, 4)), form)
    assert inspect_image(data).size == (4, 6)
    for channels in (1, 3):
        assert decode_as(data, channels, (4, 6), "it").shape == (4, 6, channels)
    with pytest.raises(InvalidFile, match="no PNG, JPEG or WebP file"):
        decode(data, GREY)


def test_sixteen_bits_of_a_tiff_keep_their_upper_eight_in_either_order() -> None:
    deep = (np.arange(24, dtype=np.uint16) * 2000).reshape(4, 6)
    for order in ("<u2", ">u2"):
        data = _saved(Image.fromarray(deep.astype(order)), "TIFF")
        np.testing.assert_array_equal(decode_as(data, 1, (4, 6), "it")[..., 0], deep >> 8)


@pytest.mark.parametrize(("bits", "white"), [(16, 0), (12, 1)])
def test_a_tiff_whose_greys_are_not_its_numbers_is_refused(bits: int, white: int) -> None:
    """Pillow gives them as they lie there: dark, or turned round."""
    data = _saved(Image.new("I;16", (6, 4)), "TIFF")
    for tag, told, value in ((258, 16, bits), (262, 1, white)):
        entry = struct.pack("<HHIHH", tag, 3, 1, told, 0)
        assert data.count(entry) == 1
        data = data.replace(entry, struct.pack("<HHIHH", tag, 3, 1, value, 0))
    with pytest.raises(InvalidFile, match="more than eight bits"):
        inspect_image(data)


@pytest.mark.parametrize(("mode", "form"), [("I", "TIFF"), ("F", "TIFF"), ("I", "PPM"), ("F", "PPM")])
def test_numbers_without_a_highest_one_are_no_pixels(mode: str, form: str) -> None:
    with pytest.raises(InvalidFile, match="'deep' has pixels of more than eight bits: save it with eight"):
        inspect_image(_saved(Image.new(mode, (6, 4)), form), "'deep'")


def test_a_tile_that_is_larger_than_its_image_is_refused() -> None:
    width, length, bits, compression, white, tile_width, tile_length, offsets = 256, 257, 258, 259, 262, 322, 323, 324
    tags = {width: 6, length: 4, bits: 8, compression: 8, white: 1, tile_width: 2**14, tile_length: 2**14, offsets: 8}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    data = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)
    with pytest.raises(InvalidFile, match="make it smaller"):
        inspect_image(data)


@pytest.mark.parametrize(("mode", "grey"), [("1", True), ("L", True), ("LA", True), ("I;16", True), ("RGB", False)])
def test_the_header_says_whether_there_is_colour(mode: str, grey: bool) -> None:
    assert inspect_image(_saved(Image.new(mode, (6, 4)))).grey is grey


def test_sixteen_bits_keep_their_upper_eight() -> None:
    deep = (np.arange(24, dtype=np.uint16) * 2000).reshape(4, 6)
    np.testing.assert_array_equal(decode(_saved(Image.fromarray(deep)), GREY)[..., 0], deep >> 8)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_as_exif_says(form: str, orientation: int) -> None:
    picture = Image.new("L", (24, 16))
    picture.paste(255, (0, 0, 12, 8))  # bright in the upper left corner
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    data = _saved(picture.convert("RGB"), form, exif=exif.tobytes())
    size = (24, 16) if orientation > 4 else (16, 24)
    upright = decode_as(data, 1, size, "it")[..., 0]
    # Where the first row and column of what is stored lie (EXIF 2.3, table 6).
    down = orientation in (3, 4, 7, 8)
    right = orientation in (2, 3, 6, 7)
    quarter = upright[size[0] // 2 :] if down else upright[: size[0] // 2]
    quarter = quarter[:, size[1] // 2 :] if right else quarter[:, : size[1] // 2]
    assert quarter.mean() > 240
    assert upright.mean() < 70
    assert inspect_image(data).size == size


def test_other_sizes_are_resized_with_antialiasing() -> None:
    stripes = np.zeros((8, 12), dtype=np.uint8)
    stripes[:, ::2] = 255
    halved = decode(_saved(Image.fromarray(stripes)), GREY)
    assert halved.shape == (4, 6, 1)
    assert 96 < halved.min() <= halved.max() < 160  # nearest neighbours would be 0 or 255


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no PNG, JPEG or WebP"),
        (b"a text that calls itself an image", "no PNG, JPEG or WebP"),
        (_saved(Image.new("L", (6, 4)), "GIF"), "convert it"),
        (image(7, (64, 64), form="JPEG")[:300], "send the whole file"),
        (_saved(Image.fromarray(np.eye(64, dtype=np.uint8)))[:-30], "send the whole file"),
        (_claiming(6000, 6000), "make it smaller"),
        (_claiming(12_000, 12_000), "make it smaller"),
        (_claiming(60_000, 60_000), "make it smaller"),
    ],
)
def test_what_is_no_whole_image_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(InvalidFile, match=says):
        decode(data, GREY)


def test_a_bomb_is_refused_by_its_header() -> None:
    with pytest.raises(InvalidFile, match="make it smaller"):
        inspect_image(_claiming(8000, 8000), "'big.png'")


@settings(max_examples=60)
@given(st.data())
def test_a_damaged_image_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(["PNG", "JPEG", "WEBP", "BMP", "PPM", "TIFF"]))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    whole = bytearray(_saved(Image.fromarray(pixels(1, 16, 16, 3)[0]), form, exif=exif.tobytes()))
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=6)):
        whole[place] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    for read in (lambda: decode_as(cut, 3, (4, 6), "it"), lambda: inspect_image(cut)):
        with contextlib.suppress(InvalidFile):
            read()


def test_no_warning_of_pillow_gets_out_and_filters_are_as_before() -> None:
    palette = Image.new("P", (6, 4))
    palette.putpalette([0, 0, 0, 255, 255, 255])
    noisy = _saved(palette, transparency=b"\x00\x10")  # Pillow warns of transparency in bytes
    before = list(warnings.filters)
    threads = [threading.Thread(target=lambda: [decode(noisy, GREY) for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decode(noisy, GREY)
        with pytest.raises(InvalidFile):
            decode(_claiming(11_000, 11_000), GREY)
    assert list(warnings.filters) == before


def test_arrays_that_fit_are_taken_as_they_are() -> None:
    pixels = np.arange(24).reshape(4, 6)
    for sent in (pixels, pixels[..., None], pixels.tolist(), pixels.astype(np.uint8)):
        decoded = decode_array(sent, GREY)
        assert decoded.dtype == np.uint8
        np.testing.assert_array_equal(decoded[..., 0], pixels)
    assert decode_array(np.zeros((4, 6, 3), np.uint8), RGB).shape == (4, 6, 3)


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (np.zeros((6, 4), np.uint8), "shape 6×4"),
        (np.zeros((4, 6, 3), np.uint8), "shape 4×6×3"),
        (np.zeros((1, 4, 6, 1), np.uint8), "shape 1×4×6×1"),
        ([], "whole numbers"),
        (np.full((4, 6), 256), "from 0 to 255"),
        (np.full((4, 6), -1), "from 0 to 255"),
        (np.full((4, 6), 0.5), "whole numbers"),
        ([[True] * 6] * 4, "whole numbers"),
        ([["a"] * 6] * 4, "whole numbers"),
        ([[1, 2], [3]], "differ in length"),
        (None, "whole numbers"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(sent: object, says: str) -> None:
    with pytest.raises(InvalidFile, match=says):
        decode_array(sent, GREY)  # type: ignore[arg-type]  # what a client may send


@given(
    source=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    colours=st.tuples(st.sampled_from([1, 3]), st.sampled_from([1, 3])),
)
def test_arrays_are_adapted_to_the_bytes_that_the_same_picture_in_a_file_gives(
    source: tuple[int, int], size: tuple[int, int], colours: tuple[int, int]
) -> None:
    """So a network asked for a raw picture sees what it was trained on."""
    given_channels, channels = colours
    raw = pixels(3, *source, given_channels)
    found = adapted(raw, channels, size)
    assert (found.shape, found.dtype) == ((3, *size, channels), np.uint8)
    wanted = Preprocessing(channels=channels, size=size, mean=(0.5,) * channels, std=(0.5,) * channels)
    for picture, before in zip(found, raw, strict=True):
        file = _saved(Image.fromarray(before[..., 0] if given_channels == 1 else before))
        np.testing.assert_array_equal(picture, decode(file, wanted))


def test_arrays_that_fit_are_left_as_they_are() -> None:
    raw = pixels(2, 4, 6, 3)
    assert adapted(raw, 3, (4, 6)) is raw


def test_grey_is_the_luma_of_itu_r_601_and_shrinking_averages() -> None:
    raw = np.zeros((1, 4, 4, 3), np.uint8)
    raw[..., 0], raw[..., 1], raw[..., 2] = 100, 150, 200
    assert adapted(raw, 1, (4, 4)).flatten().tolist() == [round(0.299 * 100 + 0.587 * 150 + 0.114 * 200)] * 16
    striped = np.zeros((1, 8, 8, 1), np.uint8)
    striped[:, :, ::2] = 200
    assert abs(adapted(striped, 1, (1, 1)).item() - 100) <= 1  # without antialiasing: 0 or 200
