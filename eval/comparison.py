"""Compare results: a table of differences with bootstrap intervals, and plots.

Efron, Tibshirani: *An Introduction to the Bootstrap*, 1993, chapter 13 (percentile intervals).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from eval.record import JointRates, Record, read_records, to_common_joints
from eval.score import or_null, percent
from hourglass.errors import InputError
from hourglass.results import write_json
from hourglass.wording import counted

import numpy as np

_RESAMPLES = 2000
_SEED = 0


@dataclass(frozen=True)
class Row:
    """One row of a comparison of two results; rates are in [0, 1], NaN where nothing is annotated.

    Attributes:
        name: a group of joints, ``Total``, ``mean OKS``, or a number of COCO's evaluation such as ``AP``.
        first, other: the results' values.
        interval: 95 % interval of ``other - first``; ``None`` if it is not known.
    """

    name: str
    first: float
    other: float
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class _PersonRows:
    """What each person contributes to each row: the groups, ``Total`` and perhaps the mean OKS.

    Attributes:
        sums: (N, R), number of correct joints, or OKS.
        counts: (N, R), number of annotated joints, or whether OKS is defined.
    """

    sums: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, joints: JointRates, person_oks: np.ndarray | None) -> _PersonRows:
        rows = list(joints.rows.values())
        sums = [(joints.people[:, members] == 1).sum(axis=1) for members in rows]
        counts = [(joints.people[:, members] >= 0).sum(axis=1) for members in rows]
        if person_oks is not None:
            sums.append(np.nan_to_num(person_oks))
            counts.append(np.isfinite(person_oks))
        return cls(np.stack(sums, axis=1).astype(np.float64), np.stack(counts, axis=1).astype(np.float64))

    def rates(self, weights: np.ndarray) -> np.ndarray:
        """Return the rates (R,) if each person counts as often as ``weights`` (N,) says."""
        counts = weights @ self.counts
        return np.divide(weights @ self.sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)


def _intervals(first: _PersonRows, other: _PersonRows, are_same_people: bool) -> np.ndarray:
    """Return 95 % bootstrap intervals (R, 2) of the difference of rates, over people drawn with replacement."""
    rng = np.random.default_rng(_SEED)

    def draw(n: int) -> np.ndarray:
        return np.bincount(rng.integers(0, n, n), minlength=n).astype(np.float64)

    differences = []
    for _ in range(_RESAMPLES):
        weights = draw(len(first.sums))
        differences.append(other.rates(weights if are_same_people else draw(len(other.sums))) - first.rates(weights))
    known = np.array(differences)
    known = np.where(np.isnan(known).all(axis=0), 0, known)
    return np.nanpercentile(known, [2.5, 97.5], axis=0).T


@dataclass(frozen=True, repr=False)
class Comparison:
    """Results side by side; each is compared with the first.

    Attributes:
        records: the results, with the joints that all of them have.
        left_out: joints that only some of the results have.
    """

    records: tuple[Record, ...]
    left_out: tuple[str, ...]

    def __repr__(self) -> str:
        return self.text()  # what a notebook shows

    def are_same_people(self, i: int) -> bool:
        """Whether result ``i`` is of the same people as the first, as far as is known."""
        first, other = self.records[0], self.records[i]
        return bool(first.people_key) and (first.people_key, first.n_people) == (other.people_key, other.n_people)

    def rows(self, i: int) -> list[Row]:
        """Compare what both result ``i`` and the first have: COCO's scores, rates of correct joints, mean OKS."""
        first, other = self.records[0], self.records[i]
        rows = []
        if first.oks is not None and other.oks is not None:
            rows = [Row(name, value, other.oks.stats[name], None) for name, value in first.oks.stats.items()]
        if first.joints is None or other.joints is None:
            return rows
        names, oks = list(first.joints.rows), (first.person_oks, other.person_oks)
        if oks[0] is None or oks[1] is None:
            oks = None, None
        else:
            names.append('mean OKS')
        people = _PersonRows.of(first.joints, oks[0]), _PersonRows.of(other.joints, oks[1])
        values = [part.rates(np.ones(len(part.sums))).tolist() for part in people]
        intervals = _intervals(*people, self.are_same_people(i)).tolist()
        return rows + [Row(name, a, b, None if np.isnan(a) or np.isnan(b) else (low, high))
                       for name, a, b, (low, high) in zip(names, *values, intervals, strict=True)]

    def text(self) -> str:
        """Return tables for a terminal, in percent."""
        return '\n'.join(self._lines())

    def _lines(self) -> Iterator[str]:
        first, *others = self.records
        measures = [first.joints.measure] if first.joints and any(record.joints for record in others) else []
        yield f'comparison of {" and ".join([*measures, *["OKS"] * (first.oks is not None)])}'
        width = max(len(record.label) for record in self.records)
        for i, record in enumerate(self.records, 1):
            yield f'  {i}  {record.label:<{width}}  {record.data}, {counted(record.n_people, "person", "people")}'
        if self.left_out:
            common = next(record.joints for record in self.records if record.joints is not None).joints
            yield f'{counted(len(common), "joint")} in common; left out: {", ".join(self.left_out)}'
        has_intervals = False
        for i in range(1, len(self.records)):
            rows = self.rows(i)
            yield ''
            yield from _table(rows, i + 1)
            if any(row.interval is not None for row in rows):
                has_intervals = True
                if not self.are_same_people(i):
                    yield f'1 and {i + 1} are not known to be of the same people, which makes the intervals wider'
        if has_intervals:
            yield ''
            yield f'95 % bootstrap intervals over people ({_RESAMPLES:,} resamples);'
            yield 'one that contains 0 is no evidence of a difference'

    def to_dict(self) -> dict[str, Any]:
        """Describe the comparison for JSON; null where nothing is annotated or no interval is known."""
        def describe(row: Row) -> dict[str, Any]:
            first, other, difference = or_null(np.array([row.first, row.other, row.other - row.first]))
            return {'first': first, 'other': other, 'difference': difference, 'interval': row.interval}

        return {
            'results': [{'label': record.label, 'data': record.data, 'people': record.n_people}
                        for record in self.records],
            'left_out': list(self.left_out),
            'differences': [{row.name: describe(row) for row in self.rows(i)}
                            for i in range(1, len(self.records))],
        }

    def save_json(self, path: str | os.PathLike) -> None:
        """Write the comparison (:meth:`to_dict`); ``InputError`` if the file cannot be written."""
        write_json(path, self.to_dict())

    def plot(self, path: str | os.PathLike) -> None:
        """Draw the results (:func:`eval.plot.plot_records`); ``InputError`` if a picture cannot be written."""
        # Drawing takes a second to import.
        from eval.plot import plot_records

        plot_records(self.records, path)


def _table(rows: Sequence[Row], number: int) -> Iterator[str]:
    width = max(len(row.name) for row in rows)
    yield f'{"":<{width}}{"1":>8}{number:>8}{f"{number} - 1":>9}{"95 % interval":>18}'
    for row in rows:
        interval = '' if row.interval is None else ' to '.join(percent(value, '+') for value in row.interval)
        yield (f'{row.name:<{width}}{percent(row.first):>8}{percent(row.other):>8}'
               f'{percent(row.other - row.first, "+"):>9}{interval:>18}').rstrip()


def compare(paths: Sequence[str | os.PathLike], result: Record | None = None) -> Comparison:
    """Compare results.

    Args:
        paths: files that :meth:`eval.result.Result.save_json` wrote.
        result: one that comes before those of the files.

    Raises:
        InputError: a file cannot be read, or is of another measure than the first result; or there is only one.
    """
    records = read_records(paths, result)
    if len(records) < 2:
        raise InputError('a comparison needs two results')
    common, left_out = to_common_joints(records)
    return Comparison(tuple(common), tuple(left_out))
