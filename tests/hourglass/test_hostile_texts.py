"""Short texts that stand for very much: aliases, brackets, signs."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from hourglass.errors import InputError
from hourglass.json_table import read_json
from hourglass.npz import NpzFile
from hourglass.textfile import read_values

import pytest


def test_yaml_aliases_are_refused(tmp_path: Path) -> None:
    pytest.importorskip('yaml')
    path = tmp_path / 'joints.yaml'
    lines = ['a0: &a0 [x, x]', *(f'a{i}: &a{i} [{", ".join([f"*a{i - 1}"] * 9)}]' for i in range(1, 30))]
    path.write_text('\n'.join(lines))
    with pytest.raises(InputError, match=r'joints\.yaml: .*aliases such as \*a0'):
        read_values(path, 'table')
    path.write_text('joints: &all [nose, chin]\n')
    assert read_values(path, 'table') == {'joints': ['nose', 'chin']}


def test_json_of_brackets_is_refused_by_the_memory_it_would_take(tmp_path: Path) -> None:
    path = tmp_path / 'people.json'
    path.write_text('[' + ','.join(['[]'] * 18_000_000) + ']')
    with pytest.raises(InputError, match=r'people\.json: needs more than 2 GB'):
        read_json(path)
    path.write_text('[' * 100_000)
    with pytest.raises(InputError, match=r'nested too deeply|not JSON'):
        read_json(path)


def test_an_array_whose_head_exhausts_the_parser(tmp_path: Path) -> None:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({'-' * 9000}1,)}}".encode()
    entry = io.BytesIO()
    entry.write(b'\x93NUMPY\x01\x00' + len(header).to_bytes(2, 'little') + header)
    path = tmp_path / 'weights.npz'
    with zipfile.ZipFile(path, 'w') as file:
        file.writestr('a.npy', entry.getvalue())
    with NpzFile(path) as file, pytest.raises(InputError, match=r'weights\.npz: not a readable \.npz file at a'):
        file.header('a')
