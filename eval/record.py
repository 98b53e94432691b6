"""Results in files, as they are compared and drawn.

:meth:`eval.result.Result.to_dict` describes a result; :func:`read_records` reads such descriptions again, takes the
joints that all of them have, and refuses what cannot be compared.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eval.coco_score import COCOScore
from hourglass.errors import InputError
from hourglass.json_table import read_json

import numpy as np


def people_key(images: Iterable[str]) -> str:
    """Return a short text that is the same for the same people: made of the names of their images, in order."""
    return hashlib.sha256('\n'.join(images).encode()).hexdigest()[:16]


def person_marks(errors: np.ndarray, threshold: float) -> list[str]:
    """Describe which joints of each person are correct, a character a joint: 1, 0, or - for one that is not annotated.

    Args:
        errors: (N, K) errors in reference lengths; NaN for a joint that is not annotated.
        threshold: largest error of a correct joint.
    """
    marks = np.where(np.isnan(errors), '-', np.where(errors <= threshold, '1', '0'))
    return [''.join(row) for row in marks.tolist()]


@dataclass(frozen=True)
class JointRates:
    """Rates of correct joints.

    Attributes:
        metric: PCK or PCKh.
        threshold: largest error of a correct joint, in reference lengths.
        reference: what errors are divided by; empty if it is not known, as for packed people.
        joints: names of the K joints, in other sets where they differ.
        groups: joints that are reported together, by the name of the row.
        thresholds: (T,) rising, the last is ``threshold``.
        rates: (T, K) rate of correct joints; NaN where nothing is annotated.
        people: (N, K) int8, for each person's joint 1 (correct), 0 (wrong) or -1 (not annotated).
    """

    metric: str
    threshold: float
    reference: str
    joints: tuple[str, ...]
    groups: dict[str, tuple[str, ...]]
    thresholds: np.ndarray
    rates: np.ndarray
    people: np.ndarray

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> JointRates:
        """Read a description; ``KeyError``, ``TypeError`` or ``ValueError`` if it is damaged."""
        own, same_as, curve = value['joints'], value.get('same_as', {}), value['joint_curve']
        names = {joint: str(same_as.get(joint, joint)) for joint in own}
        joints = tuple(names[joint] for joint in own)
        # In a list, null becomes NaN.
        thresholds = np.array(curve['thresholds'], np.float64)
        rates = np.array([curve['rates'][joint] for joint in own], np.float64).T
        groups = {str(name): tuple(names[joint] for joint in row) for name, row in value['group_joints'].items()}
        marks = np.array([list(row) for row in value['per_person']['correct']])
        people = np.select([marks == '0', marks == '1'], [0, 1], -1).astype(np.int8)
        if rates.shape != (len(thresholds), len(joints)) or people.shape != (int(value['people']), len(joints)):
            raise ValueError('rates or people of another shape')
        return cls(str(value['metric']), float(value['threshold']), str(value['reference']), joints, groups,
                   thresholds, rates, people)

    def take(self, joints: Sequence[str], groups: Mapping[str, Sequence[str]]) -> JointRates:
        """Return the rates of some joints, in groups; a group keeps those of its joints that are named."""
        places = [self.joints.index(joint) for joint in joints]
        kept = {name: tuple(member for member in members if member in joints)
                for name, members in groups.items() if set(members) & set(joints)}
        return replace(self, joints=tuple(joints), groups=kept, rates=self.rates[:, places],
                       people=self.people[:, places])

    @property
    def rows(self) -> dict[str, list[int]]:
        """Joints by index for each group, and ``Total`` for the joints that are in a group."""
        rows = {name: [self.joints.index(member) for member in members] for name, members in self.groups.items()}
        return {**rows, 'Total': sorted({joint for members in rows.values() for joint in members})}

    def curves(self) -> dict[str, np.ndarray]:
        """Return the rate (T,) of each of :attr:`rows` over the thresholds, over all annotations of its joints."""
        counts = (self.people >= 0).sum(axis=0)
        correct = np.nan_to_num(self.rates) * counts
        found = {}
        for name, joints in self.rows.items():
            count = counts[joints].sum()
            found[name] = correct[:, joints].sum(axis=1) / count if count else np.full(len(self.thresholds), np.nan)
        return found

    def joint_curves(self) -> dict[str, np.ndarray]:
        """Return the rate (T,) of each joint over the thresholds."""
        return dict(zip(self.joints, self.rates.T, strict=True))

    @property
    def measure(self) -> str:
        """The metric in words."""
        return f'{self.metric}@{self.threshold:g}' + (f' by the {self.reference}' if self.reference else '')


@dataclass(frozen=True)
class Record:
    """A result.

    Attributes:
        label: its name in legends and tables.
        data: the data set.
        people_key: the same for results of the same people in the same order; empty if it is not known.
        n_people: number of annotated people.
        joints: rates of correct joints; ``None`` for detected people, to whom no annotation belongs.
        oks: COCO's score, if it is one of COCO.
        person_oks: (N,) OKS of each annotated person, NaN where it is not defined; ``None`` if unknown.
    """

    label: str
    data: str
    people_key: str
    n_people: int
    joints: JointRates | None
    oks: COCOScore | None
    person_oks: np.ndarray | None

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Record:
        """Read a description.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it does not describe a result.
        """
        oks = COCOScore.from_dict(value['oks']) if value.get('oks') is not None else None
        joints = JointRates.from_dict(value) if oks is None or 'metric' in value else None
        people = value.get('per_person', {})
        return cls(str(value['weights']), str(value['data']), str(people.get('key', '')),
                   int(value['oks']['people'] if joints is None else value['people']), joints, oks,
                   np.array(people['oks'], np.float64) if 'oks' in people else None)

    @property
    def measure(self) -> str:
        """What is compared, in words."""
        return 'OKS' if self.joints is None else self.joints.measure

    def is_comparable(self, other: Record) -> bool:
        """Whether both have the same rates of correct joints, or one has none and both have COCO's score."""
        a, b = self.joints, other.joints
        if a is None or b is None:
            return self.oks is not None and other.oks is not None
        return (a.metric, a.threshold) == (b.metric, b.threshold) and (
            a.reference == b.reference or '' in (a.reference, b.reference))


