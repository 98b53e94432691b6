from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from data.__main__ import main
from data.coco.check import read_contents
from data.disk import find_faults
from hourglass.errors import InputError

import pytest

ROOT = Path(__file__).resolve().parents[3]


def test_a_complete_set(root: Path) -> None:
    contents = read_contents(root)
    assert [line.split() for line in contents.lines[1:]] == [['train2017', '2', '2', '2'], ['val2017', '2', '2', '2']]
    assert contents.problems == []
    faults = find_faults(contents.pictures, is_upright=False, decode=True)
    assert (faults.n_images, faults.n_sized, faults.n_people, faults.n_joints) == (4, 4, 10, 40)
    assert faults.problems == faults.warnings == []


def test_missing_and_damaged_images_are_named(root: Path) -> None:
    folder = root / 'images' / 'val2017'
    (folder / 'a.jpg').unlink()
    (folder / 'b.jpg').write_bytes(b'')
    faults = find_faults(read_contents(root).pictures, is_upright=False, decode=False)
    assert faults.missing == [str(folder / 'a.jpg')]
    assert faults.damaged == [f'{folder / "b.jpg"}: the file is empty']
    assert faults.problems == ['1 missing image', '1 damaged image']


def _command(monkeypatch: pytest.MonkeyPatch, root: Path, *options: str) -> None:
    monkeypatch.setattr(sys, 'argv', ['data', 'check', 'coco', '--root', str(root), *options])
    main()


def test_the_command_reports_a_complete_set(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    _command(monkeypatch, root)
    assert 'COCO is complete.' in capsys.readouterr().out
    (root / 'annotations' / 'person_keypoints_train2017.json').unlink()
    _command(monkeypatch, root, '--split', 'val2017')
    assert 'COCO is complete.' in capsys.readouterr().out


def test_the_command_says_what_to_download(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    path = root / 'annotations' / 'person_keypoints_train2017.json'
    path.unlink()
    with pytest.raises(InputError, match='not complete: 1 missing annotation file'):
        _command(monkeypatch, root)
    printed = capsys.readouterr().out
    assert str(path) in printed
    for archive in ('annotations_trainval2017.zip', 'train2017.zip', 'val2017.zip'):
        assert archive in printed
    with pytest.raises(InputError, match='annotations are not there'):
        _command(monkeypatch, root / 'nowhere')


def test_the_command_ends_with_one_line(root: Path) -> None:
    path = root / 'annotations' / 'person_keypoints_train2017.json'
    path.write_text('{')
    result = subprocess.run([sys.executable, '-m', 'data', 'check', 'coco', '--root', root], cwd=ROOT, check=False,
                            capture_output=True, text=True)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert f'{path}: damaged, or not JSON' in result.stderr
