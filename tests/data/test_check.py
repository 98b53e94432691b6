from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from data.check import READERS, check_set
from data.mpii.dataset import MATLAB_FILES
from data.published import PUBLISHED
from data.sets import DATASETS
from hourglass.errors import InputError
from hourglass.image import write_image
from tests.data import coco_files, mpii_files

import numpy as np
import pytest
import scipy.io

N = 12


def _make_leeds(root: Path, name: str, axes: tuple[int, int, int]) -> Path:
    values = np.random.default_rng(0).uniform(1, 9, (N, 14, 3))
    values[:, :, 2] = 1
    root.mkdir()
    scipy.io.savemat(root / 'joints.mat', {'joints': values.transpose(axes)})
    for i in range(1, N + 1):
        write_image(root / 'images' / name.format(i), np.full((3, 8, 8), i, np.float32))
    return root


@pytest.fixture
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Small complete sets by their names."""
    for name in ('lsp', 'lspet'):
        monkeypatch.setitem(PUBLISHED, name, replace(PUBLISHED[name], n_people=N))
    return {
        'coco': coco_files.write_set(tmp_path / 'COCO'), 'mpii': mpii_files.write_set(tmp_path / 'MPII'),
        'lsp': _make_leeds(tmp_path / 'lsp', 'im{:04d}.jpg', (2, 1, 0)),
        'lspet': _make_leeds(tmp_path / 'lspet', 'im{:05d}.jpg', (1, 2, 0))}


def _report(capsys: pytest.CaptureFixture[str], name: str, root: Path, **options: Any) -> tuple[list[str], str]:
    """Return the printed lines of a check, and its error."""
    capsys.readouterr()
    try:
        check_set(name, root, **options)
        error = ''
    except InputError as caught:
        error = str(caught)
    assert '\n' not in error
    return capsys.readouterr().out.splitlines(), error


@pytest.mark.parametrize(('name', 'rows'), [
    ('lsp', [['LSP', '12', '12']]), ('lspet', [['LSP', 'Extended', '12', '12']]),
    ('coco', [['train2017', '2', '2', '2'], ['val2017', '2', '2', '2']]),
    ('mpii', [['train', '2', '2'], ['val,', 'one-per-image', '2', '2'], ['val,', 'all', '2', '3']]),
])
def test_a_complete_set(
    roots: dict[str, Path], name: str, rows: list[list[str]], capsys: pytest.CaptureFixture[str],
) -> None:
    lines, error = _report(capsys, name, roots[name], decode=True)
    assert error == ''
    assert [line.split() for line in lines[2:-1]] == rows
    assert lines[-1] == f'{PUBLISHED[name].title} is complete.'


@pytest.mark.parametrize(('name', 'missing', 'damaged'), [
    ('lsp', 'im0001.jpg', 'im0002.jpg'), ('lspet', 'im00003.jpg', 'im00005.jpg'),
    ('coco', 'val2017/a.jpg', 'val2017/b.jpg'), ('mpii', 'b.jpg', 'c.jpg'),
])
def test_missing_and_damaged_images_are_named(
    roots: dict[str, Path], name: str, missing: str, damaged: str, capsys: pytest.CaptureFixture[str],
) -> None:
    images = roots[name] / 'images'
    (images / missing).unlink()
    (images / damaged).write_bytes(b'')
    lines, error = _report(capsys, name, roots[name])
    assert error.endswith(f'{PUBLISHED[name].title} is not complete: 1 missing image, 1 damaged image')
    assert f'  {images / missing}' in lines
    assert f'  {images / damaged}: the file is empty' in lines
    assert any(PUBLISHED[name].archives[0].name in line for line in lines)


def test_a_part_of_the_people_is_not_the_set(
    roots: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(PUBLISHED, 'lsp', replace(PUBLISHED['lsp'], n_people=2000))
    assert _report(capsys, 'lsp', roots['lsp'])[1].endswith(f'{N} people in joints.mat in place of 2000')


@pytest.mark.parametrize(('name', 'file', 'reason'), [
    ('lsp', 'joints.mat', 'damaged'), ('mpii', MATLAB_FILES[0], 'damaged'),
    ('coco', 'annotations/person_keypoints_train2017.json', 'damaged, or not JSON')])
def test_damaged_annotations_are_one_line(
    roots: dict[str, Path], name: str, file: str, reason: str, command: Callable[..., Any],
) -> None:
    (roots[name] / file).write_bytes(b'{')
    result = command('data', 'check', name, '--root', roots[name])
    errors = [line for line in result.stderr.splitlines() if not line.startswith('Reading')]
    assert (result.returncode, len(errors)) == (2, 1)
    assert f'{roots[name] / file}: ' in errors[0]
    assert reason in errors[0]


def test_every_set_on_disk_can_be_checked() -> None:
    assert set(READERS) == set(PUBLISHED) <= set(DATASETS)


@pytest.mark.parametrize('name', PUBLISHED)
def test_an_empty_folder_gets_instructions(name: str, tmp_path: Path, command: Callable[..., Any]) -> None:
    root = tmp_path / 'nowhere'
    result = command('data', 'check', name, '--root', root)
    assert f'{root}: {PUBLISHED[name].title}\'s annotations are not there' in result.stderr
    for text in (PUBLISHED[name].page, f'{root}/images', *(archive.name for archive in PUBLISHED[name].archives)):
        assert text in result.stdout
    assert not root.exists()


def test_splits_are_those_of_coco(roots: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match=r"COCO has no split 'test2017' .* its splits are train2017, val2017"):
        check_set('coco', roots['coco'], ['test2017'])
    with pytest.raises(InputError, match=r"MPII has no split 'val' .* it has none"):
        check_set('mpii', roots['mpii'], ['val'])
    path = roots['coco'] / 'annotations' / 'person_keypoints_train2017.json'
    path.unlink()
    lines, error = _report(capsys, 'coco', roots['coco'])
    assert error.endswith('COCO is not complete: 1 missing annotation file')
    assert f'  {path}' in lines
    assert _report(capsys, 'coco', roots['coco'], splits=['val2017'])[1] == ''
