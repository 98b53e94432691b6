"""Reading and writing pictures."""

from __future__ import annotations

import io
import mimetypes
import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from hourglass.errors import InputError
from hourglass.files import write_bytes
from hourglass.jpeg_end import read_without_end
from hourglass.memory import return_freed_memory
from hourglass.pixels import to_8_bits, to_pixels, to_rgb
from hourglass.wording import warn_once

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

#: Larger pictures are refused: reading one of this size and drawing into it takes 2 GB.
MAX_PIXELS = 75_000_000
#: Values of a picture from which memory counts.
_LARGE = 60_000_000
#: Longest side, in pixels, that a format can hold.
LONGEST_SIDES = {'JPEG': 65500, 'WEBP': 16383, 'GIF': 65535}

#: The EXIF entry of the orientation, and its values that exchange width and height.
_ORIENTATION, _ON_ITS_SIDE = 0x0112, (5, 6, 7, 8)


@cache
def picture_formats() -> tuple[str, ...]:
    """Return the formats that are read, by Pillow's names: HEIF only if ``pillow-heif`` is installed.

    Pillow itself knows more; for PostScript it starts another program.
    """
    formats = ('JPEG', 'PNG', 'WEBP', 'GIF', 'BMP', 'TIFF', 'AVIF')
    try:
        import pillow_heif  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return formats
    pillow_heif.register_heif_opener()
    return (*formats, 'HEIF')


@cache
def picture_endings() -> frozenset[str]:
    """Return the endings of names, as ``.jpg``, of the formats that are read."""
    formats = picture_formats()
    return frozenset(ending for ending, kind in Image.registered_extensions().items() if kind in formats)


def upright_picture(image: Image.Image) -> Image.Image:
    """Turn a loaded picture as its EXIF entry states; if that cannot be read, it stays as it is, as in viewers."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # Pillow reports damage with nearly any of them
        return image


def _check_size(image: Image.Image, path: Path, reduce: bool) -> None:
    """Refuse a picture that is too large; a JPEG file that may be reduced will be decoded at half of its size."""
    width, height = image.size
    if width * height <= MAX_PIXELS:
        return
    if reduce:
        image.draft(None, (width // 2, height // 2))  # other formats ignore it
    if image.width * image.height > MAX_PIXELS:
        raise Image.DecompressionBombError
    warn_once(f'{path}: {width} x {height} pixels are too many; the picture is read at half of its size, and boxes '
              'and joints are in pixels of the smaller picture')


@contextmanager
def _opened(path: Path, reduce: bool = False) -> Iterator[Image.Image]:
    """Open a picture in this block; ``InputError`` gives the reason if that, or the block, fails."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            with Image.open(path, formats=picture_formats()) as image:
                _check_size(image, path, reduce)
                yield image
    except FileNotFoundError:
        raise InputError(f'{path}: no such file') from None
    except IsADirectoryError:
        raise InputError(f'{path}: is a folder, not a picture') from None
    except UnidentifiedImageError:
        raise InputError(f'{path}: {_unidentified(path)}') from None
    except Image.DecompressionBombError:
        raise InputError(f'{path}: more than {MAX_PIXELS // 1_000_000} million pixels') from None
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError, RuntimeError) as error:
        # Pillow reports damage with any of these, according to the format.
        raise InputError(f'{path}: cannot be read ({error or type(error).__name__})') from None


def _unidentified(path: Path) -> str:
    """Return what a file that Pillow does not open may be."""
    with path.open('rb') as file:
        start = file.read(12)
    if not start:
        return 'the file is empty'
    if start[4:8] == b'ftyp' and start[8:12] in (b'heic', b'heix', b'heim', b'hevc', b'mif1', b'msf1') \
            and 'HEIF' not in picture_formats():
        return 'a HEIC picture, which is read if pillow-heif is installed (extra "heif")'
    if (mimetypes.guess_type(path)[0] or '').startswith('video/'):
        return 'a video, not a picture (demo_multi_person.py --video takes one)'
    return f'not a picture that can be read (the formats are {", ".join(picture_formats())})'


