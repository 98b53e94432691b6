from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from data.hdf5_file import write_hdf5
from data.lsp import LSPDataset
from data.packed import MARK, PackedDataset, pack, pack_person
from data.transform import TrainTransform, crop_person
from hourglass.crop import whole_person
from hourglass.errors import InputError
from hourglass.joints import LSP, MPII
from hourglass.spec import ModelSpec
from training.options import parse_config
from training.trainer import train

import cv2
import h5py
import numpy as np
import pytest
import scipy.io
from PIL import Image


@pytest.fixture(scope='module')
def lsp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten people in smooth pictures, in the layout of LSP."""
    root = tmp_path_factory.mktemp('lsp')
    (root / 'images').mkdir()
    rng = np.random.default_rng(0)
    for i in range(10):
        pixels = cv2.GaussianBlur(rng.integers(0, 256, (150, 120, 3)).astype(np.float32), None, 4)  # type: ignore[call-overload]
        Image.fromarray(np.clip((pixels - 128) * 6 + 128, 0, 255).astype(np.uint8)).save(
            root / 'images' / f'im{i + 1:04d}.jpg', quality=95)
    joints = np.zeros((3, 14, 10))
    joints[0] = rng.uniform(30, 100, (14, 10))
    joints[1] = rng.uniform(20, 130, (14, 10))
    scipy.io.savemat(root / 'joints.mat', {'joints': joints})
    return root


@pytest.fixture
def packed(lsp: Path, tmp_path: Path) -> Path:
    path = tmp_path / 'people.h5'
    pack({'train': LSPDataset(lsp, 'train-fit'), 'val': LSPDataset(lsp, 'train-val')}, path, 'LSP', 0.2, size=128)
    return path


@pytest.mark.parametrize('crop', ['clip', 'pad'])
def test_a_packed_person_gives_the_same_sample(lsp: Path, packed: Path, crop: str) -> None:
    spec = ModelSpec(joints='lsp', out_channels=14, input_size=(64, 64), crop=crop)
    original, cached = LSPDataset(lsp, 'train-fit'), PackedDataset(packed)
    assert len(original) == len(cached) == 8
    transform = TrainTransform(spec)
    for i in range(8):
        rng = np.random.default_rng(0)
        image, heatmaps, labelled = transform(original[i], rng)
        image_b, heatmaps_b, labelled_b = transform(cached[i], rng)
        np.testing.assert_array_equal(labelled, labelled_b)
        # A crop begins at a whole pixel of either picture: up to one of 128 apart, a quarter of a cell of 16.
        assert np.abs(heatmaps - heatmaps_b).max() < 0.2
        assert np.abs(image - image_b).mean() < 0.04
        assert original.people[i].image == cached.people[i].image


def test_points_and_lengths_are_mapped_exactly(lsp: Path) -> None:
    dataset = LSPDataset(lsp, 'train')
    for image, person in (dataset[i] for i in range(len(dataset))):
        pixels, mapped = pack_person(image, person, 100, 1.5)
        assert pixels.dtype == np.uint8
        assert max(pixels.shape[1:]) <= 151
        # The same relative place in the crop, and the same relative lengths.
        square, square_b = whole_person(person.location), whole_person(mapped.location)
        offset = (person.points - square[:2]) / square.side
        offset_b = (mapped.points - square_b[:2]) / square_b.side
        np.testing.assert_allclose(offset_b, offset, atol=0.01)
        assert mapped.reference_length / square_b.side == pytest.approx(person.reference_length / square.side)
        assert square_b.side == pytest.approx(100, rel=0.01)


def test_other_joints_and_splits(packed: Path) -> None:
    dataset = PackedDataset(packed, 'trainval', MPII)
    assert len(dataset) == 10
    assert dataset.people[0].points.shape == (16, 2)
    assert dataset.joint_set.name == 'mpii'
    image, person = dataset[9]
    assert crop_person(image, person, ModelSpec(input_size=(64, 64))).image.shape == (3, 64, 64)
    with pytest.raises(InputError, match="no split 'x'"):
        PackedDataset(packed, 'x')


@pytest.mark.parametrize('place', [3, 30, -1])
def test_one_flipped_bit_is_found_before_a_library_opens_the_file(
    packed: Path, place: int, monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = bytearray(packed.read_bytes())
    content[place] ^= 4
    packed.write_bytes(content)
    monkeypatch.setattr('h5py.File', None)
    with pytest.raises(InputError, match=r'people\.h5: (damaged|not a file of packed)'):
        PackedDataset(packed)


@pytest.mark.parametrize(('name', 'value'), [
    ('names', None), ('names', np.arange(8)), ('images', np.zeros((8, 3), np.uint8)),
    ('location', np.full((8, 4), np.nan)), ('shape', np.zeros((8, 2), int)), ('points', np.zeros((8, 13, 2))),
])
def test_other_content_with_the_right_checksum_is_refused(
    packed: Path, tmp_path: Path, name: str, value: np.ndarray | None,
) -> None:
    with h5py.File(packed) as old, write_hdf5(tmp_path / 'b.h5', MARK) as (file, _):
        file.attrs.update(old.attrs)
        old.copy('train', file)
        del file['train'][name]
        if value is not None:
            file['train'][name] = value
    with pytest.raises(InputError, match=r'b\.h5: not a file of packed people'):
        PackedDataset(tmp_path / 'b.h5')


def test_people_of_whom_nothing_is_labelled_are_refused(lsp: Path, tmp_path: Path) -> None:
    dataset = LSPDataset(lsp)
    dataset.people = [replace(person, labelled=np.zeros(14, bool)) for person in dataset.people]
    pack({'train': dataset}, tmp_path / 'a.h5', 'LSP', 0.2, 32)
    with pytest.raises(InputError, match='no person of the training set has any of these joints: right ankle, '):
        train(parse_config(['--dataset', 'packed', '--root', str(tmp_path / 'a.h5'), '--no-validation', '--out',
                            str(tmp_path / 'out')]))


def test_files_that_are_none(packed: Path, tmp_path: Path) -> None:
    (tmp_path / 'half.h5').write_bytes(packed.read_bytes()[:20000])
    with h5py.File(tmp_path / 'other.h5', 'w') as file:
        file['x'] = 1
    for name, reason in (('half.h5', 'damaged'), ('other.h5', 'not a file of packed'), ('none.h5', 'no such file')):
        with pytest.raises(InputError, match=reason):
            PackedDataset(tmp_path / name)


def test_the_command_line_packs(lsp: Path, tmp_path: Path, command: Callable[..., Any]) -> None:
    call, out = partial(command, 'data', 'pack'), tmp_path / 'out.h5'
    result = call('--dataset', 'lsp', '--root', lsp, '--out', out, '--size', 32, '--compression', 'gzip')
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f'{out}: 8 train, 2 val')
    assert len(PackedDataset(out, 'val', LSP)) == 2
    result = call('--dataset', 'lsp', '--root', lsp, '--out', tmp_path / 'half.h5', '--size', 32, '--split', 'half-fit',
                  'half-val')
    assert result.stdout.startswith(f'{tmp_path / "half.h5"}: 5 train, 5 val')
    result = call('--dataset', 'lsp', '--root', lsp, '--out', tmp_path / 'all.h5', '--size', 32, '--split', 'train')
    assert result.stdout.startswith(f'{tmp_path / "all.h5"}: 10 train, ')
    for root, splits, reason in ((lsp, ['half'], "no split 'half'"), (tmp_path, ['train'], 'joints.mat: no such file'),
                                 (lsp, ['train', 'test', 'all'], '--split takes one name or two')):
        result = call('--dataset', 'lsp', '--root', root, '--out', tmp_path / 'c.h5', '--split', *splits)
        assert (result.returncode, (tmp_path / 'c.h5').exists()) == (2, False)
        assert reason in result.stderr.strip().splitlines()[-1]
