"""Reading JSON files of other programs: lists of objects, checked and converted to arrays column by column."""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from hourglass.errors import InputError

import numpy as np

#: The largest official file, person_keypoints_train2017.json, has about 240 MB.
MAX_BYTES = 1_500_000_000
#: Most memory in bytes for the content.
MAX_MEMORY = 2_000_000_000


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f'holds {name}, which is not a number')


@contextmanager
def _no_collection() -> Iterator[None]:
    """Pause the search for cyclic garbage, which takes half of the time of reading millions of lists."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def read_json(path: Path) -> Any:
    """Read a JSON file; ``InputError`` if it is missing, empty, damaged, too large, or holds NaN or Infinity."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(f'{path}: {size} bytes, too large for a file of COCO')
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f'{path}: no such file') from None
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror})') from None
    if not content.strip():
        raise InputError(f'{path}: the file is empty')
    # Python needs about 90 bytes for a list or object and 30 for a number, however short their text is.
    if 90 * (content.count(b'[') + content.count(b'{')) + 30 * content.count(b',') > MAX_MEMORY:
        raise InputError(f'{path}: needs more than {MAX_MEMORY / 1e9:g} GB to be read')
    try:
        with _no_collection():
            return json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError, MemoryError) as error:
        raise InputError(f'{path}: damaged, or not JSON ({error or "too large for the memory"})') from None


def _to_whole(array: np.ndarray) -> np.ndarray:
    """Convert whole numbers that other programs write as 1.0 or "1"; anything else stays as it is."""
    if array.dtype.kind == 'f' and (array == np.floor(array)).all() and (np.abs(array) < 2 ** 53).all():
        return array.astype(np.int64)
    if array.dtype.kind == 'U' and all(re.fullmatch(r'\d{1,18}', text, re.ASCII) for text in array.flat):
        return array.astype(np.int64)
    return array


def _to_numbers(values: Any, shape: tuple[int, ...], whole: bool) -> np.ndarray | None:
    """Return values as an array of the shape, int64 or float64; ``None`` if they are not such finite numbers."""
    try:
        array = np.array(values)
    except (ValueError, OverflowError):
        return None
    if array.size == 0 and array.shape[:1] == shape[:1] == (0,):
        return np.zeros(shape, np.int64 if whole else np.float64)
    if whole and array.shape == shape:
        array = _to_whole(array)
    if array.shape != shape or array.dtype.kind not in ('i' if whole else 'iuf'):
        return None
    return array.astype(np.int64 if whole else np.float64) if np.isfinite(array).all() else None


class Table:
    """A list of JSON objects, of which columns are read.

    Args:
        path: the file, for messages.
        name: what the list is called in messages.
        rows: what the file holds there.
        places: where the rows stand in the file's list, if not all of them are here.

    Raises:
        InputError: it is not a list of objects.  Every method raises it for a value that is missing or wrong.
    """

    def __init__(self, path: Path, name: str, rows: Any, places: list[int] | None = None) -> None:
        if not isinstance(rows, list):
            raise InputError(f'{path}: has no list of {name}')
        for i, row in enumerate(rows):
            if not isinstance(row, dict):
                raise InputError(f'{path}: {name}[{i}] is not a JSON object')
        self.path = path
        self.name = name
        self.rows: list[dict[str, Any]] = rows
        self.places = list(range(len(rows))) if places is None else places

    def __len__(self) -> int:
        return len(self.rows)

    def fail(self, row: int, reason: str) -> NoReturn:
        """Raise ``InputError`` about a row."""
        raise InputError(f'{self.path}: {self.name}[{self.places[row]}] {reason}')

    def where(self, key: str, *values: int, default: int | None = None) -> Table:
        """Return the rows with one of some whole numbers under a key; a row without the key has the default."""
        return self.take(np.flatnonzero(np.isin(self.whole_numbers(key, default), values)).tolist())

    def having(self, key: str) -> Table:
        """Return the rows with something under a key."""
        return self.take([i for i, row in enumerate(self.rows) if row.get(key)])

    def take(self, chosen: list[int]) -> Table:
        """Return some of the rows, by their numbers here."""
        return Table(self.path, self.name, [self.rows[i] for i in chosen], [self.places[i] for i in chosen])

    def _values(self, key: str, default: Any = None) -> list[Any]:
        values = [row.get(key) for row in self.rows]
        if None not in values:
            return values
        for i, value in enumerate(values):
            if value is None and default is None:
                self.fail(i, f'has no {key!r}')
        return [default if value is None else value for value in values]

    def _numbers(self, key: str, shape: tuple[int, ...], whole: bool, default: float | None) -> np.ndarray:
        values = self._values(key, default)
        array = _to_numbers(values, (len(values), *shape), whole)
        if array is not None:
            return array
        wanted = f'{shape[0]} finite numbers' if shape else 'a whole number' if whole else 'a finite number'
        for i, value in enumerate(values):
            if _to_numbers(value, shape, whole) is None:
                self.fail(i, f'has {key!r} {str(value)[:40]!r}, not {wanted}')
        raise InputError(f'{self.path}: {self.name} have {key!r} of different types, not {wanted}')

    def numbers(self, key: str, *shape: int) -> np.ndarray:
        """Return (N, *shape) float64."""
        return self._numbers(key, shape, False, None)

    def numbers_or_nan(self, key: str, *shape: int) -> np.ndarray:
        """Return (N, *shape) float64; NaN for a row without the key, or with null or an empty list."""
        known = [i for i, row in enumerate(self.rows) if row.get(key) not in (None, [])]
        values = np.full((len(self), *shape), np.nan)
        values[known] = self.take(known).numbers(key, *shape)
        return values

    def whole_numbers(self, key: str, default: int | None = None) -> np.ndarray:
        """Return (N,) int64; a row without the key has the default."""
        return self._numbers(key, (), True, default)

    def unique_ids(self) -> np.ndarray:
        """Return (N,) int64, the rows' ``id``, each of which occurs once."""
        ids = self.whole_numbers('id')
        values, first, counts = np.unique(ids, return_index=True, return_counts=True)
        if (counts > 1).any():
            repeated = values[counts > 1][0]
            self.fail(int(first[counts > 1][0]), f'has the id {repeated}, which occurs more than once')
        return ids

    def texts(self, key: str) -> list[str]:
        """Return N texts."""
        values = self._values(key)
        for i, value in enumerate(values):
            if not isinstance(value, str) or not value:
                self.fail(i, f'has {key!r} {str(value)[:40]!r}, not a text')
        return values

    def boxes(self, key: str = 'bbox', may_be_missing: bool = False) -> np.ndarray:
        """Return (N, 4) float64, (y0, x0, y1, x1), from COCO's x, y, width, height; NaN for one that may be missing."""
        x, y, width, height = (self.numbers_or_nan if may_be_missing else self.numbers)(key, 4).T
        negative = np.flatnonzero((width < 0) | (height < 0))
        if len(negative):
            self.fail(int(negative[0]), f'has a {key!r} with a negative width or height')
        return np.stack([y, x, y + height, x + width], axis=1)
