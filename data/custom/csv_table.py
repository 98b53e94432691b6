"""A user's table of annotated people: CSV, one row a person.

==================================  ==========================================================================
image                               path of the image; relative ones begin at the table's folder
NAME_x, NAME_y                      a joint, in pixels from the upper left corner; both empty: not labelled
NAME_visible                        1 visible, 0 hidden; empty or no such column: visible
split                               train, val, or any other word
box_x, box_y, box_width, box_height the person's box
center_x, center_y, side            the square that is cut out, about 1.25 times as long as the person
==================================  ==========================================================================

``image`` and one joint have to be there; other columns are ignored.  The file may be as Excel writes it in any
language: columns divided by commas, semicolons or tabs, or as a first line ``sep=;`` states, numbers with decimal
commas, UTF-8 or UTF-16.
"""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from data.custom.annotations import Annotations
from data.person import FARTHEST
from hourglass.errors import InputError
from hourglass.foreign import open_file
from hourglass.joint_names import clean, infer
from hourglass.joint_table import MAX_JOINTS, file_title, from_table, to_table
from hourglass.wording import counted

import numpy as np

_MAX_BYTES = 1_000_000_000
_MAX_NAME = 200
_BOX = ('box_x', 'box_y', 'box_width', 'box_height')
_CROP = ('center_x', 'center_y', 'side')
#: What is written where there is no number, by other programs.
_NOTHING = ('', 'nan', 'NaN', 'NA', 'None', 'null')
_THOUSANDS = re.compile(r'-?[1-9]\d{0,2}(?:,\d{3})+')
_YES_OR_NO = {'1': True, 'true': True, 'yes': True, '0': False, 'false': False, 'no': False, '': True}


@dataclass(frozen=True)
class _Header:
    """Where in a row things stand; ``joints`` has the places of x, y and, if there is one, visible."""

    names: list[str]
    image: int
    split: int | None
    box: tuple[int, ...] | None
    crop: tuple[int, ...] | None
    joints: dict[str, tuple[int, int, int | None]]


class _Cells:
    """The rows after the header; errors name line and column.

    Args:
        path: the file.
        header: where things stand.
        lines: the line of each of the N rows.
        rows: their cells.
        delimiter: what divides the columns.
    """

    def __init__(self, path: Path, header: _Header, lines: list[int], rows: list[list[str]], delimiter: str) -> None:
        self.path, self.header, self.lines, self.delimiter = path, header, lines, delimiter
        self.columns = [[cell.strip() for cell in column] for column in zip(*rows, strict=True)]

    def fail(self, row: int, column: int, text: str) -> NoReturn:
        raise InputError(f'{self.path}: line {self.lines[row]}, column {self.header.names[column]}: {text}')

    def _number(self, text: str) -> float:
        if text in _NOTHING:
            return math.nan
        try:
            # Where commas divide the columns, 1,234 may be either number; a number like 40,5 is quoted there.
            is_clear = self.delimiter != ',' or not _THOUSANDS.fullmatch(text)
            value = float(text.replace(',', '.') if is_clear and '.' not in text else text)
        except ValueError:
            return math.inf
        return math.inf if math.isnan(value) else value

    def numbers(self, columns: Sequence[int], positive: Sequence[int] = ()) -> np.ndarray:
        """Return (N, len(columns)) float64, in each row all NaN or none; columns in ``positive`` are above zero."""
        values = np.array([[self._number(text) for text in self.columns[column]] for column in columns]).T
        for row, i in np.argwhere(np.abs(values) > FARTHEST)[:1]:
            self.fail(row, columns[i], f'{self.columns[columns[i]][row][:40]!r} is not a number from '
                                       f'{-FARTHEST:,.0f} to {FARTHEST:,.0f}')
        empty = np.isnan(values)
        for row in np.flatnonzero(empty.any(axis=1) & ~empty.all(axis=1))[:1]:
            others = ', '.join(self.header.names[column]
                               for column, is_empty in zip(columns, empty[row], strict=True) if not is_empty)
            self.fail(int(row), columns[int(empty[row].argmax())], f'is empty, but {others} is not')
        for column in positive:
            for row in np.flatnonzero(values[:, columns.index(column)] <= 0)[:1]:
                self.fail(int(row), column, f'{self.columns[column][row]!r} is not above 0')
        return values

    def texts(self, column: int) -> list[str]:
        """Return N texts, none of them empty."""
        for row, text in enumerate(self.columns[column]):
            if not text:
                self.fail(row, column, 'is empty')
        return self.columns[column]

    def flags(self, column: int | None) -> np.ndarray:
        """Return (N,) bool, true where there is no such column."""
        if column is None:
            return np.ones(len(self.lines), bool)
        found = [_YES_OR_NO.get(text.lower().removesuffix('.0')) for text in self.columns[column]]
        if None in found:
            row = found.index(None)
            self.fail(row, column, f'{self.columns[column][row][:40]!r} is not 1 (visible), 0 (hidden) or empty')
        return np.array(found, bool)


