"""Images from outside: bytes of a few formats, or arrays, to the pixels that a network takes.

Whatever a file claims, no more than `MAX_PIXELS` are decoded, no warning of Pillow's gets out, and everything that
cannot be read is an InvalidFile whose text says what to do.
"""

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import ExifTags, Image, ImageOps, TiffImagePlugin, UnidentifiedImageError

from winnow.artifact.preprocessing import Preprocessing
from winnow.contract.problems import InvalidFile

FORMATS = ("PNG", "JPEG", "WEBP")
"""What is asked of a model, which the service decodes itself."""
DATA_FORMATS = (*FORMATS, "BMP", "PPM", "TIFF")
"""What a data set may hold. Pillow tries these and no other, whatever a file is called."""
MAX_PIXELS = 2**25
"""Decoded at most: 33 million pixels, 100 MB as RGB."""

_SIXTEEN_BITS = frozenset({"I;16", "I;16B"})
_GREY_MODES = frozenset({"1", "L", "LA"}) | _SIXTEEN_BITS
_TOO_DEEP = frozenset({"I", "F"})
"""Modes of numbers without a highest one: which of them is white nobody knows."""
_BITS, _WHITE = 258, 262
"""Tags of a TIFF: bits of a sample, and whether 0 is black (1) or white (0)."""
_TILE_WIDTH, _TILE_LENGTH = 322, 323
"""Tags of a TIFF whose pixels lie in tiles, one of which is decoded at a time."""
_SIDEWAYS = frozenset({5, 6, 7, 8})
"""EXIF orientations that exchange height and width."""

# warnings.catch_warnings swaps filters of the whole process, so two threads at once could leave "ignore" behind.
_QUIET = threading.Lock()

_BILINEAR = Image.Resampling.BILINEAR


class ImageHeader(NamedTuple):
    """What an image file says of itself: upright height and width in pixels, and whether it has no colour."""

    size: tuple[int, int]
    grey: bool


def inspect_image(data: bytes, name: str = "the image") -> ImageHeader:
    """The header of an image file of a data set; its pixels are not decoded.

    Raises InvalidFile, naming the image, for what is of none of `DATA_FORMATS` or is too large.
    """
    with _reading(data, name, DATA_FORMATS) as image:
        height, width = image.height, image.width
        # The base class's: a PNG's own would decode the picture, to look for EXIF data behind it.
        turned = image.format != "TIFF" and Image.Image.getexif(image).get(ExifTags.Base.Orientation) in _SIDEWAYS
        if turned:  # the header of a TIFF gives the upright size itself
            height, width = width, height
        return ImageHeader((height, width), image.mode in _GREY_MODES)


def decode(data: bytes, preprocessing: Preprocessing, name: str = "the image") -> NDArray[np.uint8]:
    """The uint8 H×W×C pixels of an image file, turned upright as its EXIF data say, in the model's colours and size.

    Of an animation the first picture; transparency is dropped. Raises InvalidFile, naming the image.
    """
    return decode_as(data, preprocessing.channels, preprocessing.size, name, FORMATS)


def decode_as(
    data: bytes, channels: int, size: tuple[int, int], name: str, formats: tuple[str, ...] = DATA_FORMATS
) -> NDArray[np.uint8]:
    """`decode` for a data set, which has channels and a size before it has a mean."""
    with _reading(data, name, formats) as image:
        return _fitted(ImageOps.exif_transpose(image), channels, size)


def adapted(images: NDArray[np.uint8], channels: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """uint8 N×H×W×C images that are in memory as `decode_as` gives them from files: the same bytes."""
    if images.shape[1:] == (*size, channels):
        return images
    fitted = np.empty((len(images), *size, channels), dtype=np.uint8)
    for row, image in enumerate(images):
        fitted[row] = _fitted(Image.fromarray(image[..., 0] if image.shape[2] == 1 else image), channels, size)
    return fitted


def decode_array(pixels: ArrayLike, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """The uint8 H×W×C pixels of an array or nested lists; H×W will do for one channel.

    Raises InvalidFile unless it has exactly the model's size and channels, and whole numbers from 0 to 255.
    """
    height, width = preprocessing.size
    wanted = f"send {height}×{width}×{preprocessing.channels} whole numbers from 0 to 255"
    try:
        array = np.asarray(pixels)
    except ValueError as error:
        raise InvalidFile(f"the rows of the array differ in length: {wanted}") from error
    if array.dtype.kind not in "iu" or (array.size and (array.min() < 0 or array.max() > 255)):
        raise InvalidFile(f"the array holds something else than whole numbers from 0 to 255: {wanted}")
    if array.ndim == 2:
        array = array[..., None]
    if array.shape != (height, width, preprocessing.channels):
        shape = "×".join(map(str, array.shape))
        raise InvalidFile(f"the array has shape {shape}: {wanted}, or send an image file, which is resized")
    return array.astype(np.uint8)


@contextmanager
def _reading(data: bytes, name: str, formats: tuple[str, ...]) -> Iterator[Image.Image]:
    """The opened image; what fails inside is the file's fault and told so."""
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(data), formats=formats) as image:
                _check_pixels(image, name)
                yield image
        except (InvalidFile, MemoryError):
            raise
        except UnidentifiedImageError as error:
            known = f"{', '.join(formats[:-1])} or {formats[-1]}".replace("WEBP", "WebP")
            raise InvalidFile(f"{name} is no {known} file, or not a whole one: convert it, or leave it out") from error
        except Image.DecompressionBombError as error:
            raise InvalidFile(_too_large(name)) from error
        # Pillow's readers raise whatever a broken file trips over: OSError, SyntaxError, ValueError, struct.error, …
        except Exception as error:
            raise InvalidFile(f"{name} is cut off or damaged ({error}): send the whole file again") from error


def _check_pixels(image: Image.Image, name: str) -> None:
    if image.width * image.height > MAX_PIXELS or _tile_pixels(image) > MAX_PIXELS:
        raise InvalidFile(_too_large(name))
    if image.mode in _TOO_DEEP or _is_scaled(image):
        raise InvalidFile(f"{name} has pixels of more than eight bits: save it with eight, or as a PNG of sixteen")


def _tile_pixels(image: Image.Image) -> int:
    """Pixels of a tile of a TIFF, which may be larger than the image; those of no tile are 1."""
    tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
    return int(tags.get(_TILE_WIDTH, 1)) * int(tags.get(_TILE_LENGTH, 1))


def _is_scaled(image: Image.Image) -> bool:
    """Whether a TIFF of more than eight bits means other greys than its numbers: of twelve bits, or with white as 0."""
    tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) and image.mode in _SIXTEEN_BITS else None
    return tags is not None and (tags.get(_BITS) != (16,) or tags.get(_WHITE) != 1)


def _too_large(name: str) -> str:
    return f"{name} has more than {MAX_PIXELS:,} pixels: make it smaller before sending it"


def _fitted(image: Image.Image, channels: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Coloured, then resized. Pillow does both in whole numbers, and widens its filter by the scale (antialiased)."""
    height, width = size
    coloured = _coloured(image, channels)
    fitted = coloured if coloured.size == (width, height) else coloured.resize((width, height), _BILINEAR)
    return np.array(fitted, dtype=np.uint8).reshape(height, width, channels)


def _coloured(image: Image.Image, channels: int) -> Image.Image:
    if image.mode in _SIXTEEN_BITS:  # `convert` would clip what is above 255 instead of taking the upper eight bits
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image.convert("L" if channels == 1 else "RGB")
