from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from data.mpii.check import check
from data.mpii.dataset import MATLAB_FILES
from data.mpii.splits import NAMES_FILE

import pytest

ROOT = Path(__file__).resolve().parents[3]


def test_a_complete_set(root: Path) -> None:
    report = check(root, read_images=True)
    assert [(part.title, part.images, part.people) for part in report.parts] == [
        ('train', 2, 2), ('val, one-per-image', 2, 2), ('val, all', 2, 3)]
    assert (report.missing, report.damaged, report.problems) == ((), (), [])


def test_missing_and_damaged_images_are_named(root: Path) -> None:
    (root / 'images' / 'b.jpg').unlink()
    (root / 'images' / 'c.jpg').write_bytes(b'')
    whole = (root / 'images' / 'd.jpg').read_bytes()
    (root / 'images' / 'd.jpg').write_bytes(whole[:len(whole) // 2])
    report = check(root)
    assert report.missing == ('b.jpg',)
    assert [line for line in report.damaged if 'c.jpg: the file is empty' in line]
    assert report.problems == ['1 missing image', '1 damaged image']
    assert len(check(root, read_images=True).damaged) == 2, 'reading finds the truncated image too'


def test_the_first_ten_missing_images_are_shown(root: Path, matlab: SimpleNamespace) -> None:
    names = [f'{i:02d}.jpg' for i in range(13)]
    matlab.write_release(root / MATLAB_FILES[0], [(name, 1, matlab.person(matlab.BODY)) for name in names])
    (root / NAMES_FILE).write_text('00.jpg\nnot-annotated.jpg\n')
    report = check(root)
    assert report.problems == ['13 missing images', '1 validation image that the annotations do not have']
    lines = str(report).splitlines()
    assert [line.strip() for line in lines[-12:]] == ['13 missing images:', *names[:10], 'and 3 more']


@pytest.mark.parametrize('state', ['complete', 'nothing', 'damaged', 'no images'])
def test_the_command_line(root: Path, state: str) -> None:
    if state == 'nothing':
        shutil.rmtree(root)
    elif state == 'damaged':
        (root / MATLAB_FILES[0]).write_bytes(b'MATLAB 5.0')
    elif state == 'no images':
        shutil.rmtree(root / 'images')
    result = subprocess.run([sys.executable, '-m', 'data', 'check', 'mpii', '--root', root], cwd=ROOT, check=False,
                            capture_output=True, text=True)
    errors = [line for line in result.stderr.splitlines() if not line.startswith('Reading')]
    if state == 'complete':
        assert (result.returncode, errors) == (0, [])
        assert 'MPII is complete.' in result.stdout
        return
    assert result.returncode == 2
    assert len(errors) == 1
    assert str(root) in errors[0]
    tells_how = state != 'damaged'
    assert ('mpii_human_pose_v1.tar.gz' in result.stdout) == tells_how
    assert (f'{root}/{MATLAB_FILES[0]}' in result.stdout) == tells_how
