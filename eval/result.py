"""The result of an evaluation, which can be printed, written and drawn."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from eval.record import Record
from hourglass.errors import InputError
from hourglass.results import write_json

if TYPE_CHECKING:
    from eval.comparison import Comparison


class Result(ABC):
    """The scores of some poses."""

    @property
    @abstractmethod
    def total(self) -> float:
        """The main score in [0, 1]: the rate of correct joints, or COCO's AP; NaN if nothing is annotated.

        In :meth:`to_dict`, COCO's AP is under ``oks``, and ``total`` is always the rate of correct joints.
        """

    @abstractmethod
    def table(self) -> str:
        """Return the scores in percent as lines of text."""

    @abstractmethod
    def text(self) -> str:
        """Return the table and what was evaluated, for a terminal."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return scores and curves as values for JSON."""

    @abstractmethod
    def save_csv(self, path: str | os.PathLike) -> None:
        """Write the rate of correct joints: one row for each joint, each group and the total.

        Raises:
            InputError: there are no correct joints, or the file cannot be written.
        """

    def plot_reliability(self, path: str | os.PathLike) -> None:
        """Draw how often joints are correct by their scores.

        Raises:
            InputError: there are no scores or no annotated joints, or the picture cannot be written.
        """
        raise InputError(f'{path}: these results have no scores of joints')

    def record(self) -> Record:
        """Return what is compared and drawn."""
        return Record.from_dict(self.to_dict())

    def compare(self, paths: Sequence[str | os.PathLike]) -> Comparison:
        """Compare earlier results, files of :meth:`save_json`, with this one.

        Raises:
            InputError: an earlier result cannot be read or compared.
        """
        from eval.comparison import compare

        return compare(paths, self.record())

    def plot(self, path: str | os.PathLike) -> None:
        """Draw the curves (:func:`eval.plot.plot_records`).

        Args:
            path: picture to write; the ending chooses the format (.png, .pdf, .svg, .jpg).

        Raises:
            InputError: the picture cannot be written.
        """
        # Drawing takes a second to import.
        from eval.plot import plot_records

        plot_records([self.record()], path)

    def save_json(self, path: str | os.PathLike) -> None:
        """Write scores and curves (:meth:`to_dict`); ``InputError`` if the file cannot be written."""
        write_json(path, self.to_dict())

    def __repr__(self) -> str:
        return self.text()  # what a notebook shows
