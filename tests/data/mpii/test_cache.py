from __future__ import annotations

from pathlib import Path

import data.mpii.cache
from data.mpii import MPIIDataset
from data.mpii.dataset import MATLAB_FILES
from data.mpii.people import People
from tests.data import mpii_files
from tests.touch import Touch

import numpy as np
import pytest


def _fail(path: Path) -> People:
    raise AssertionError(f'{path} was parsed again')


def _equal(a: MPIIDataset, b: MPIIDataset) -> bool:
    return len(a) == len(b) and all(
        p.image == q.image and np.array_equal(p.points, q.points) and np.array_equal(p.visible, q.visible)
        and p.location == q.location for p, q in zip(a.people, b.people, strict=True))


def test_another_file_is_parsed_anew(root: Path) -> None:
    assert len(MPIIDataset(root, 'trainval')) == 5
    mpii_files.write_release(root / MATLAB_FILES[0], mpii_files.RELEASE[:4])
    assert len(MPIIDataset(root, 'trainval')) == 3


@pytest.mark.parametrize('damage', ['truncated', 'changed', 'shapes'])
def test_a_damaged_cache_is_made_anew(root: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    first = MPIIDataset(root, 'trainval')
    cache = (root / MATLAB_FILES[0]).with_suffix('.cache.npz')
    content = cache.read_bytes()
    if damage == 'shapes':
        with np.load(cache) as stored:
            arrays = dict(stored)
        np.savez(cache, **{**arrays, 'image': arrays['image'][:-1]})
    else:
        middle = content.index(first.people[0].points.tobytes())
        changed = content[:middle] + bytes(255 - byte for byte in content[middle:middle + 64]) + content[middle + 64:]
        cache.write_bytes({'truncated': content[:-200], 'changed': changed}[damage])
    assert _equal(MPIIDataset(root, 'trainval'), first)
    monkeypatch.setattr(data.mpii.cache, 'read_matlab', _fail)
    assert _equal(MPIIDataset(root, 'trainval'), first)


def test_a_cache_cannot_run_code(root: Path, tmp_path: Path) -> None:
    cache = (root / MATLAB_FILES[0]).with_suffix('.cache.npz')
    MPIIDataset(root)
    with np.load(cache) as stored:
        arrays = dict(stored)
    np.savez(cache, **{**arrays, 'image': np.array([Touch(tmp_path / 'made by the cache')] * 5)})
    assert len(MPIIDataset(root, 'trainval')) == 5
    assert not (tmp_path / 'made by the cache').exists()


def test_the_cache_folder_is_used_where_the_data_cannot_be_written_to(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A folder of that name cannot be replaced by a file, whoever runs the tests.
    (root / MATLAB_FILES[0]).with_suffix('.cache.npz').mkdir()
    first = MPIIDataset(root, 'trainval')
    assert [path.suffix for path in (tmp_path / 'cache').iterdir()] == ['.npz']
    monkeypatch.setattr(data.mpii.cache, 'read_matlab', _fail)
    assert _equal(MPIIDataset(root, 'trainval'), first)


def test_without_any_place_for_a_cache_it_still_works(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    (root / MATLAB_FILES[0]).with_suffix('.cache.npz').mkdir()
    (tmp_path / 'cache').write_text('a file where the folder should be')
    assert len(MPIIDataset(root, 'trainval')) == 5
    assert 'will be parsed again next time' in capsys.readouterr().err
