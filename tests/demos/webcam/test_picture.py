from __future__ import annotations

import io
import struct
import tracemalloc
import zlib

from demos.webcam.picture import FORMATS, decode_picture
from hourglass.errors import InputError

import numpy as np
import pytest
from PIL import Image

PIXELS = 1_000_000


def _file(image: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def _halves() -> Image.Image:
    """30 x 20 pixels, the left half red, the right half black."""
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:, :15, 0] = 255
    return Image.fromarray(pixels)


@pytest.mark.parametrize('kind', FORMATS)
def test_every_kind_that_is_accepted_is_decoded(kind: str) -> None:
    array = decode_picture(_file(_halves(), kind), PIXELS)
    assert array.shape == (3, 20, 30)
    assert array.dtype == np.float32
    assert array[0, :, :12].min() > 230
    assert array[:, :, 18:].max() < 30


def _png_header(width: int, height: int) -> bytes:
    """A small file that announces many pixels, and would decode to them."""
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))

    header = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(3 * width + 1) * min(height, 1000))
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', rows) + chunk(b'IEND', b'')


@pytest.mark.parametrize('side', [5000, 20000])
def test_too_many_pixels_are_refused_before_they_are_decoded(side: int) -> None:
    data = _png_header(side, side)
    limit = 100_000
    tracemalloc.start()
    with pytest.raises(InputError, match='pixels'):
        decode_picture(data, limit)
    assert tracemalloc.get_traced_memory()[1] < 3_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(('data', 'reason'), [
    (b'', 'not a picture'), (_file(_halves(), 'JPEG')[:300], 'cannot be read'),
    (_file(_halves(), 'TIFF'), 'not a picture'), (b'%!PS-Adobe-3.0 EPSF', 'not a picture'),
])
def test_what_cannot_be_used_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        decode_picture(data, PIXELS)
    assert 'object at 0x' not in str(caught.value)