def read_records(paths: Sequence[str | os.PathLike], first: Record | None = None) -> list[Record]:
    """Read results that :meth:`eval.result.Result.save_json` wrote.

    A result is labelled with its weights; if these repeat, also with the name of the file.

    Args:
        paths: the files.
        first: a result that comes before those of the files.

    Raises:
        InputError: a file is missing, is not such a result, or cannot be compared with another.
    """
    records = [] if first is None else [first]
    for path in paths:
        try:
            record = Record.from_dict(read_json(Path(path)))
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError):
            raise InputError(f'{path}: not a result that eval.py --json wrote') from None
        for earlier in records:
            if not record.is_comparable(earlier):
                raise InputError(f'{path}: holds {record.measure}, which cannot be compared with {earlier.measure}')
        records.append(record)
    labels = [record.label for record in records]
    files = [Path(path).absolute() for path in paths]
    for i, file in enumerate(files, len(records) - len(files)):
        if labels.count(labels[i]) > 1:
            name = os.path.relpath(file.with_suffix(''), os.path.commonpath([file.parent for file in files]))
            records[i] = replace(records[i], label=f'{labels[i]} ({name})')
    return records


def to_common_joints(records: Sequence[Record]) -> tuple[list[Record], list[str]]:
    """Restrict results to the joints that all of them have, as far as they have rates of joints.

    Returns:
        The results, with the joints and the groups in the first one's order; and the names of the joints left out.

    Raises:
        InputError: they have no joint in common.
    """
    parts = [record.joints for record in records if record.joints is not None]
    if not parts:
        return list(records), []
    common = [joint for joint in parts[0].joints if all(joint in part.joints for part in parts)]
    if not common:
        raise InputError('the results have no joint in common')
    left_out = list(dict.fromkeys(joint for part in parts for joint in part.joints if joint not in common))
    return [record if record.joints is None else replace(record, joints=record.joints.take(common, parts[0].groups))
            for record in records], left_out