def _read_deep(image: Image.Image, path: Path) -> Image.Image:
    """Return a colour picture of 16 bits with 8 bits, by the bits in use.

    Pillow keeps the upper 8 bits, of which a picture of 12 bits has four.
    """
    import cv2

    pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16 or pixels.shape[:2] != image.size[::-1]:
        return image
    colours = to_8_bits(pixels[..., 2::-1], path)
    if pixels.shape[2] == 4:
        colours = np.concatenate([colours, (pixels[..., 3:] >> 8).astype(np.uint8)], axis=2)
    deep = Image.fromarray(colours)
    deep.info.update(image.info)
    return deep


def _load(image: Image.Image, path: Path) -> Image.Image:
    """Decode a picture; a JPEG file that lacks only its end is read with a warning, as viewers do."""
    is_deep = image.mode in ('RGB', 'RGBA') and any(';16' in str(tile) for tile in getattr(image, 'tile', []))
    try:
        image.load()
    except OSError:
        if image.format not in ('JPEG', 'MPO') or (complete := read_without_end(path)) is None \
                or complete.width * complete.height > MAX_PIXELS:
            raise
        warn_once(f'{path}: the end of the JPEG file is missing; the picture is read without it')
        return complete
    return _read_deep(image, path) if is_deep else image


def read_image(path: str | os.PathLike, upright: bool = False, reduce: bool = False) -> np.ndarray:
    """Read a picture in one of :func:`picture_formats`.

    Args:
        path: the file.
        upright: turn the picture as its EXIF entry states, as viewers do.  Annotations of data sets are in the
            pixels as stored, so data sets leave this off.
        reduce: read a JPEG file of more than :data:`MAX_PIXELS` at half of its size, with a warning.

    Returns:
        (3, H, W) float32, RGB in [0, 255].

    Raises:
        InputError: the file is missing, empty, truncated, no picture, or too large.
    """
    # Pillow's copy is gone when the floating-point one is made.
    pixels = _read_pixels(Path(path), upright, reduce)
    if pixels.size > _LARGE:
        return_freed_memory()
    return pixels.transpose(2, 0, 1).astype(np.float32)


def _read_pixels(path: Path, upright: bool, reduce: bool) -> np.ndarray:
    """Read a picture as (H, W, 3) uint8."""
    with _opened(path, reduce) as image:
        loaded = _load(image, path)
        return np.asarray(to_rgb(upright_picture(loaded) if upright else loaded, path))


#: One picture, as :func:`as_image` takes it.
Picture = str | os.PathLike | Image.Image | np.ndarray


def is_one_image(value: Any) -> bool:
    """Return whether a value is to be one picture (:func:`as_image`) and not several."""
    return (isinstance(value, (str, bytes, io.IOBase)) or not isinstance(value, Iterable)
            or (isinstance(value, np.ndarray) and value.ndim < 4))


def as_images(values: Any, bgr: bool = False) -> list[np.ndarray]:
    """Return one picture, or each of several, as :func:`as_image` does."""
    listed = [values] if is_one_image(values) else list(values)
    # An image with several boxes is in the list as often, but is converted once.
    converted = {key: as_image(value, bgr) for key, value in {id(value): value for value in listed}.items()}
    return [converted[id(value)] for value in listed]


