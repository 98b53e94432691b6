from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from data.__main__ import main
from data.coco import check
from hourglass.errors import InputError

import pytest

ROOT = Path(__file__).resolve().parents[3]


def test_a_complete_set(root: Path) -> None:
    report = check(root, read_images=True)
    assert report.problems == []
    assert [(part.split, part.images, part.used, part.people) for part in report.parts] == [
        ('train2017', 2, 2, 2), ('val2017', 2, 2, 2)]


def test_missing_and_damaged_images_are_named(root: Path) -> None:
    folder = root / 'images' / 'val2017'
    (folder / 'a.jpg').unlink()
    (folder / 'b.jpg').write_bytes(b'')
    (root / 'images' / 'train2017' / 'b.jpg').write_bytes(b'no picture')
    report = check(root)
    assert report.missing == (str(folder / 'a.jpg'),)
    assert report.damaged == (f'{folder / "b.jpg"}: the file is empty',)
    assert 'images/val2017/a.jpg' in str(report)
    assert report.problems == ['1 missing image', '1 damaged image']
    assert len(check(root, read_images=True).damaged) == 2


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
