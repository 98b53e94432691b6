from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from data.__main__ import main
from data.check import CHECKS, _leeds, check_set
from data.disk import listing
from data.lsp import LSPDataset, LSPExtendedDataset
from data.sets import DATASETS
from hourglass.errors import InputError
from hourglass.image import write_image

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


@pytest.fixture(autouse=True)
def small_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the sets be complete with few images."""
    monkeypatch.setitem(CHECKS, 'lsp', _leeds(LSPDataset, 'LSP', 'lsp', 'im0001.jpg', N))
    monkeypatch.setitem(CHECKS, 'lspet', _leeds(LSPExtendedDataset, 'LSP Extended', 'lspet', 'im00001.jpg', N))


@pytest.fixture
def lsp(tmp_path: Path) -> Path:
    return _make_leeds(tmp_path / 'lsp', 'im{:04d}.jpg', (2, 1, 0))


@pytest.fixture
def lspet(tmp_path: Path) -> Path:
    return _make_leeds(tmp_path / 'lspet', 'im{:05d}.jpg', (1, 2, 0))


def _report(capsys: pytest.CaptureFixture[str], name: str, root: Path, **options: Any) -> tuple[list[str], str]:
    """Return the printed lines of a check, and its error."""
    capsys.readouterr()
    try:
        check_set(name, root, **options)
        error = ''
    except InputError as caught:
        error = str(caught)
    return capsys.readouterr().out.splitlines(), error


def test_a_complete_set(lsp: Path, lspet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, root in (('lsp', lsp), ('lspet', lspet)):
        lines, error = _report(capsys, name, root, decode=True)
        assert error == ''
        assert lines[2].split()[-2:] == [str(N), str(N)]
        assert lines[-1] == f'{CHECKS[name].title} is complete.'


def test_missing_images_are_counted_and_the_first_ten_named(lsp: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for i in range(1, N):
        (lsp / 'images' / f'im{i:04d}.jpg').unlink()
    lines, error = _report(capsys, 'lsp', lsp)
    assert error.endswith(f'LSP is not complete: {N - 1} missing images')
    assert lines[2].split() == ['LSP', '1', str(N)]
    assert [line.strip() for line in lines[4:14]] == [str(lsp / f'images/im{i:04d}.jpg') for i in range(1, 11)]
    assert lines[14] == '  and 1 more'


def test_damaged_images_are_named(lspet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (lspet / 'images' / 'im00003.jpg').write_bytes(b'')
    (lspet / 'images' / 'im00005.jpg').write_bytes(b'no picture')
    write_image(lspet / 'images' / 'im00007.jpg', np.random.default_rng(0).integers(0, 256, (3, 32, 32)))
    whole = (lspet / 'images' / 'im00007.jpg').read_bytes()
    (lspet / 'images' / 'im00007.jpg').write_bytes(whole[:-1000])
    lines, error = _report(capsys, 'lspet', lspet)
    assert error.endswith('2 damaged images')
    assert any(line.endswith('im00003.jpg: the file is empty') for line in lines)
    assert any('im00005.jpg: not a picture' in line for line in lines)
    lines, error = _report(capsys, 'lspet', lspet, decode=True)
    assert error.endswith('3 damaged images'), 'decoding finds the truncated image, too'


def test_a_part_of_the_people_is_not_the_set(
    lsp: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.undo()
    assert _report(capsys, 'lsp', lsp)[1].endswith(f'{N} people in joints.mat in place of 2000')


def test_damaged_annotations_are_one_line(lsp: Path) -> None:
    (lsp / 'joints.mat').write_bytes(b'MATLAB')
    with pytest.raises(InputError, match=r'joints\.mat: damaged, or not a MATLAB file') as caught:
        check_set('lsp', lsp)
    assert '\n' not in str(caught.value)


def test_listing() -> None:
    assert listing('thing', []) == []
    assert listing('thing', ['a', 'b'], shown=1) == ['2 things:', '  a', '  and 1 more']
    assert listing('thing', ['a']) == ['1 thing:', '  a']


def test_every_set_on_disk_can_be_checked() -> None:
    assert set(CHECKS) <= set(DATASETS)
    assert all(DATASETS[name].root is not None and entry.title == DATASETS[name].title
               for name, entry in CHECKS.items())


@pytest.mark.parametrize('name', CHECKS)
def test_an_empty_folder_is_told_what_to_put_where(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = tmp_path / 'nowhere'
    monkeypatch.setattr(sys, 'argv', ['data', 'check', name, '--root', str(root)])
    with pytest.raises(InputError, match=f'{root}: {CHECKS[name].title}\'s annotations are not there'):
        main()
    printed = capsys.readouterr().out
    assert CHECKS[name].page in printed
    assert f'{root}/images' in printed
    assert '{' not in printed
    assert not root.exists()


def test_the_command(
    lsp: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, 'argv', ['data', 'check', 'lsp', '--root', str(lsp), '--read-images'])
    main()
    assert capsys.readouterr().out.splitlines()[-1] == 'LSP is complete.'
    (lsp / 'images' / 'im0012.jpg').unlink()
    with pytest.raises(InputError, match=r'LSP is not complete: 1 missing image$'):
        main()
    printed = capsys.readouterr().out
    assert f'  {lsp}/images/im0012.jpg' in printed
    assert 'lsp_dataset.zip' in printed


def test_parts_are_those_of_coco(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"COCO has no split 'test2017' .* its splits are train2017, val2017"):
        check_set('coco', tmp_path, ['test2017'])
    with pytest.raises(InputError, match=r"MPII has no split 'val' .* it has none"):
        check_set('mpii', tmp_path, ['val'])


def test_a_part_of_coco_is_enough_if_it_was_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    person = {'id': 1, 'image_id': 7, 'category_id': 1, 'iscrowd': 0, 'area': 30.0, 'bbox': [1, 1, 5, 6],
              'num_keypoints': 17, 'keypoints': [3, 3, 2] * 17}
    (tmp_path / 'annotations').mkdir()
    (tmp_path / 'annotations' / 'person_keypoints_val2017.json').write_text(json.dumps({
        'images': [{'id': 7, 'file_name': 'a.jpg', 'height': 8, 'width': 8}], 'annotations': [person],
        'categories': [{'id': 1, 'name': 'person'}]}))
    write_image(tmp_path / 'images' / 'val2017' / 'a.jpg', np.zeros((3, 8, 8)))
    check_set('coco', tmp_path, ['val2017'], decode=True)
    assert capsys.readouterr().out.endswith('COCO is complete.\n')
    with pytest.raises(InputError, match=r'COCO is not complete: 1 missing annotation file$'):
        check_set('coco', tmp_path)
