"""People in the HDF5 layout of the Torch7 code (``train.h5``, ``valid.h5``).

One row a person, with ``x, y`` order:

==============  =========  ==================================================================================
key             shape      content
==============  =========  ==================================================================================
``imgname``     (N,)       name of the image; also in a text file beside, one a line
``center``      (N, 2)     middle of the crop, a little below MPII's objpos
``scale``       (N,)       side of the crop / 200, larger than MPII's scale
``part``        (N, 16, 2) joints; (0, 0) where not annotated
``visible``     (N, 16)    1 visible, 0 occluded or not annotated
``normalize``   (N,)       head size, 0.6 times the diagonal of the head box
``torsoangle``  (N,)       90 + angle of thorax - pelvis in degrees; 0 if one of them is not annotated
==============  =========  ==================================================================================

``center`` and ``scale`` are those of the crop by the rule of the reference, which is undone here.  (A later file of the
Torch7 code, ``annot.h5``, holds MPII's own values under the same names; it is not read here.)  The Torch7 code's files
also give ``index`` and ``person``, the person's place in MPII's file counted from 0, and hold ``part`` cut to whole
pixels.

Files of predictions have one key, ``preds`` (N, 16, 2), x and y in pixels; row i belongs to row i of such a file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from data.hdf5_file import write_hdf5
from data.mpii.people import N_JOINTS, People, is_stored
from hourglass.crop import PIXELS_PER_SCALE, Extent, Square, crop_square
from hourglass.errors import InputError
from hourglass.files import atomic_write
from hourglass.joints import MPII
from hourglass.sandbox import read_in_child
from hourglass.spec import ModelSpec

import h5py
import numpy as np

if TYPE_CHECKING:
    from data.person import PersonDataset

#: The rule that made centre and scale of these files, that of the reference.
_RULE = ModelSpec()

_SHAPES: dict[str, tuple[int, ...]] = {
    'center': (2,), 'scale': (), 'part': (N_JOINTS, 2), 'normalize': (), 'visible': (N_JOINTS,)}


def _open(path: Path) -> h5py.File:
    if not path.is_file():
        raise InputError(f'{path}: no such file')
    return h5py.File(path, 'r')


def _read_numbers(file: h5py.File, key: str, shape: tuple[int, ...]) -> np.ndarray:
    """Read (N, *shape) numbers as float64."""
    if key not in file:
        raise InputError(f'{file.filename}: has no {key!r}')
    data = file[key]
    if data.dtype.kind not in 'biuf' or data.ndim != len(shape) + 1 or data.shape[1:] != shape:
        wanted = ', '.join(['N', *map(str, shape)])
        raise InputError(f'{file.filename}: {key!r} has shape {data.shape} and type {data.dtype}, '
                         f'not ({wanted}) numbers')
    return data[()].astype(np.float64)


def names_file(path: Path) -> Path:
    """Return where the names of the images lie beside an HDF5 file: ``valid.h5``, ``valid_images.txt``."""
    return path.with_name(f'{path.stem}_images.txt')


def read_names(path: Path) -> list[str]:
    """Read a text file with one image name a line."""
    try:
        return path.read_text(encoding='utf-8').split()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f'{path}: cannot be read ({getattr(error, "strerror", None) or error})') from None


def _read_image_names(file: h5py.File, path: Path) -> np.ndarray:
    data = file.get('imgname')
    # Torch could not read texts from HDF5: some files have the names only beside them.
    if isinstance(data, h5py.Dataset) and data.ndim == 1 and data.dtype.kind in 'SO':
        return np.array([bytes(name).decode() for name in data[()]], str)
    if names_file(path).is_file():
        return np.array(read_names(names_file(path)), str)
    raise InputError(f'{path}: has no image names, and there is no {names_file(path).name} beside it')


def parse_hdf5(path: Path) -> dict[str, np.ndarray]:
    """Return the columns of a file and ``imgname``; for :func:`hourglass.sandbox.read_in_child`."""
    with _open(path) as file:
        columns = {key: _read_numbers(file, key, shape) for key, shape in _SHAPES.items()}
        return {**columns, 'imgname': _read_image_names(file, path)}


def parse_predictions(path: Path) -> dict[str, np.ndarray]:
    """Return ``preds`` (N, 16, 2), x and y; for :func:`hourglass.sandbox.read_in_child`."""
    with _open(path) as file:
        return {'preds': _read_numbers(file, 'preds', (N_JOINTS, 2))}


def read_predictions(path: str | Path) -> np.ndarray:
    """Read a file of predictions, (N, 16, 2) float64, (y, x).

    Raises:
        InputError: the file is missing, damaged, has another layout, or holds something that is no number.
    """
    path = Path(path)
    points = read_in_child('data.mpii.hdf5:parse_predictions', path)['preds']
    if unknown := int((~np.isfinite(points)).any(axis=-1).sum()):
        raise InputError(f'{path}: {unknown} of {points.shape[0] * points.shape[1]} joints are not finite numbers')
    return points[..., ::-1].copy()


def save_predictions(path: str | Path, points: np.ndarray) -> None:
    """Write predictions (N, 16, 2), (y, x); ``InputError`` if the file cannot be written, and then there is none."""
    with write_hdf5(Path(path)) as (file, _):
        file['preds'] = points[..., ::-1]


def read_hdf5(path: str | Path) -> People:
    """Read all rows of a file, also those in which no joint is labelled.

    Raises:
        InputError: the file is missing, damaged, or has another layout.
    """
    path = Path(path)
    columns = read_in_child('data.mpii.hdf5:parse_hdf5', path)
    if len({len(column) for column in columns.values()}) != 1:
        raise InputError(f'{path}: its columns have different lengths')
    if not np.isfinite(columns['center']).all() or not (columns['scale'] > 0).all():
        raise InputError(f'{path}: a person has no centre or no positive scale')
    # The Torch7 code's files mark a person without any point by -1 in `part` and `visible`.
    labelled = is_stored(columns['part']) & (columns['visible'] >= 0)
    head_size = columns['normalize']
    return People(
        image=columns['imgname'],
        points=np.where(labelled[..., None], columns['part'][..., ::-1], 0).astype(np.float32),
        labelled=labelled,
        visible=labelled & (columns['visible'] > 0),
        extent=np.array([Extent.of_square(Square(y, x, PIXELS_PER_SCALE * scale), _RULE) for (x, y), scale
                         in zip(columns['center'].tolist(), columns['scale'].tolist(), strict=True)]).reshape(-1, 4),
        head_size=np.where(head_size > 0, head_size, np.nan),
    )


def _torso_angles(points: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Return (N,) degrees, 0 for an upright person, from points (N, 16, 2) in (y, x)."""
    ends = [MPII.index('pelvis'), MPII.index('thorax')]
    dy, dx = np.moveaxis(points[:, ends[1]] - points[:, ends[0]], -1, 0)
    return np.where(labelled[:, ends].all(axis=1), 90 + np.degrees(np.arctan2(dy, dx)), 0.0)