def as_image(value: Picture, bgr: bool = False) -> np.ndarray:
    """Return a picture of any usual kind as (3, H, W) float32, RGB in [0, 255].

    Args:
        value: a path, read as viewers show it; a PIL image; an array (H, W, 3) or, grey, (H, W) uint8; or an array
            (3, H, W) in [0, 255], returned as it is if it is float32.
        bgr: whether an array (H, W, 3) has OpenCV's order of colours.

    Raises:
        InputError: the value is not a picture, or cannot be read, or is an array (3, H, W) of another range.
    """
    if isinstance(value, (str, os.PathLike)):
        return read_image(value, upright=True, reduce=True)
    if isinstance(value, Image.Image):
        name = getattr(value, 'filename', '') or 'the picture'
        try:
            value.load()
        except Exception as error:
            raise InputError(f'{name}: cannot be read ({error or type(error).__name__})') from None
        value, bgr = np.asarray(to_rgb(upright_picture(value), name)), False
    if isinstance(value, np.ndarray) and value.size and value.dtype.kind in 'fiu':
        if value.dtype == np.uint8 and (value.ndim == 2 or (value.ndim == 3 and value.shape[2] == 3)):
            colours = np.stack([value] * 3) if value.ndim == 2 else value.transpose(2, 0, 1)
            return colours[::-1 if bgr else 1].astype(np.float32, order='C')
        if value.ndim == 3 and value.shape[0] == 3:
            low, high = float(value.min()), float(value.max())
            is_unit = value.dtype.kind == 'f' and low >= 0 and high <= 1 and (value % 1).any()
            # Resizing may go beyond the range by a fifth.  Written so that NaN fails, too.
            if is_unit or not (low >= -0.1 - high / 4 and high <= 320):
                raise InputError(f'an array (3, H, W) with values from {low:.4g} to {high:.4g}; those of a picture are '
                                 f'from 0 to 255{": multiply it by 255" if is_unit else ""}')
            return value.astype(np.float32, copy=False)
    what = f'an array of shape {value.shape} and type {value.dtype}' if isinstance(value, np.ndarray) \
        else f'a value of type {type(value).__name__}'
    raise InputError(f'{what} is not a picture; a picture is a path, a PIL image, an array (H, W, 3) or (H, W) uint8, '
                     'or an array (3, H, W) in [0, 255]')


def check_image(path: str | os.PathLike, upright: bool = False, decode: bool = True) -> tuple[int, int]:
    """Check a picture in less time than :func:`read_image` needs for it.

    Args:
        path: the file.
        upright: as for :func:`read_image`.
        decode: decode it (JPEG at an eighth of its size); otherwise only its head is read.

    Returns:
        Width and height, as :func:`read_image` gives them.

    Raises:
        InputError: the picture cannot be read.
    """
    with _opened(path := Path(path)) as image:
        size = image.size
        if decode:
            image.draft('RGB', (1, 1))
            _load(image, path)
        # Pillow decodes a PNG to look for an entry at its end.
        has_entry = decode or image.format != 'PNG' or 'exif' in image.info
        if upright and has_entry and image.getexif().get(_ORIENTATION) in _ON_ITS_SIDE:
            size = size[::-1]
    return size


def check_picture_name(path: str | os.PathLike) -> str:
    """Return Pillow's name of the format that a file's ending names; ``InputError`` if it names none."""
    suffix = Path(path).suffix.lower()
    kind = Image.registered_extensions().get(suffix, '')
    if kind not in Image.SAVE:
        raise InputError(f'{path}: the ending {suffix!r} is not that of a picture format, such as .jpg or .png')
    return kind


def check_picture_size(path: str | os.PathLike, shape: tuple[int, ...], name: str | os.PathLike | None = None) -> str:
    """Return the format as :func:`check_picture_name` does, if it can hold a picture of a shape (..., H, W).

    Args:
        path: the file to be written; its ending names the format.
        shape: of the picture.
        name: what the error calls the picture, by default ``path``.

    Raises:
        InputError: the format has no such sizes, or the ending names none.
    """
    kind = check_picture_name(path)
    longest = LONGEST_SIDES.get(kind)
    if longest is not None and max(shape[-2:]) > longest:
        raise InputError(f'{path if name is None else name}: {shape[-1]} x {shape[-2]} pixels, but a {kind} file holds '
                         f'at most {longest} per side')
    return kind


def write_image(path: str | os.PathLike, image: np.ndarray) -> None:
    """Write a picture; the format follows the file's ending.  The file appears whole or not at all.

    Args:
        path: the file to write.
        image: (3, H, W), RGB in [0, 255].

    Raises:
        InputError: the folder cannot be written to, or the ending names no format that can hold such a picture.
    """
    kind = check_picture_size(path, image.shape)
    pixels = np.ascontiguousarray(image.transpose(1, 2, 0)) if image.dtype == np.uint8 else to_pixels(image)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, kind, **({'quality': 95} if kind == 'JPEG' else {}))
    write_bytes(path, content.getbuffer())
