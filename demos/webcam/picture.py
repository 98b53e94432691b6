"""Pictures that a client sent: checked before they are decoded."""

from __future__ import annotations

import io
import warnings

from hourglass.errors import InputError
from hourglass.image import as_image

import numpy as np
from PIL import Image, UnidentifiedImageError

#: Formats that are accepted.  Pillow reads more; for PostScript it starts a program.
FORMATS = 'JPEG', 'PNG', 'WEBP', 'GIF', 'BMP', 'AVIF'


def decode_picture(data: bytes, max_pixels: int) -> np.ndarray:
    """Decode a picture, upright as its EXIF entry says (:func:`hourglass.image.upright_picture`).

    Its size is read from the header first, so that a small file that would fill the memory is refused.

    Args:
        data: the file's content, in a format of :data:`FORMATS`.
        max_pixels: larger pictures are refused.

    Returns:
        (3, H, W) float32, RGB in [0, 255].

    Raises:
        InputError: the picture cannot be used.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                width, height = image.size
                if width * height > max_pixels:
                    raise InputError(f'{width} x {height} pixels, more than {max_pixels / 1e6:g} million')
                return as_image(image)
    except UnidentifiedImageError:
        raise InputError(f'not a picture in an accepted format ({", ".join(FORMATS)})') from None
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError, RuntimeError,
            Image.DecompressionBombError) as error:
        # Pillow reports damage with any of these, according to the format.
        raise InputError(f'the picture cannot be read ({error or type(error).__name__})') from None
