from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from data.lsp import LSPDataset, LSPExtendedDataset
from hourglass.errors import InputError
from hourglass.image import write_image
from hourglass.joints import LSP

import numpy as np
import pytest
import scipy.io

N = 1010


@pytest.fixture(scope='module')
def joints() -> np.ndarray:
    """(N, 14, 3): x, y, third value, as annotated (1-based)."""
    rng = np.random.default_rng(0)
    values = rng.uniform(1, 150, (N, 14, 3))
    values[:, :, 2] = rng.random((N, 14)) < .3
    return values


@pytest.fixture
def lsp_root(tmp_path: Path, joints: np.ndarray) -> Path:
    scipy.io.savemat(tmp_path / 'joints.mat', {'joints': joints.transpose(2, 1, 0)})
    for i in (1, 1001):
        write_image(tmp_path / 'images' / f'im{i:04d}.jpg', np.full((3, 150, 150), i % 255, np.float32))
    return tmp_path


def test_lsp_splits_are_the_published_halves(lsp_root: Path) -> None:
    assert [len(LSPDataset(lsp_root, split)) for split in ('train', 'test', 'all')] == [1000, 10, 1010]
    assert LSPDataset(lsp_root, 'test').people[0].image == 'im1001.jpg'


@pytest.mark.parametrize(('pair', 'sizes'), [('train', (800, 200)), ('half', (500, 500))])
def test_the_training_half_is_divided_for_validation(lsp_root: Path, pair: str, sizes: tuple[int, int]) -> None:
    fit, val = LSPDataset(lsp_root, f'{pair}-fit'), LSPDataset(lsp_root, f'{pair}-val')
    assert (len(fit), len(val)) == sizes
    images = [{p.image for p in part.people} for part in (fit, val)]
    assert not images[0] & images[1]
    assert images[0] | images[1] == {p.image for p in LSPDataset(lsp_root, 'train').people}


def test_lsp_values_become_zero_based_y_x(lsp_root: Path, joints: np.ndarray) -> None:
    image, person = LSPDataset(lsp_root, 'test')[0]
    assert image.shape == (3, 150, 150)
    np.testing.assert_allclose(person.points, joints[1000, :, 1::-1] - 1, rtol=1e-6)
    assert person.labelled.all()
    np.testing.assert_array_equal(person.visible, joints[1000, :, 2] == 0)
    low, high = person.points.min(axis=0), person.points.max(axis=0)
    np.testing.assert_allclose(person.location, [*(low + high) / 2, *(high - low)])
    torso = person.points[LSP.index('left shoulder')] - person.points[LSP.index('right hip')]
    assert person.reference_length == pytest.approx(np.linalg.norm(torso))


def test_joints_that_lsp_extended_leaves_out_are_not_labelled(tmp_path: Path, joints: np.ndarray) -> None:
    values = joints.copy()
    values[:, :, 2] = 1
    values[0, 3:5] = 0
    values[1] = 0
    scipy.io.savemat(tmp_path / 'joints.mat', {'joints': values.transpose(1, 2, 0)})
    dataset = LSPExtendedDataset(tmp_path)
    assert len(dataset) == N - 1, 'a person without any joint is left out'
    first = dataset.people[0]
    assert np.flatnonzero(~first.labelled).tolist() == [3, 4]
    assert not first.points[3:5].any()
    assert dataset.people[1].image == 'im00003.jpg'


def test_other_matlab_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='no such file'):
        LSPDataset(tmp_path)
    (tmp_path / 'joints.mat').write_bytes(b'MATLAB 7.3 MAT-file'.ljust(124) + b'\0\2IM' + bytes(400))
    with pytest.raises(InputError, match='save it again with -v7'):
        LSPDataset(tmp_path)
    scipy.io.savemat(tmp_path / 'joints.mat', {'other': [1]})
    with pytest.raises(InputError, match=r'joints\.mat: has no variable "joints"'):
        LSPDataset(tmp_path)
    scipy.io.savemat(tmp_path / 'joints.mat', {'joints': np.zeros((3, 9, 5))})
    with pytest.raises(InputError, match='does not hold 14 joints'):
        LSPDataset(tmp_path)
    scipy.io.savemat(tmp_path / 'joints.mat', {'joints': np.ones((3, 14, 8))})
    with pytest.raises(InputError, match="no people for the split 'test'"):
        LSPDataset(tmp_path, 'test')
    with pytest.raises(InputError, match='no split'):
        LSPDataset(tmp_path, 'validation')


def test_the_real_sets(shared: Callable[[str], Path]) -> None:
    lsp = LSPDataset(shared('lsp'))
    assert len(lsp) == 1000
    assert all(person.labelled.all() for person in lsp.people)
    image, person = lsp[0]
    assert (person.points >= 0).all()
    assert (person.points < image.shape[1:]).all()
    extended = LSPExtendedDataset(shared('lspet'))
    assert len(extended) == 10_000
    assert 0.85 < np.mean([person.labelled.mean() for person in extended.people]) < 1
