from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.mpii import MPIIDataset, read_hdf5, to_hdf5
from data.person import Person, PersonDataset
from hourglass.crop import Extent, Square, crop_square
from hourglass.errors import InputError
from hourglass.joints import LSP, MPII
from hourglass.spec import ModelSpec
from tests.refusal import refusal

import h5py
import numpy as np
import pytest

N = 6


@pytest.fixture
def dataset(tmp_path: Path) -> PersonDataset:
    """Six people on three images; some joints absent, one at x = 0, one outside of the image."""
    rng = np.random.default_rng(0)
    people = []
    for i in range(N):
        points = rng.uniform(1, 500, (16, 2)).astype(np.float32)
        labelled = rng.random(16) < .8
        labelled[[6, 7]] = i != 2, True
        points[8], labelled[8] = (33.5, 0), True
        points[9], labelled[9] = (-4.25, 100), True
        points[~labelled] = 0
        visible = labelled & (rng.random(16) < .5)
        location = Extent.of_scale(tuple(rng.uniform(50, 300, 2).tolist()), float(rng.uniform(.5, 4)))
        people.append(Person(f'00{i // 2}.jpg', points, labelled, visible, location,
                             float('nan') if i == 4 else float(rng.uniform(20, 90))))
    return PersonDataset('test', MPII, people, tmp_path)


def _columns(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path) as file:
        return {key: file[key][()] for key in file}


def test_layout_is_that_of_the_torch7_code(dataset: PersonDataset, tmp_path: Path) -> None:
    to_hdf5(dataset, tmp_path / 'some.h5')
    columns = _columns(tmp_path / 'some.h5')
    assert {key: (column.shape, column.dtype.kind) for key, column in columns.items()} == {
        'imgname': ((N,), 'S'), 'center': ((N, 2), 'f'), 'scale': ((N,), 'f'), 'part': ((N, 16, 2), 'f'),
        'visible': ((N, 16), 'f'), 'normalize': ((N,), 'f'), 'torsoangle': ((N,), 'f')}
    assert (tmp_path / 'some_images.txt').read_text() == ''.join(f'{p.image}\n' for p in dataset.people)
    first = dataset.people[0]
    y, x, side = crop_square(first.location, ModelSpec())
    np.testing.assert_array_equal(columns['center'][0], (x, y))
    np.testing.assert_array_equal(columns['part'][0], first.points[:, ::-1])
    assert columns['scale'][0] == side / 200
    assert (columns['part'][[not p.labelled[0] for p in dataset.people], 0] == 0).all()


def test_torso_angle(tmp_path: Path) -> None:
    # Upright, head to the right, upside down, pelvis not annotated; (y, x) of pelvis and thorax.
    torsos = [((80, 50), (30, 50)), ((50, 50), (50, 90)), ((50, 50), (90, 50)), (None, (30, 50))]
    people = []
    for ends in torsos:
        points, labelled = np.zeros((16, 2), np.float32), np.zeros(16, bool)
        for joint, end in zip((6, 7), ends, strict=True):
            if end is not None:
                points[joint], labelled[joint] = end, True
        people.append(Person('a.jpg', points, labelled, labelled, Square(50, 50, 100), 10.0))
    to_hdf5(PersonDataset('torsos', MPII, people, tmp_path), tmp_path / 't.h5')
    np.testing.assert_allclose(_columns(tmp_path / 't.h5')['torsoangle'], [0, 90, 180, 0], atol=1e-12)


def test_reading_back_gives_the_same_people(dataset: PersonDataset, tmp_path: Path) -> None:
    to_hdf5(dataset, tmp_path / 'some.h5')
    people = read_hdf5(tmp_path / 'some.h5')
    assert len(people) == N
    for i, expected in enumerate(dataset.people):
        assert people.image[i] == expected.image
        np.testing.assert_array_equal(people.points[i], expected.points)
        np.testing.assert_array_equal(people.labelled[i], expected.labelled)
        np.testing.assert_array_equal(people.visible[i], expected.visible)
        np.testing.assert_allclose(people.extent[i], expected.location, rtol=1e-14)
        np.testing.assert_equal(people.head_size[i], expected.reference_length)


def test_only_mpii_joints_can_be_written(dataset: PersonDataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match='the joints of lsp'):
        to_hdf5(PersonDataset('other', LSP, dataset.people, tmp_path), tmp_path / 'x.h5')
    with pytest.raises(InputError, match='has 0 people'):
        to_hdf5(PersonDataset('none', MPII, [], tmp_path), tmp_path / 'x.h5')
    assert not list(tmp_path.iterdir())


def _write(path: Path, columns: dict[str, np.ndarray]) -> Path:
    with h5py.File(path, 'w') as file:
        for key, column in columns.items():
            file[key] = column
    return path


