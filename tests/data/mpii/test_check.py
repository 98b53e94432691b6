from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from data.__main__ import main
from data.disk import find_faults
from data.mpii.check import read_contents
from data.mpii.dataset import MATLAB_FILES
from data.mpii.splits import NAMES_FILE
from hourglass.errors import run

import pytest


def test_a_complete_set(root: Path) -> None:
    contents = read_contents(root)
    assert [(line[:18].strip(), *line[18:].split()) for line in contents.lines[1:]] == [
        ('train', '2', '2'), ('val, one-per-image', '2', '2'), ('val, all', '2', '3')]
    assert contents.problems == []
    assert find_faults(contents.pictures, is_upright=False, decode=True).problems == []


def test_missing_and_damaged_images_are_named(root: Path) -> None:
    (root / 'images' / 'b.jpg').unlink()
    (root / 'images' / 'c.jpg').write_bytes(b'')
    faults = find_faults(read_contents(root).pictures, is_upright=False, decode=False)
    assert faults.missing == [str(root / 'images' / 'b.jpg')]
    assert faults.problems == ['1 missing image', '1 damaged image']


def test_validation_images_that_are_not_annotated(root: Path, matlab: SimpleNamespace) -> None:
    names = [f'{i:02d}.jpg' for i in range(13)]
    matlab.write_release(root / MATLAB_FILES[0], [(name, 1, matlab.person(matlab.BODY)) for name in names])
    (root / NAMES_FILE).write_text('00.jpg\nnot-annotated.jpg\n')
    assert read_contents(root).problems == ['1 validation image that the annotations do not have']


@pytest.mark.parametrize('state', ['complete', 'nothing', 'damaged', 'no images'])
def test_the_command_line(root: Path, state: str, command: Callable[..., SimpleNamespace]) -> None:
    if state == 'nothing':
        shutil.rmtree(root)
    elif state == 'damaged':
        (root / MATLAB_FILES[0]).write_bytes(b'MATLAB 5.0')
    elif state == 'no images':
        shutil.rmtree(root / 'images')
    result = command(lambda: run(main), 'data/__main__.py', 'check', 'mpii', '--root', root)
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
