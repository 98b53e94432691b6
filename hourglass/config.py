"""Options as dataclasses: each field holds an option's range, default and help, and the parser is made from them.

A field is declared with :func:`option`.  Its *kind* is a function that converts a value from the command line, a file
or Python, and raises ``ValueError`` with what is expected if it cannot.
"""

from __future__ import annotations

import argparse
import inspect
import math
import operator
import os
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, field, fields
from pathlib import Path
from typing import Any, TypeVar

from hourglass.errors import InputError
from hourglass.textfile import read_values

Kind = Callable[[Any], Any]
T = TypeVar('T')


def text(value: Any) -> str:
    """Kind of an option: text that is not empty, or a path or whole number, which becomes text."""
    if isinstance(value, bool) or not isinstance(value, (str, int, os.PathLike)):
        raise ValueError('text')
    if not (converted := os.fspath(value) if isinstance(value, os.PathLike) else str(value)):
        raise ValueError('text that is not empty')
    return converted


def switch(value: Any) -> bool:
    """Kind of an option: true or false; on the command line ``--NAME`` or ``--no-NAME``."""
    if not isinstance(value, bool):
        raise ValueError('true or false')
    return value


def one_of(names: Iterable[str]) -> Kind:
    """Kind of an option: one of some names."""
    allowed = tuple(names)

    def convert(value: Any) -> str:
        if value not in allowed:
            raise ValueError(f'one of {", ".join(allowed)}')
        return value

    convert.choices = allowed  # type: ignore[attr-defined]
    return convert


def number(low: float, high: float = math.inf, *, above: bool = False, below: bool = False) -> Kind:
    """Kind of an option: a number from ``low`` to ``high``, without ``low`` or ``high`` if asked; never infinite."""
    expected = f'a number {"above" if above else "of at least"} {low:g}'
    if high < math.inf:
        expected += f' and {"below" if below else "at most"} {high:g}'

    def convert(value: Any) -> float:
        try:
            converted = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            converted = math.nan
        is_inside = (low < converted if above else low <= converted) and (
            converted < high if below else converted <= high)
        if not is_inside or math.isinf(converted):
            raise ValueError(expected)
        return converted

    return convert


def whole(low: int, high: int | None = None) -> Kind:
    """Kind of an option: a whole number from ``low`` to ``high``."""
    expected = f'a whole number of at least {low}' if high is None else f'a whole number from {low} to {high}'

    def convert(value: Any) -> int:
        try:
            converted = int(value) if isinstance(value, str) else operator.index(value)
        except (TypeError, ValueError):
            raise ValueError(expected) from None
        if isinstance(value, bool) or converted < low or (high is not None and converted > high):
            raise ValueError(expected)
        return converted

    return convert


def option(
    kind: Kind, default: Any = MISSING, *, help: str, group: str, flag: str | None = None,
    metavar: str | tuple[str, ...] | None = None, count: str | int | None = None, const: str | None = None,
    **extra: Any,
) -> Any:
    """Declare a field of a dataclass that is an option.

    Args:
        kind: converts and checks a value, or each of several.
        default: of the field; ``None`` also allows ``None``.
        help: text for ``--help``; the default is added to it.
        group: heading in ``--help``.
        flag: name on the command line; by default the field's, with hyphens.
        metavar: as in :mod:`argparse`.
        count: ``'+'`` or a number for several values, kept as a tuple; one value may then stand for a list of one.
            ``'?'`` if the value may be left out.
        const: value of an option without one, with ``count='?'``.
        extra: more entries of the field's ``metadata``.
    """
    return field(default=default, metadata={
        'kind': kind, 'help': help, 'group': group, 'flag': flag, 'metavar': metavar, 'count': count, 'const': const,
        **extra})


def flag_of(entry: Field[Any]) -> str:
    """Return the name of a field on the command line, such as ``--scale-range``."""
    return entry.metadata['flag'] or f'--{entry.name.replace("_", "-")}'


def convert_option(entry: Field[Any], value: Any) -> Any:
    """Return the value of an option as its field holds it.

    Raises:
        InputError: the value is wrong; the text names the option.
    """
    if value is None and entry.default is None:
        return None
    kind, count = entry.metadata['kind'], entry.metadata['count']
    try:
        if count in (None, '?'):
            return kind(value)
        is_list = isinstance(value, Sequence) and not isinstance(value, str)
        values = tuple(kind(item) for item in (value if is_list else [value]))
    except ValueError as error:
        given = ' '.join(repr(value).split())[:60]
        raise InputError(f'{flag_of(entry)} must be {error}, not {given}') from None
    if count != '+' and len(values) != count:
        raise InputError(f'{flag_of(entry)} needs {count} values, not {len(values)}')
    return values