def test_a_data_root_with_files_of_the_torch7_code(dataset: PersonDataset, tmp_path: Path) -> None:
    root = tmp_path / 'MPII'
    to_hdf5(dataset, root / 'annot' / 'valid.h5')
    columns = _columns(root / 'annot' / 'valid.h5')
    # The Torch7 code's train.h5 lists people without points, marked by -1.
    columns['part'][1], columns['visible'][1] = -1, -1
    columns['part'][2], columns['visible'][2] = 0, 0
    _write(root / 'annot' / 'train.h5', columns)
    assert [len(MPIIDataset(root, split)) for split in ('train', 'val', 'trainval')] == [4, 3, 10]
    assert len(MPIIDataset(root, 'val', 'all')) == N
    assert not read_hdf5(root / 'annot' / 'train.h5').labelled[1:3].any()
    (root / 'annot' / 'train.h5').unlink()
    with pytest.raises(InputError, match="no people for the split 'train'"):
        MPIIDataset(root, 'train')


def test_image_names_beside_the_file(dataset: PersonDataset, tmp_path: Path) -> None:
    path = tmp_path / 'some.h5'
    to_hdf5(dataset, path)
    columns = _columns(path)
    del columns['imgname']
    _write(path, columns)
    assert read_hdf5(path).image.tolist() == [p.image for p in dataset.people]
    (tmp_path / 'some_images.txt').unlink()
    with pytest.raises(InputError, match=r'has no image names, and there is no some_images\.txt beside it'):
        read_hdf5(path)


@pytest.mark.parametrize(('key', 'value', 'reason'), [
    ('part', None, "has no 'part'"),
    ('part', np.zeros((N, 14, 2)), 'shape (6, 14, 2)'),
    ('scale', np.ones(N - 1), 'different lengths'),
    ('center', np.full((N, 2), np.nan), 'no centre'),
    ('visible', np.full((N, 16), b'1'), 'not (N, 16) numbers'),
])
def test_wrong_columns(dataset: PersonDataset, tmp_path: Path, key: str, value: np.ndarray | None, reason: str) -> None:
    to_hdf5(dataset, tmp_path / 'some.h5')
    columns: dict[str, Any] = {**_columns(tmp_path / 'some.h5'), key: value}
    path = _write(tmp_path / 'wrong.h5', {key: value for key, value in columns.items() if value is not None})
    assert reason in refusal(read_hdf5, path)


def test_missing_and_damaged_files(dataset: PersonDataset, tmp_path: Path) -> None:
    path = tmp_path / 'some.h5'
    assert 'no such file' in refusal(read_hdf5, path)
    to_hdf5(dataset, path)
    path.write_bytes(path.read_bytes()[:5000])
    assert 'damaged' in refusal(read_hdf5, path)


def test_validation_file_of_the_torch7_code(shared: Callable[[str], Path]) -> None:
    people = read_hdf5(shared('mpii/annot/valid.h5'))
    assert (len(people), len(np.unique(people.image))) == (2958, 2729)
    assert people.image.tolist() == shared('mpii/annot/valid_images.txt').read_text().split()
    assert people.labelled.any(axis=1).all()
    assert (~people.labelled).sum() == 3088


def test_center_and_scale_of_the_crop_lead_back_to_those_of_mpii(shared: Callable[[str], Path]) -> None:
    path = shared('mpii/annot/valid.h5')
    with gzip.open(shared('mpii/mpii_annotations.json.gz')) as file:
        entries = [entry for entry in json.load(file) if entry['isValidation']]
    people = read_hdf5(path)
    x, y = np.array([entry['objpos'] for entry in entries]).T
    # Rounded to three decimals in this file.
    scale = np.array([entry['scale_provided'] for entry in entries])
    np.testing.assert_allclose(people.extent[:, :2], np.stack([y, x], 1), atol=15 * .0005 + 1e-9)
    np.testing.assert_allclose(people.extent[:, 2], 200 * scale, atol=200 * .0005 + 1e-9)


def test_the_file_of_the_torch7_code_written_again(shared: Callable[[str], Path], tmp_path: Path) -> None:
    root = tmp_path / 'MPII'
    (root / 'annot').mkdir(parents=True)
    (root / 'annot' / 'valid.h5').symlink_to(shared('mpii/annot/valid.h5'))
    to_hdf5(MPIIDataset(root, 'val', 'all'), tmp_path / 'again.h5')
    theirs, ours = _columns(shared('mpii/annot/valid.h5')), _columns(tmp_path / 'again.h5')
    assert set(theirs) - set(ours) == {'index', 'person'}
    assert (ours['imgname'] == theirs['imgname']).all()
    for key in set(ours) - {'imgname'}:
        assert ours[key].dtype == theirs[key].dtype, key
        np.testing.assert_allclose(ours[key], theirs[key], rtol=1e-12, err_msg=key)
