"""Options that are fields of a dataclass: values from a command line, a file and Python are checked alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hourglass.config import Options, add_options, number, one_of, option, read_options, switch, text, whole
from hourglass.errors import ArgumentParser, InputError

import numpy as np
import pytest

_option = partial(option, group='all', help='100 % of it')


@dataclass(frozen=True, kw_only=True)
class Config(Options):
    name: str | None = _option(text, None)
    kind: str = _option(one_of(['a', 'b']), 'a')
    many: Sequence[str] = _option(text, (), count='+')
    pair: Sequence[float] = _option(number(0, 10), (1.0, 2.0), count=2)
    share: float = _option(number(0, 1), 0.5)
    rate: float | None = _option(number(0, above=True), None)
    decay: float = _option(number(0, 1, below=True), 0.0)
    count: int = _option(whole(1), 3, flag='--how-many')
    seed: int = _option(whole(0, 9), 0)
    loud: bool = _option(switch, False)
    again: str | None = _option(text, None, count='?', const='newest')


def _parse(*arguments: str) -> Config:
    parser = ArgumentParser()
    add_options(parser, Config, {'all': None})
    return Config(**vars(parser.parse_args(arguments)))


def test_values_are_the_same_from_everywhere(tmp_path: Path) -> None:
    expected = Config(name='x', many=('u', 'v'), pair=(3.0, 4.0), rate=1e-3, count=7, loud=True, again='newest')
    assert _parse('--name', 'x', '--many', 'u', 'v', '--pair', '3', '4', '--rate', '1e-3', '--how-many', '7', '--loud',
                  '--again') == expected
    assert Config(name=Path('x'), many=['u', 'v'], pair=[3, 4], rate='1e-3', count=7, loud=True,  # type: ignore[arg-type]
                  again='newest') == expected
    path = tmp_path / 'run.json'
    values = {'name': 'x', 'many': ['u', 'v'], 'pair': [3, '4'], 'rate': 1e-3, 'how-many': 7, 'no-loud': False,
              'again': 'newest', 'share': None}
    for content in (values, {'options': values}):
        path.write_text(json.dumps(content))
        assert Config(**read_options(path, Config)) == expected
    assert Config(many='u').many == ('u',)
    assert type(Config(seed=np.int64(3)).seed) is int  # type: ignore[arg-type]
    assert not _parse('--loud', '--no-loud').loud
    assert _parse('--many', 'u', '--many', 'v', 'w').many == ('u', 'v', 'w'), 'none of them is lost'
    assert _parse() == Config()


@pytest.mark.parametrize(('values', 'reason'), [
    ({'name': ''}, '--name must be text'), ({'name': True}, '--name'),
    ({'kind': 'c'}, '--kind must be one of a, b'), ({'many': ['']}, '--many'),
    ({'pair': [1]}, '--pair needs 2 values'), ({'pair': [1, 11]}, '--pair must'),
    ({'share': 1.1}, '--share'), ({'share': 'nan'}, '--share'), ({'share': True}, '--share'),
    ({'rate': 0}, '--rate must be a number above 0'), ({'rate': float('inf')}, '--rate'), ({'rate': [1]}, '--rate'),
    ({'decay': 1}, '--decay must be a number of at least 0 and below 1'),
    ({'count': 0}, '--how-many must be a whole number of at least 1'), ({'count': 1.5}, '--how-many'),
    ({'count': True}, '--how-many'), ({'count': None}, '--how-many'),
    ({'seed': 10}, '--seed must be a whole number from 0 to 9'), ({'loud': 'true'}, '--loud must be true or false'),
])
def test_what_is_out_of_range_is_refused_by_name(values: dict[str, Any], reason: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=reason):
        Config(**values)
    path = tmp_path / 'run.json'
    path.write_text(json.dumps(values))
    if None not in values.values():
        with pytest.raises(InputError, match=f'{path}: {reason}'):
            read_options(path, Config)


def test_an_array_is_refused_on_one_line() -> None:
    with pytest.raises(InputError, match=r'^--name must be text, not array.*\.$'):
        Config(name=np.zeros((9, 9)))  # type: ignore[arg-type]


@pytest.mark.parametrize('content', [
    '{"other": 3}', '{"no-name": true}', '[1, 2]', '{', '[' * 100_000, ' ' * 2_000_000])
def test_a_file_that_holds_no_options_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / 'run.json'
    path.write_text(content)
    with pytest.raises(InputError, match=f'^{path}: '):
        read_options(path, Config)


def test_yaml_is_read_safely(tmp_path: Path) -> None:
    path = tmp_path / 'a.yaml'
    path.write_text('name: &it x\nrate: 1e-3\nmany: [u, v]\n')
    assert read_options(path, Config) == {'name': 'x', 'rate': 1e-3, 'many': ('u', 'v')}
    # Aliases of aliases stand for any number of values.
    for content in ('!!python/object/apply:os.getcwd []', 'a: [', 'name: !!python/name:os.system', 'a: &a x\nname: *a'):
        path.write_text(content)
        with pytest.raises(InputError, match=str(path)):
            read_options(path, Config)


def test_the_help_has_every_option_and_its_default() -> None:
    parser = ArgumentParser()
    add_options(parser, Config, {'all': 'what there is'})
    shown = ' '.join(parser.format_help().split())
    for part in ('what there is', '--kind {a,b} 100 % of it (default: a)', '100 % of it (default: 1 2)',
                 '--loud, --no-loud 100 % of it', '--again [AGAIN]', '--how-many'):
        assert part in shown