class Options:
    """Base of dataclasses whose fields are options; ``InputError`` as in :func:`convert_option` if a value is wrong."""

    def __post_init__(self) -> None:
        for entry in fields(self):  # type: ignore[arg-type]
            object.__setattr__(self, entry.name, convert_option(entry, getattr(self, entry.name)))


def add_options(
    parser: argparse.ArgumentParser, kind: type, groups: Mapping[str, str | None], negatable: bool = True,
) -> None:
    """Add the fields of a dataclass to a parser.  What is not given stays out of the parser's result.

    Args:
        parser: is changed.
        kind: the dataclass.
        groups: headings in the order wanted, with a text below each.
        negatable: whether a switch that is off by default has ``--no-NAME``, too, which a file of options needs.
    """
    sections = {title: parser.add_argument_group(title, text) for title, text in groups.items()}
    for entry in fields(kind):
        data = entry.metadata
        arguments: dict[str, Any] = {}
        if data['kind'] is switch:
            is_plain = entry.default is False and not negatable
            arguments['action'] = 'store_true' if is_plain else argparse.BooleanOptionalAction
        else:
            choices = getattr(data['kind'], 'choices', None)
            metavar = data['metavar'] or ('{' + ','.join(choices) + '}' if choices else None)
            arguments |= {'metavar': metavar, 'nargs': data['count'], 'const': data['const']}
            if data['count'] == '+':
                arguments['action'] = 'extend'  # an option that is given twice has the values of both
        sections[data['group']].add_argument(flag_of(entry), dest=entry.name, default=argparse.SUPPRESS,
                                             help=_help(entry).replace('%', '%%'), **arguments)


def _help(entry: Field[Any]) -> str:
    default = entry.default
    if default in (MISSING, None, ()) or isinstance(default, bool):
        return entry.metadata['help']
    values = default if isinstance(default, tuple) else (default,)
    shown = ' '.join(f'{value:g}' if isinstance(value, float) else str(value) for value in values)
    return f'{entry.metadata["help"]} (default: {shown})'


def document(kind: type[T]) -> type[T]:
    """Add the errors and the help of all fields to the docstring of :class:`Options`; a decorator."""
    attributes = [textwrap.fill(f'{entry.name}: {_help(entry)}', 116, initial_indent=' ' * 4, subsequent_indent=' ' * 8)
                  for entry in fields(kind)]  # type: ignore[arg-type]
    kind.__doc__ = '\n'.join([
        inspect.cleandoc(kind.__doc__ or ''), '', 'Paths may be :class:`pathlib.Path`, too.', '', 'Raises:',
        '    InputError: a value is out of its range, or two do not go together; the text names the options.', '',
        'Attributes:', *attributes])
    return kind


def canonical(key: Any, value: Any) -> tuple[str, Any]:
    """Return an option of a file in one spelling: ``no-validation: true`` is ``validation: false``."""
    name = str(key).replace('-', '_')
    return (name[3:], not value) if name.startswith('no_') and isinstance(value, bool) else (name, value)


def read_options(path: Path, kind: type) -> dict[str, Any]:
    """Read the options of a dataclass from a JSON or YAML file, or from the ``run.json`` of an earlier run.

    Names are those of the command line without ``--``, or those of the fields; ``null`` leaves the default.

    Returns:
        Values by the names of the fields, converted.

    Raises:
        InputError: the file cannot be read, or an option in it is unknown or wrong.
    """
    values = read_values(path, 'configuration')
    # A run.json holds the options beside what else is known of the run.
    if isinstance(values, dict) and isinstance(values.get('options'), dict):
        values = values['options']
    if not isinstance(values, dict):
        raise InputError(f'{path}: does not hold options by their names')
    entries: dict[str, Field[Any]] = {entry.name: entry for entry in fields(kind)}
    entries |= {flag_of(entry)[2:].replace('-', '_'): entry for entry in fields(kind)}
    found = {}
    for key, value in values.items():
        name, value = canonical(key, value)
        if name not in entries:
            raise InputError(f'{path}: unknown option {key!r}')
        if value is not None:
            try:
                found[entries[name].name] = convert_option(entries[name], value)
            except InputError as error:
                raise InputError(f'{path}: {error}') from None
    return found
