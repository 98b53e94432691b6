from __future__ import annotations

import io
import struct
import tracemalloc
import zlib

from demos.webcam.picture import FORMATS, PictureError, decode_picture

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


@pytest.mark.parametrize(('side', 'status'), [(5000, 413), (20000, 400)])
def test_too_many_pixels_are_refused_before_they_are_decoded(side: int, status: int) -> None:
    data = _png_header(side, side)
    limit = 100_000
    tracemalloc.start()
    with pytest.raises(PictureError, match='pixels') as caught:
        decode_picture(data, limit)
    assert tracemalloc.get_traced_memory()[1] < 3_000_000
    tracemalloc.stop()
    assert caught.value.status == status


@pytest.mark.parametrize(('data', 'status'), [
    (b'', 415), (_file(_halves(), 'JPEG')[:300], 400), (_file(_halves(), 'TIFF'), 415), (b'%!PS-Adobe-3.0 EPSF', 415),
])
def test_what_cannot_be_used_is_refused_with_the_right_status(data: bytes, status: int) -> None:
    with pytest.raises(PictureError) as caught:
        decode_picture(data, PIXELS)
    assert caught.value.status == status
    assert 'object at 0x' not in str(caught.value)
