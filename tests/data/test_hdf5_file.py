from __future__ import annotations

from pathlib import Path

from data.hdf5_file import write_hdf5
from hourglass.errors import InputError
from tests.child import run_python

import h5py
import numpy as np
import pytest


def test_the_file_appears_whole(tmp_path: Path) -> None:
    with write_hdf5(tmp_path / 'a.h5') as (file, check):
        file['values'] = np.arange(5)
        check()
        assert not (tmp_path / 'a.h5').exists()
    with h5py.File(tmp_path / 'a.h5') as file:
        assert file['values'][()].tolist() == list(range(5))
    with pytest.raises(InputError, match='cannot be written'), write_hdf5(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ['a.h5']


PROGRAM = '''
import resource, signal, sys
import numpy as np
from data.hdf5_file import write_hdf5
from hourglass.errors import InputError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
noise = np.random.default_rng(0).integers(0, 256, (40, 3, 32, 32), np.uint8)
for limit in (*range(0, 120_000, 7_000), resource.RLIM_INFINITY):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        with write_hdf5(sys.argv[1]) as (file, check):
            images = file.create_dataset('images', noise.shape, np.uint8, chunks=(1, 3, 32, 32), compression='lzf')
            for i, pixels in enumerate(noise):
                images[i] = pixels
                if limit % 2:
                    check()
            file['names'] = np.array([b'name'] * 40)
    except InputError as error:
        print(error)
'''


def test_a_full_disk_is_one_line_at_any_place(tmp_path: Path) -> None:
    """A limit of the size of files stands for the full disk; the HDF5 library would crash the process."""
    path = tmp_path / 'a.h5'
    result = run_python('-c', PROGRAM, path)
    assert result.stdout.splitlines() == [f'{path}: cannot be written (File too large)'] * 18
    assert result.stderr == ''
    with h5py.File(path) as file:
        assert file['images'].shape == (40, 3, 32, 32)
    assert list(tmp_path.iterdir()) == [path]
