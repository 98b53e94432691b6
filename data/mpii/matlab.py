"""MPII's official annotations, ``mpii_human_pose_v1_u12_1.mat``.

Andriluka, Pishchulin, Gehler, Schiele: *2D Human Pose Estimation: New Benchmark and State of the Art Analysis*,
CVPR 2014.  SciPy shows the file's structs as objects, where a list of one element is that element and an empty
list is an empty array; any field may be missing.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from data.matlab_file import read_variable
from data.mpii.people import N_JOINTS, People, is_stored
from hourglass.crop import Extent
from hourglass.download import cache_folder
from hourglass.errors import InputError
from hourglass.files import atomic_write, sha256_of
from hourglass.sandbox import read_in_child

import numpy as np
from scipy.io.matlab import mat_struct

# Of evalMPII.zip, the benchmark's own scoring: 0.8 * 0.75 of the head box's diagonal.
_HEAD_BIAS = 0.8 * 0.75
# Raised with every change of what is kept, so that nothing older is used.
_CACHE_VERSION = 3


def _structs(value: Any) -> list[Any]:
    """Return the structs of a field that holds none, one, or an array of them."""
    return [item for item in np.atleast_1d(np.asarray(value, object)).ravel() if isinstance(item, mat_struct)]


def _number(struct: Any, name: str) -> float:
    """Return a field as a number, NaN where it is missing, empty or a text."""
    value = np.asarray(getattr(struct, name, np.nan))
    return float(value) if value.ndim == 0 and value.dtype.kind in 'biuf' else np.nan


def _is_visible(point: Any) -> bool:
    """Read ``is_visible``: a number, a text, or empty (the two joints of the head), which means visible."""
    value = np.asarray(getattr(point, 'is_visible', ''))
    return not (value.ndim == 0 and str(value).strip() in ('0', '0.0', 'False'))


def _read_points(person: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Return (16, 2) points (y, x), zero where absent, and (16,) visible; ``None`` without a list of points."""
    listed = getattr(getattr(person, 'annopoints', None), 'point', None)
    # A lone point is a struct and not a list; such a person is left out too.
    if not isinstance(listed, np.ndarray) or not _structs(listed):
        return None
    points, visible = np.zeros((N_JOINTS, 2)), np.zeros(N_JOINTS, bool)
    for point in _structs(listed):
        joint = _number(point, 'id')
        if joint not in range(N_JOINTS):
            raise ValueError(f'a point has the id {getattr(point, "id", None)!r}')
        points[int(joint)] = _number(point, 'y'), _number(point, 'x')
        visible[int(joint)] = _is_visible(point)
    return points, visible


def _read_person(image: str, person: Any) -> tuple[Any, ...] | None:
    """Return image, points, visible, extent and head size; ``None`` without a list of points, a position or scale."""
    joints = _read_points(person)
    position = getattr(person, 'objpos', None)
    scale, x, y = _number(person, 'scale'), _number(position, 'x'), _number(position, 'y')
    if joints is None or not np.isfinite([scale, x, y]).all() or scale <= 0:
        return None
    x1, y1, x2, y2 = (_number(person, name) for name in ('x1', 'y1', 'x2', 'y2'))
    return image, *joints, Extent.of_scale((y, x), scale), _HEAD_BIAS * np.hypot(x2 - x1, y2 - y1)


def parse_matlab(path: Path) -> dict[str, np.ndarray]:
    """Return the fields of :class:`People`; for :func:`hourglass.sandbox.read_in_child`."""
    release = read_variable(path, 'RELEASE', squeeze_me=True, struct_as_record=False)
    people = (_read_person(str(image.image.name), person)
              for image, is_training in zip(_structs(release.annolist), np.atleast_1d(release.img_train), strict=True)
              if is_training == 1 for person in _structs(getattr(image, 'annorect', None)))
    rows = [person for person in people if person is not None]
    if not rows:
        raise InputError(f'{path}: no person in a training image has a list of points')
    image, points, visible, extent, head_size = map(np.array, zip(*rows, strict=True))
    labelled = is_stored(points)
    return {'image': image, 'points': np.where(labelled[..., None], points, 0).astype(np.float32), 'labelled': labelled,
            'visible': visible & labelled, 'extent': extent, 'head_size': head_size}


def read_matlab(path: str | Path) -> People:
    """Read all people in MPII's training images who have a list of points, in the order of the file.

    The head size is 0.8 * 0.75 of the head box's diagonal.  Parsing takes a while, so the people are kept in the folder
    of downloads, under the checksum of the file.

    Raises:
        InputError: the file is missing, damaged, or something else.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f'{path}: no such file')
    place = cache_folder() / f'mpii-{_CACHE_VERSION}-{sha256_of(path)[:32]}.npz'
    try:
        with np.load(place, allow_pickle=False) as arrays:
            return People(**arrays)
    except Exception:
        # It is not there, or damaged, which NumPy reports with nearly any exception.
        print(f'Reading {path} (once; the next start is faster) ...', file=sys.stderr)
    people = People(**read_in_child('data.mpii.matlab:parse_matlab', path))
    try:
        with atomic_write(place) as partial:
            np.savez(partial, **vars(people))
    except InputError as error:
        print(f'The annotations will be parsed again next time: {error}', file=sys.stderr)
    return people
