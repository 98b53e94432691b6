"""MATLAB files of other kinds than those that are read."""

from __future__ import annotations

from pathlib import Path

from data.lsp import LSPDataset
from data.mpii.matlab import read_matlab
from hourglass.errors import InputError

import pytest
import scipy.io


@pytest.mark.parametrize('read', [lambda path: LSPDataset(path.parent), read_matlab])
def test_other_files_are_refused(read: object, tmp_path: Path) -> None:
    assert callable(read)
    path = tmp_path / 'joints.mat'
    path.write_bytes(b'text')
    with pytest.raises(InputError, match=r'joints\.mat: damaged, or not a MATLAB file'):
        read(path)
    scipy.io.savemat(path, {'other': [1]})
    with pytest.raises(InputError, match=r'joints\.mat: has no variable'):
        read(path)
