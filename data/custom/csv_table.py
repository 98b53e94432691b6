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
from pathlib import Path
from typing import NoReturn

from data.custom.annotations import OwnAnnotations
from data.person import FARTHEST
from hourglass.errors import InputError
from hourglass.foreign import open_file
from hourglass.joint_names import clean, infer
from hourglass.joint_table import file_title, from_table, to_table
from hourglass.wording import counted

import numpy as np

_MAX_BYTES = 1_000_000_000
_BOX = ('box_x', 'box_y', 'box_width', 'box_height')
_CROP = ('center_x', 'center_y', 'side')
#: Texts that other programs write for a missing number.
_NOTHING = ('', 'nan', 'NaN', 'NA', 'None', 'null')
_THOUSANDS = re.compile(r'-?[1-9]\d{0,2}(?:,\d{3})+')
_YES_OR_NO = {'1': True, 'true': True, 'yes': True, '0': False, 'false': False, 'no': False, '': True}


class _Table:
    """The columns of a table by their names in small letters; errors name line and column.

    Args:
        path: the file.
        names: of the columns.
        lines: the line of each of the N rows.
        rows: their cells.
        delimiter: what divides the columns.
    """

    def __init__(self, path: Path, names: list[str], lines: list[int], rows: list[list[str]], delimiter: str) -> None:
        self.path, self.lines, self.delimiter = path, lines, delimiter
        self.names = {name.lower(): name for name in names}
        self.columns = {name.lower(): [cell.strip() for cell in column]
                        for name, column in zip(names, zip(*rows, strict=True), strict=True)}

    def fail(self, row: int, column: str, text: str) -> NoReturn:
        raise InputError(f'{self.path}: line {self.lines[row]}, column {self.names[column]}: {text}')

    def column(self, name: str) -> list[str]:
        """Return the N texts of a column."""
        if name not in self.columns:
            raise InputError(f'{self.path}: line 1: no column {name!r}; its columns are '
                             f'{", ".join(self.names.values())[:200]}')
        return self.columns[name]

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

    def numbers(self, *names: str, positive: Sequence[str] = ()) -> np.ndarray:
        """Return (N, len(names)) float64, in each row all NaN or none; columns in ``positive`` are above zero.

        All are NaN if none of the columns is there.
        """
        if not self.columns.keys() & set(names):
            return np.full((len(self.lines), len(names)), np.nan)
        values = np.array([[self._number(text) for text in self.column(name)] for name in names]).T
        for row, i in np.argwhere(np.abs(values) > FARTHEST)[:1]:
            self.fail(row, names[i], f'{self.columns[names[i]][row][:40]!r} is not a number from '
                                     f'{-FARTHEST:,.0f} to {FARTHEST:,.0f}')
        empty = np.isnan(values)
        for row in np.flatnonzero(empty.any(axis=1) & ~empty.all(axis=1))[:1]:
            self.fail(int(row), names[int(empty[row].argmax())],
                      f'is empty, but {self.names[names[int(empty[row].argmin())]]} is not')
        for name in positive:
            for row in np.flatnonzero(values[:, names.index(name)] <= 0)[:1]:
                self.fail(int(row), name, f'{self.columns[name][row]!r} is not above 0')
        return values

    def texts(self, name: str) -> list[str]:
        """Return N texts, none of them empty."""
        for row, text in enumerate(self.column(name)):
            if not text:
                self.fail(row, name, 'is empty')
        return self.columns[name]

    def flags(self, name: str) -> np.ndarray:
        """Return (N,) bool, true where there is no such column."""
        found = [_YES_OR_NO.get(text.lower().removesuffix('.0'))
                 for text in self.columns.get(name, [''] * len(self.lines))]
        if None in found:
            row = found.index(None)
            self.fail(row, name, f'{self.columns[name][row][:40]!r} is not 1 (visible), 0 (hidden) or empty')
        return np.array(found, bool)


def _read_names(path: Path, cells: list[str]) -> list[str]:
    """Return the names of the columns, of which all but empty ones differ."""
    names = [cell.strip() for cell in cells]
    known = {''}
    for name in names:
        if name and name.lower() in known:
            raise InputError(f'{path}: line 1: two columns are called {name[:40]!r}')
        known.add(name.lower())
    return names


def _joints(table: _Table) -> dict[str, str]:
    """Return the beginnings of the joints' columns, by the joints' names."""
    joints: dict[str, str] = {}
    for column, name in table.names.items():
        if column.endswith(('_x', '_y')) and column not in (*_BOX, *_CROP):
            joint = clean(name[:-2])
            if joints.setdefault(joint, column[:-2]) != column[:-2]:
                raise InputError(f'{table.path}: line 1: two joints are called {joint!r}')
    if not joints:
        raise InputError(f'{table.path}: line 1: no joints, which are columns NAME_x and NAME_y')
    return joints


def _read_table(path: Path) -> _Table:
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
            names = _read_names(path, next(csv.reader([first], delimiter=delimiter)))
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                lines.append(reader.line_num + n_before)
                rows.append(cells)
                if len(cells) != len(names):
                    raise InputError(f'{path}: line {lines[-1]}: {counted(len(cells), "column")} in place of '
                                     f'{len(names)}')
    except UnicodeError:
        raise InputError(f'{path}: not a table in UTF-8 or UTF-16 (Excel: "CSV UTF-8")') from None
    except csv.Error as error:
        raise InputError(f'{path}: not a table that can be read ({error})') from None
    if not rows:
        raise InputError(f'{path}: no person is in it, only a first line')
    return _Table(path, names, lines, rows, delimiter)


def read_csv(path: Path) -> OwnAnnotations:
    """Read a table of people.

    Raises:
        InputError: the file is missing, damaged or no such table; the text names line and column.
    """
    table = _read_table(path)
    images, joints = table.texts('image'), _joints(table)
    # The joints are checked like those of a table, which refuses invalid names.
    joint_set = from_table(to_table(infer(file_title(path), list(joints))), str(path))
    points = np.stack([table.numbers(f'{title}_y', f'{title}_x') for title in joints.values()], axis=1)
    labelled = ~np.isnan(points).any(axis=2)
    visible = np.stack([table.flags(f'{title}_visible') for title in joints.values()], axis=1)
    x, y, width, height = table.numbers(*_BOX, positive=_BOX[2:]).T
    return OwnAnnotations(
        path, joint_set, [name.replace('\\', '/') for name in images],
        np.where(labelled[..., None], points, 0), labelled, visible & labelled,
        np.stack([y, x, y + height, x + width], axis=1), table.numbers(*_CROP, positive=_CROP[2:])[:, [1, 0, 2]],
        np.full(len(images), np.nan), table.texts('split') if 'split' in table.columns else None)
