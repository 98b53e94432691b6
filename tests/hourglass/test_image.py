from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hourglass.errors import InputError
from hourglass.image import as_image, as_images, check_image, picture_endings, picture_formats, read_image, write_image
from hourglass.pixels import to_pixels
from tests.stand_ins import huge_png, picture_bytes

import cv2
import numpy as np
import pytest
from PIL import Image


def _save(path: Path, array: np.ndarray, mode: str | None = None, **options: object) -> Path:
    image = Image.fromarray(array)
    if mode is not None:
        image = image.convert(mode)
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def _noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(('mode', 'ending'), [
    ('L', 'png'), ('1', 'png'), ('P', 'png'), ('CMYK', 'tif'), ('RGB', 'avif')])
def test_any_ordinary_kind_becomes_rgb(tmp_path: Path, mode: str, ending: str) -> None:
    image = read_image(_save(tmp_path / f'a.{ending}', np.full((5, 7, 3), 255, np.uint8), mode))
    assert image.shape == (3, 5, 7)
    assert image.dtype == np.float32
    assert image.min() > 250


GREY = np.array([[0, 1, 128, 255]])


@pytest.mark.parametrize(('values', 'expected', 'ending'), [
    (np.array([[0, 255, 256, 65535]], np.uint16), [[0, 0, 1, 255]], 'png'),
    ((GREY * 16).astype(np.uint16), GREY, 'png'),
    ((GREY * 65536).astype(np.int32), GREY, 'tif'),
    ((GREY - 100).astype(np.int32), GREY, 'tif'),
    ((GREY / 255).astype(np.float32), GREY, 'tif'),
])
def test_more_than_eight_bits_are_stretched_by_the_values_there(
    tmp_path: Path, values: np.ndarray, expected: np.ndarray, ending: str,
) -> None:
    """12 bits in 16, 8 bits in 32, fractions: none of them turns black."""
    np.testing.assert_array_equal(read_image(_save(tmp_path / f'a.{ending}', values))[0], expected)


@pytest.mark.parametrize('ending', ['png', 'tif'])
@pytest.mark.parametrize('bits', [12, 16])
def test_colours_of_16_bits_are_stretched_like_grey(tmp_path: Path, ending: str, bits: int) -> None:
    pixels = _noise(64, 96).astype(np.uint16)
    path = tmp_path / f'a.{ending}'
    opaque = np.full((64, 96, 1), 65535, np.uint16)
    for stored in (pixels << (bits - 8), np.concatenate([pixels << (bits - 8), opaque], axis=2)):
        cv2.imwrite(str(path), stored)
        np.testing.assert_array_equal(read_image(path), pixels[..., ::-1].transpose(2, 0, 1))
        assert check_image(path) == (96, 64)
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(InputError, match='read'):
        read_image(path)


def test_what_is_transparent_shows_white(tmp_path: Path) -> None:
    pixels = np.zeros((1, 2, 4), np.uint8)
    pixels[0, 1, 3] = 255
    np.testing.assert_array_equal(read_image(_save(tmp_path / 'a.png', pixels))[1], [[255, 0]])


def test_a_damaged_exif_entry_leaves_the_picture_as_it_is(tmp_path: Path) -> None:
    pixels = _noise(4, 8)
    content = _save(path := tmp_path / 'a.png', pixels).read_bytes()
    entry = b'eXIf' + b'II*\0'
    chunk = struct.pack('>I', 4) + entry + struct.pack('>I', zlib.crc32(entry))
    path.write_bytes(content[:33] + chunk + content[33:])  # after the header
    np.testing.assert_array_equal(read_image(path, upright=True), pixels.transpose(2, 0, 1))
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(InputError, match='cannot be read'):
        read_image(path, upright=True)


@pytest.mark.parametrize(('content', 'reason'), [
    (lambda: picture_bytes(_noise(64, 64), 'JPEG')[:1500], 'cannot be read'),
    (lambda: picture_bytes(_noise(64, 64))[:1500], 'cannot be read'),
    (lambda: picture_bytes(_noise(64, 64), 'AVIF').replace(b'av01', b'xxxx'), 'cannot be read'),
    (lambda: picture_bytes(np.full((2, 2), np.nan, np.float32), 'TIFF'), 'not finite numbers'),
    (lambda: huge_png(20_000), 'million pixels'),
    (lambda: b'this is no picture', 'not a picture'), (lambda: b'', 'file is empty'),
    # Pillow hands PostScript to Ghostscript, whatever the ending of the name is.
    (lambda: b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n',
     'not a picture that can be read .the formats are JPEG, PNG'),
], ids=['half a JPEG', 'half a PNG', 'AVIF without its items', 'NaN', 'bomb', 'text', 'empty', 'PostScript'])
def test_what_is_no_picture_gets_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Callable[[], bytes], reason: str,
) -> None:
    monkeypatch.setattr(subprocess, 'Popen', None)
    path = tmp_path / 'a.jpg'
    path.write_bytes(content())
    with pytest.raises(InputError, match=f'{path}: .*{reason}'):
        read_image(path)


