"""Pictures that a client sent: checked before they are decoded."""

from __future__ import annotations

import io
import warnings

from hourglass.errors import InputError
from hourglass.image import upright_picture
from hourglass.pixels import to_rgb

import numpy as np
from PIL import Image, UnidentifiedImageError

#: Formats that are accepted.  Pillow reads more; for PostScript it starts a program.
FORMATS = 'JPEG', 'PNG', 'WEBP', 'GIF', 'BMP'


class PictureError(Exception):
    """A picture that cannot be used.

    Attributes:
        status: of HTTP: 400 damaged, 413 too many pixels, 415 not in a format of :data:`FORMATS`.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def decode_picture(data: bytes, max_pixels: int) -> np.ndarray:
    """Decode a picture, upright as its EXIF entry says (:func:`hourglass.image.upright_picture`).

    Its size is read off the header first, so that a small file that would fill the memory is refused unopened.

    Args:
        data: the file's content, in a format of :data:`FORMATS`.
        max_pixels: larger pictures are refused.

    Returns:
        (3, H, W) float32, RGB in [0, 255].

    Raises:
        PictureError: the picture cannot be used.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                width, height = image.size
                if width * height > max_pixels:
                    raise PictureError(413, f'the picture has {width} x {height} pixels, more than '
                                            f'{max_pixels / 1e6:g} million')
                array = np.asarray(to_rgb(upright_picture(image), 'the picture'))
    except UnidentifiedImageError:
        raise PictureError(415, f'not a picture in an accepted format ({", ".join(FORMATS)})') from None
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError, Image.DecompressionBombError, InputError) as error:
        # Pillow reports damage with any of these, according to the format.
        raise PictureError(400, f'the picture cannot be read ({error or type(error).__name__})') from None
    return array.transpose(2, 0, 1).astype(np.float32)

