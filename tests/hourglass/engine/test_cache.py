from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

from hourglass.engine.cache import Entry, cached, key_of
from hourglass.spec import ModelSpec

import pytest

SPEC = ModelSpec(n_stack=1, input_size=(128, 64), mean=(0.1, 0.2, 0.3))


@pytest.fixture
def folder(cache: Path) -> Path:
    return cache / 'engines'


def test_a_graph_is_made_once(folder: Path) -> None:
    make = Mock(return_value=Entry(bytes(range(256)) * 100, SPEC))
    first, second = cached('key', make), cached('key', make)
    assert first == second == Entry(bytes(range(256)) * 100, SPEC)
    assert make.call_count == 1
    assert [path.name for path in folder.iterdir()] == ['key.graph']


@pytest.mark.parametrize('damage', [
    lambda data: data[:-3], lambda data: b'x' + data, lambda data: data.replace(b'0.1', b'0.7'),
    lambda data: data.replace(b'"spec": "', b'"spec": 1, "x": "'),
], ids=['cut off', 'no JSON', 'another description', 'no description'])
def test_a_damaged_entry_is_made_anew(folder: Path, damage: Callable[[bytes], bytes]) -> None:
    make = Mock(return_value=Entry(b'a graph', SPEC))
    cached('key', make)
    path = folder / 'key.graph'
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert cached('key', make) == Entry(b'a graph', SPEC)
    assert make.call_count == 2
    assert path.read_bytes() == whole


def test_a_folder_that_cannot_be_used_costs_nothing_but_time(cache: Path) -> None:
    cache.write_text('a file')
    make = Mock(return_value=Entry(b'a graph', SPEC))
    assert cached('key', make) == cached('key', make) == Entry(b'a graph', SPEC)
    assert make.call_count == 2


def test_those_used_last_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('hourglass.engine.cache.MAX_ENTRIES', 3)
    make = Mock(return_value=Entry(b'a graph', SPEC))
    for number, key in enumerate('abc'):
        cached(key, make)
        os.utime(folder / f'{key}.graph', (number, number))
    cached('a', make)  # it is the oldest, and used now
    cached('d', make)
    assert sorted(path.name for path in folder.iterdir()) == ['a.graph', 'c.graph', 'd.graph']
    assert make.call_count == 4


def test_a_key_depends_on_every_part() -> None:
    keys = [key_of('a', 'b'), key_of('b', 'a'), key_of('ab', ''), key_of('a', 'b', ''), key_of('a')]
    assert len(set(keys)) == len(keys)