def test_what_is_no_file_gets_a_reason(tmp_path: Path) -> None:
    video = tmp_path / 'walk.MP4'
    video.write_bytes(b'\0\0\0\x18ftypisom')
    for path, reason in ((tmp_path, 'is a folder'), (tmp_path / 'a.jpg', 'no such file'), (video, 'a video.*--video')):
        with pytest.raises(InputError, match=f'{path}: {reason}'):
            read_image(path)


@pytest.mark.parametrize(('options', 'missing'), [({}, 1), ({}, 4), ({'progressive': True}, 2)])
def test_a_jpeg_file_without_its_end_is_read_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: dict[str, Any], missing: int,
) -> None:
    path = _save(tmp_path / 'a.jpg', _noise(96, 128), **options)
    whole = read_image(path)
    path.write_bytes(path.read_bytes()[:-missing])
    for _ in range(2):
        assert check_image(path) == (128, 96)
        image = read_image(path)
    assert (image != whole).any(axis=0).mean() < (0.05 if missing > 2 else 1e-9)
    assert capsys.readouterr().err == f'{path}: the end of the JPEG file is missing; the picture is read without it\n'
    path.write_bytes(path.read_bytes()[:-1000])
    for read in (read_image, check_image):
        with pytest.raises(InputError, match='truncated'):
            read(path)


def test_a_check_gives_the_size_as_the_picture_is_read(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = _save(tmp_path / 'a.jpg', _noise(40, 80), exif=exif)
    for decode in (False, True):
        assert check_image(path, decode=decode) == (80, 40)
        assert check_image(path, upright=True, decode=decode) == (40, 80)
    assert read_image(path).shape == (3, 40, 80)
    assert read_image(path, upright=True).shape == (3, 80, 40)
    path.write_bytes(path.read_bytes()[:-500])
    assert check_image(path, decode=False) == (80, 40)
    with pytest.raises(InputError, match='cannot be read'):
        check_image(path)


def test_heic_is_named_where_it_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / 'a.HEIC'
    path.write_bytes(b'\0\0\0\x18ftypheic' + bytes(100))
    monkeypatch.setitem(sys.modules, 'pillow_heif', None)
    picture_formats.cache_clear()
    try:
        with pytest.raises(InputError, match='HEIC picture, which is read if pillow-heif is installed'):
            read_image(path)
    finally:
        picture_formats.cache_clear()


def test_heic_is_read_where_it_can_be(tmp_path: Path) -> None:
    pytest.importorskip('pillow_heif')
    picture_formats.cache_clear()
    picture_endings.cache_clear()
    assert 'HEIF' in picture_formats()
    path = _save(tmp_path / 'a.heic', np.full((64, 32, 3), 200, np.uint8))
    assert abs(read_image(path) - 200).max() < 8
    assert check_image(path) == (32, 64)
    assert '.heic' in picture_endings()


@pytest.mark.parametrize(('name', 'longest', 'upright'), [
    ('a.JPEG', 65500, False), ('a.webp', 16383, True), ('a.gif', 65535, False)])
def test_a_picture_larger_than_its_format_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, longest: int, upright: bool,
) -> None:
    shape = (longest, 1) if upright else (1, longest)
    write_image(tmp_path / name, np.zeros((3, *shape), np.uint8))
    assert read_image(tmp_path / name).shape == (3, *shape)
    (tmp_path / name).unlink()
    larger = np.zeros((3, shape[0] + upright, shape[1] + (not upright)), np.uint8)
    with pytest.raises(InputError, match=rf'{name}: {larger.shape[2]} x {larger.shape[1]} pixels, .* {longest} per'):
        write_image(tmp_path / name, larger)
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr().err == ''
    write_image(tmp_path / 'a.png', larger)


def test_written_pictures_read_back(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (3, 9, 11)).astype(np.float32)
    write_image(tmp_path / 'sub' / 'a.png', image)
    np.testing.assert_array_equal(read_image(tmp_path / 'sub' / 'a.png'), image)
    for ending in ('xyz', 'psd'):  # Pillow reads the other one, and does not write it
        with pytest.raises(InputError, match=rf"ending '\.{ending}' is not that of a picture format"):
            write_image(tmp_path / f'a.{ending}', image)
    assert [p.name for p in tmp_path.iterdir()] == ['sub']