def to_hdf5(dataset: PersonDataset, path: str | Path) -> None:
    """Write a data set's people in the Torch7 code's layout, and their images' names in a text file beside.

    ``mpii.h5`` goes with ``mpii_images.txt``.  :func:`read_hdf5` gives the same people.

    Args:
        dataset: people with MPII's joints.
        path: the HDF5 file to write; both files appear whole or not at all.

    Raises:
        InputError: the joints are not MPII's, the data set is empty, or the files cannot be written.
    """
    path = Path(path)
    people = list(dataset.people)
    if dataset.joint_set != MPII or not people:
        raise InputError(f'{path}: {dataset.name} has {len(people)} people with the joints of '
                         f'{dataset.joint_set.name}; the Torch7 code\'s layout is for MPII\'s')
    labelled = np.stack([person.labelled for person in people])
    points = np.where(labelled[..., None], np.stack([person.points for person in people]).astype(np.float64), 0)
    names = [person.image for person in people]
    squares = [crop_square(person.location, _RULE) for person in people]
    columns = {
        'imgname': np.array([name.encode() for name in names]),
        'center': np.array([(x, y) for y, x, _ in squares], np.float64),
        'scale': np.array([side for _, _, side in squares]) / PIXELS_PER_SCALE,
        'part': points[..., ::-1],
        'visible': (np.stack([person.visible for person in people]) & labelled).astype(np.float64),
        'normalize': np.array([person.reference_length for person in people], np.float64),
        'torsoangle': _torso_angles(points, labelled),
    }
    with atomic_write(names_file(path)) as partial_names, write_hdf5(path) as (file, _):
        partial_names.write_text(''.join(f'{name}\n' for name in names), encoding='utf-8')
        file.attrs['name'] = 'mpii'
        for key, column in columns.items():
            file[key] = column
