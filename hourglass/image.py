"""Reading and writing pictures."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import Any

from hourglass.errors import InputError
from hourglass.files import write_bytes

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

#: Larger images are refused: as float32 such a one would take more than 2 GB.
MAX_PIXELS = 180_000_000

#: Longest side, in pixels, that a format can hold.
LONGEST_SIDES = {'JPEG': 65500, 'WEBP': 16383, 'GIF': 65535}


def to_rgb(image: Image.Image, name: str | os.PathLike) -> Image.Image:
    """Convert any of Pillow's pixel types to 8-bit RGB; ``InputError`` with the name where it cannot be."""
    if image.mode.startswith('I'):
        # 16-bit grey: keep the upper byte.  Pillow's own conversion would clip at 255 instead.
        values = np.asarray(image).astype(np.int64)
        return Image.fromarray((np.clip(values, 0, 65535) >> 8).astype(np.uint8)).convert('RGB')
    if image.mode == 'F':
        raise InputError(f'{name}: pixels are floating-point numbers, not an ordinary picture')
    if image.mode in ('RGBA', 'LA', 'PA') or 'transparency' in image.info:
        # What is transparent shows white, as in a viewer; its hidden colour is arbitrary.
        rgba = image.convert('RGBA')
        image = Image.new('RGBA', rgba.size, 'white')
        image.alpha_composite(rgba)
    return image.convert('RGB')


def upright_picture(image: Image.Image) -> Image.Image:
    """Turn a picture as its EXIF entry says; one whose entry cannot be read stays as it is, as in viewers."""
    image.load()  # damage of the picture itself is not passed over
    try:
        return ImageOps.exif_transpose(image)
    except Exception:
        # Pillow reports damage with nearly any exception.
        return image


def read_image(path: str | os.PathLike, upright: bool = False) -> np.ndarray:
    """Read a picture in any format that Pillow knows.

    Args:
        path: the file.
        upright: turn the picture as its EXIF entry says, as viewers do.  Annotations of data sets are in the
            pixels as stored, so data sets leave this off.

    Returns:
        (3, H, W) float32, RGB in [0, 255].

    Raises:
        InputError: the file is missing, empty, truncated, no picture, or too large.
    """
    path = Path(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('error', Image.DecompressionBombWarning)
            warnings.simplefilter('ignore', UserWarning)
            previous, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, MAX_PIXELS
            try:
                with Image.open(path) as image:
                    array = np.asarray(to_rgb(upright_picture(image) if upright else image, path))
            finally:
                Image.MAX_IMAGE_PIXELS = previous
    except FileNotFoundError:
        raise InputError(f'{path}: no such file') from None
    except IsADirectoryError:
        raise InputError(f'{path}: is a folder, not a picture') from None
    except UnidentifiedImageError:
        reason = 'the file is empty' if path.stat().st_size == 0 else 'not a picture that can be read'
        raise InputError(f'{path}: {reason}') from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise InputError(f'{path}: more than {MAX_PIXELS // 1_000_000} million pixels') from None
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        # Pillow reports damage with any of these, according to the format.
        raise InputError(f'{path}: cannot be read ({error or type(error).__name__})') from None
    return array.transpose(2, 0, 1).astype(np.float32)


def check_picture_name(path: str | os.PathLike) -> None:
    """Check that a file's ending names a picture format; ``InputError`` if it does not."""
    suffix = Path(path).suffix.lower()
    if Image.registered_extensions().get(suffix) not in Image.SAVE:
        raise InputError(f'{path}: the ending {suffix!r} names no picture format (.jpg and .png do)')


def check_picture_size(path: str | os.PathLike, shape: tuple[int, ...], name: str | os.PathLike | None = None) -> None:
    """Check that a file can hold a picture of a shape (..., H, W).

    Args:
        path: the file to be written; its ending names the format.
        shape: of the picture.
        name: what the error calls the picture, by default ``path``.

    Raises:
        InputError: the format has no such sizes.
    """
    kind = Image.registered_extensions().get(Path(path).suffix.lower(), '')
    longest = LONGEST_SIDES.get(kind)
    if longest is not None and max(shape[-2:]) > longest:
        raise InputError(f'{path if name is None else name}: {shape[-1]} x {shape[-2]} pixels, and a {kind} file holds '
                         f'at most {longest} a side')


def write_image(path: str | os.PathLike, image: np.ndarray) -> None:
    """Write a picture; the format follows the file's ending.  The file appears whole or not at all.

    Args:
        path: the file to write.
        image: (3, H, W), RGB in [0, 255].

    Raises:
        InputError: the folder cannot be written to, the ending names no format, or one that cannot hold such a
            large picture.
    """
    path = Path(path)
    check_picture_name(path)
    check_picture_size(path, image.shape)
    pixels = np.clip(np.rint(image), 0, 255).astype(np.uint8).transpose(1, 2, 0)
    suffix = path.suffix.lower()
    options: dict[str, Any] = {'quality': 95} if suffix in ('.jpg', '.jpeg') else {}
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, Image.registered_extensions()[suffix], **options)
    write_bytes(path, content.getbuffer())
