"""Timing the preparation of training samples."""

from __future__ import annotations

from benchmarks import samples
from hourglass.errors import InputError

import pytest


def test_whole_images_and_every_way_of_packing_are_timed(monkeypatch, capsys):
    monkeypatch.setattr('sys.argv', ['samples', '-n', '2', '--sizes', '64'])
    samples.main()
    printed = capsys.readouterr().out
    assert printed.startswith('synthetic val, 64 x 64')
    for name in ('whole images', 'packed, none', 'packed, lzf', 'packed, gzip'):
        assert f'{name} ' in printed


@pytest.mark.parametrize('arguments', [['-n', '0'], ['--sizes', '100']])
def test_numbers_that_make_no_sense(arguments):
    with pytest.raises(InputError, match='multiples of 64'):
        samples.parse(arguments)
