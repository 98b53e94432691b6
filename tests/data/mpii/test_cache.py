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


@pytest.fixture
def stored(root: Path, tmp_path: Path) -> Path:
    """Read the people once, and return where they are kept."""
    MPIIDataset(root, 'trainval')
    place, = (tmp_path / 'cache').iterdir()
    return place


def test_the_second_time_nothing_is_parsed(root: Path, stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = MPIIDataset(root, 'trainval')
    stored.write_bytes(stored.read_bytes()[:-200])
    for _ in range(2):
        assert _equal(MPIIDataset(root, 'trainval'), first)
        monkeypatch.setattr(data.mpii.cache, 'read_matlab', _fail)


def test_a_cache_cannot_run_code(root: Path, stored: Path, tmp_path: Path) -> None:
    with np.load(stored) as content:
        arrays = dict(content)
    np.savez(stored, **{**arrays, 'image': np.array([Touch(tmp_path / 'made by the cache')] * 5)})
    assert len(MPIIDataset(root, 'trainval')) == 5
    assert not (tmp_path / 'made by the cache').exists()


def test_without_any_place_for_a_cache_it_still_works(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / 'cache').write_text('a file where the folder should be')
    assert len(MPIIDataset(root, 'trainval')) == 5
    assert 'will be parsed again next time' in capsys.readouterr().err