def _read_header(path: Path, cells: list[str]) -> _Header:
    names = [cell.strip() for cell in cells]
    places: dict[str, int] = {}
    for i, name in enumerate(names):
        if len(name) > _MAX_NAME:
            raise InputError(f'{path}: line 1: a column name of {len(name)} characters: {name[:40]!r}...')
        if name.lower() in places and name:
            raise InputError(f'{path}: line 1: two columns are called {name!r}')
        places[name.lower()] = i
    if 'image' not in places:
        raise InputError(f'{path}: line 1: no column "image"; its columns are {", ".join(names)[:200]}')
    joints: dict[str, tuple[int, int, int | None]] = {}
    for name in names:
        title, axis = name[:-2], name[-2:].lower()
        if axis not in ('_x', '_y') or name.lower() in (*_BOX, *_CROP):
            continue
        missing = f'{title}_{"y" if axis == "_x" else "x"}'
        if missing.lower() not in places:
            raise InputError(f'{path}: line 1: a column {name} and no {missing}')
        if axis == '_x':
            if clean(title) in joints:
                raise InputError(f'{path}: line 1: two joints are called {clean(title)!r}')
            key = title.lower()
            joints[clean(title)] = places[f'{key}_x'], places[f'{key}_y'], places.get(f'{key}_visible')
    if not joints or len(joints) > MAX_JOINTS:
        raise InputError(f'{path}: line 1: {len(joints) or "no"} joints, which are columns NAME_x and NAME_y; '
                         f'there may be 1 to {MAX_JOINTS}')

    def group(wanted: tuple[str, ...]) -> tuple[int, ...] | None:
        there = [name for name in wanted if name in places]
        if there and len(there) < len(wanted):
            missing = next(name for name in wanted if name not in places)
            raise InputError(f'{path}: line 1: a column {there[0]} and no {missing}')
        return tuple(places[name] for name in wanted) if there else None

    return _Header(names, places['image'], places.get('split'), group(_BOX), group(_CROP), joints)


def _read_cells(path: Path) -> _Cells:
    """Read the whole table as texts."""
    lines: list[int] = []
    rows: list[list[str]] = []
    if not path.exists():
        raise InputError(f'{path}: no such file; --root names the table')
    try:
        with open_file(path, 'a table', _MAX_BYTES) as stream:
            encoding = 'utf-16' if stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else 'utf-8-sig'
            stream.seek(0)
            file = io.TextIOWrapper(stream, encoding, newline='')
            first = file.readline()
            separator = re.fullmatch(r'"?sep=(.)"?', first.rstrip('\r\n'), re.IGNORECASE)
            n_before = 1 if separator is None else 2
            first = first if separator is None else file.readline()
            if not first.strip():
                raise InputError(f'{path}: its first line is empty')
            delimiter = max(',;\t', key=first.count) if separator is None else separator[1]
            header = _read_header(path, next(csv.reader([first], delimiter=delimiter)))
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                lines.append(reader.line_num + n_before)
                rows.append(cells)
                if len(cells) != len(header.names):
                    raise InputError(f'{path}: line {lines[-1]}: {counted(len(cells), "column")} in place of '
                                     f'{len(header.names)}')
    except UnicodeError:
        raise InputError(f'{path}: not a table in UTF-8 or UTF-16 (Excel: "CSV UTF-8")') from None
    except csv.Error as error:
        raise InputError(f'{path}: not a table that can be read ({error})') from None
    if not rows:
        raise InputError(f'{path}: no person is in it, only a first line')
    return _Cells(path, header, lines, rows, delimiter)


def read_csv(path: Path) -> Annotations:
    """Read a table of people.

    Raises:
        InputError: the file is missing, damaged or no such table; the text names line and column.
    """
    cells = _read_cells(path)
    header, n = cells.header, len(cells.lines)
    # The table is checked like any other: this refuses names that are none.
    joint_set = from_table(to_table(infer(file_title(path), list(header.joints))), str(path))
    points = np.stack([cells.numbers((y, x)) for x, y, _ in header.joints.values()], axis=1)
    labelled = ~np.isnan(points).any(axis=2)
    visible = np.stack([cells.flags(column) for _, _, column in header.joints.values()], axis=1)
    x, y, width, height = (np.full((n, 4), np.nan) if header.box is None else
                           cells.numbers(header.box, header.box[2:])).T
    squares = np.full((n, 3), np.nan) if header.crop is None else cells.numbers(header.crop, header.crop[2:])
    return Annotations(
        path, joint_set, [name.replace('\\', '/') for name in cells.texts(header.image)],
        [f'line {line}' for line in cells.lines],
        np.where(labelled[..., None], points, 0), labelled, visible & labelled,
        np.stack([y, x, y + height, x + width], axis=1), squares[:, [1, 0, 2]],
        np.full(n, np.nan), None if header.split is None else cells.texts(header.split))