@pytest.mark.parametrize('give', [
    lambda pixels, path: pixels,
    lambda pixels, path: Image.fromarray(pixels),
    lambda pixels, path: pixels.transpose(2, 0, 1),
    lambda pixels, path: pixels.transpose(2, 0, 1).astype(np.float64),
    lambda pixels, path: str(path),
])
def test_every_kind_of_picture_gives_the_same(tmp_path: Path, give: Callable[[np.ndarray, Path], Any]) -> None:
    pixels = _noise(20, 30)
    Image.fromarray(pixels).save(tmp_path / 'a.png')
    image = as_image(give(pixels, tmp_path / 'a.png'))
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image, pixels.transpose(2, 0, 1))


def test_grey_opencv_and_chainercv_arrays() -> None:
    pixels = _noise(20, 30)
    np.testing.assert_array_equal(as_image(pixels[:, :, ::-1], bgr=True), pixels.transpose(2, 0, 1))
    np.testing.assert_array_equal(as_image(pixels[:, :, 0]), np.stack([pixels[:, :, 0]] * 3))
    image = np.zeros((3, 20, 30), np.float32)
    assert as_image(image, bgr=True) is image
    first, second = as_images([pixels, pixels])
    assert first is second


@pytest.mark.parametrize(('value', 'words'), [
    (np.zeros((20, 30, 3), np.float32), 'an array of shape (20, 30, 3) and type float32'),
    (np.zeros((20, 30, 4), np.uint8), 'an array of shape (20, 30, 4) and type uint8'),
    (7, 'a value of type int'),
    (Image.open(io.BytesIO(picture_bytes(_noise(64, 64))[:1500])), 'the picture: cannot be read'),
    (b'a JPEG file', 'a value of type bytes'),
    (Image.new('RGB', (0, 5)), 'an array of shape (5, 0, 3)'),
    (np.full((3, 4, 5), 256.0 * 257), 'values from 6.579e+04'),
    (np.linspace(-2, 2.6, 60).reshape(3, 4, 5), 'values from -2 to 2.6'),
    (np.full((3, 4, 5), np.nan, np.float32), 'values from nan'),
    ('missing.jpg', 'missing.jpg: no such file'),
])
def test_what_is_no_picture_is_named(value: Any, words: str) -> None:
    for given in (value, [value]):
        with pytest.raises(InputError) as caught:
            as_images(given)
        assert words in str(caught.value)


def test_fractions_from_0_to_1_are_not_taken_for_a_dark_picture() -> None:
    image = np.random.default_rng(0).random((3, 4, 5))
    with pytest.raises(InputError, match='multiply it by 255'):
        as_image(image)
    # Black pictures are pictures.
    for value in (np.zeros((3, 4, 5), np.float32), np.rint(image), image * 255, np.ones((3, 4, 5), np.uint8)):
        np.testing.assert_array_equal(as_image(value), value.astype(np.float32))


def test_pixels_are_rounded_and_clipped() -> None:
    image = np.array([[[-3, -.5, .49, .5, 1.5, 254.5, 255.4, 300]]] * 3, np.float32)
    for value in (image, image.astype(np.float64), image[:, :, ::-1][:, :, ::-1]):
        assert to_pixels(value)[0, :, 0].tolist() == [0, 0, 0, 0, 2, 254, 255, 255]
    grey = np.arange(24, dtype=np.uint8).reshape(3, 4, 2)
    np.testing.assert_array_equal(to_pixels(grey), grey.transpose(1, 2, 0))
    assert not np.shares_memory(to_pixels(grey), grey)


def test_a_large_jpeg_is_read_at_half_of_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr('hourglass.image.MAX_PIXELS', 50_000)
    half = np.random.default_rng(0).integers(0, 255, (5, 10, 3), np.uint8).repeat(30, 0).repeat(30, 1)
    picture = Image.fromarray(half.repeat(2, 0).repeat(2, 1))
    for name in ('large.jpg', 'large.png'):
        picture.save(tmp_path / name)
    assert np.abs(as_image(tmp_path / 'large.jpg') - half.transpose(2, 0, 1)).mean() < 5
    assert f'{tmp_path / "large.jpg"}: 600 x 300 pixels' in capsys.readouterr().err
    (tmp_path / 'cut.jpg').write_bytes((tmp_path / 'large.jpg').read_bytes()[:-2])
    for name, reduce in (('large.jpg', False), ('cut.jpg', False), ('large.png', True)):
        with pytest.raises(InputError, match=f'{name}: more than'):
            read_image(tmp_path / name, reduce=reduce)
    with pytest.raises(InputError, match=r'cut\.jpg'):
        read_image(tmp_path / 'cut.jpg', reduce=True)
