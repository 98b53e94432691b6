from __future__ import annotations

import tracemalloc

from demos.webcam.picture import FORMATS, decode_picture
from hourglass.errors import InputError
from tests.stand_ins import huge_png, picture_bytes

import numpy as np
import pytest

PIXELS = 1_000_000


def _halves() -> np.ndarray:
    """30 x 20 pixels, the left half red, the right half black."""
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:, :15, 0] = 255
    return pixels


@pytest.mark.parametrize('kind', FORMATS)
def test_every_kind_that_is_accepted_is_decoded(kind: str) -> None:
    array = decode_picture(picture_bytes(_halves(), kind), PIXELS)
    assert array.shape == (3, 20, 30)
    assert array.dtype == np.float32
    assert array[0, :, :12].min() > 230
    assert array[:, :, 18:].max() < 30


@pytest.mark.parametrize('side', [5000, 20000])
def test_too_many_pixels_are_refused_before_they_are_decoded(side: int) -> None:
    data = huge_png(side)
    tracemalloc.start()
    with pytest.raises(InputError, match='pixels'):
        decode_picture(data, 100_000)
    assert tracemalloc.get_traced_memory()[1] < 3_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(('data', 'reason'), [
    (b'', 'not a picture'), (picture_bytes(_halves(), 'JPEG')[:300], 'cannot be read'),
    (picture_bytes(_halves(), 'AVIF').replace(b'av01', b'xxxx'), 'cannot be read'),
    (picture_bytes(_halves(), 'TIFF'), 'not a picture'), (b'%!PS-Adobe-3.0 EPSF', 'not a picture'),
])
def test_what_cannot_be_used_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        decode_picture(data, PIXELS)
    assert 'object at 0x' not in str(caught.value)
