"""Packed people: cut out of their images once, in one HDF5 file, so that training does not read whole images.

For each person the file holds a square about the middle, ``margin`` times as long as the side of the crop.  It ends at
the image's border, and is scaled so that the side of the crop is ``size`` pixels.  The margin leaves context for
rotation and for other ways of cropping.  Points, location and reference length are in the pixels of the stored image,
so a packed person is used like any other.  Scores are the same, because errors are relative.

Layout: the file begins with :data:`MARK` and a checksum of everything after it (:mod:`data.hdf5_file`).  Attributes
``joints``, ``dataset``, ``size``, ``margin``, ``threshold``; a group for each split (``train``, and ``val`` if the set
has one) with ``images`` (N, 3, S, S) uint8, a chunk for each person, of which ``shape`` (N, 2) is used; ``points``
(N, K, 2), ``labelled``, ``visible`` (N, K), ``location`` (N, 4), ``reference_length`` (N,), ``names`` (N,).
``location`` is y, x, height and width of the person, or y, x, side and NaN of the square to cut out
(:mod:`hourglass.crop`).  A user's joints are in ``joint_table``, bytes of JSON (:mod:`hourglass.joint_table`).
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data.hdf5_file import check_front, write_hdf5
from data.person import FARTHEST, EmptySplitError, Person, PersonDataset, make_people
from hourglass.crop import Extent, Square, crop_box, cut, whole_person
from hourglass.errors import InputError
from hourglass.joint_table import from_table, to_table
from hourglass.joints import JOINT_SETS, JointSet

import h5py
import numpy as np
from tqdm import tqdm

#: How a file begins; the number is raised with every change of the layout.
MARK = b'hourglass-packed-3\n'
COMPRESSIONS = ('none', 'lzf', 'gzip')
#: Splits by name, and the groups they are made of.
SPLITS = {'train': ('train',), 'val': ('val',), 'trainval': ('train', 'val')}
_FIELDS = ('shape', 'points', 'labelled', 'visible', 'location', 'reference_length', 'names')
_MAX_SIZE = 2048


def pack_person(image: np.ndarray, person: Person, size: int, margin: float) -> tuple[np.ndarray, Person]:
    """Cut a person out with some margin.

    Args:
        image: (3, H, W) float32, RGB in [0, 255].
        person: the annotation.
        size: side of the crop in the stored image, in pixels.
        margin: side of the square that is stored, in sides of the crop.

    Returns:
        (3, h, w) uint8, h and w at most ``size * margin`` plus one; and the person in its pixels.
    """
    square = whole_person(person.location)
    box = crop_box(square._replace(side=square.side * margin), image.shape[1:], 'clip')
    largest = math.ceil(size * margin) + 1
    height, width = (min(max(1, round(length * size / square.side)), largest) for length in box.shape)
    pixels = cut(image, box, (height, width), 'clip')
    # The two factors differ by the rounding of height and width; lengths are measured by their mean.
    scale = np.array([height, width]) / np.array(box.shape)
    mean = float(np.sqrt(scale.prod()))
    points = np.where(person.labelled[:, None], (person.points.astype(np.float64) - box.corner) * scale, 0)
    middle = (np.array(person.location[:2]) - box.corner) * scale
    location = type(person.location)(*middle.tolist(), *(mean * length for length in person.location[2:]))
    packed = Person(person.image, points.astype(np.float32), person.labelled, person.visible, location,
                    person.reference_length * mean)
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8), packed


def _write_split(
    group: h5py.Group, dataset: PersonDataset, size: int, margin: float, compression: str, check: Callable[[], None],
) -> None:
    n, side = len(dataset), math.ceil(size * margin) + 1
    images = group.create_dataset('images', (n, 3, side, side), np.uint8, chunks=(1, 3, side, side),
                                  compression=None if compression == 'none' else compression)
    people, shapes = [], []
    for i in tqdm(range(n), dataset.name, unit='person', dynamic_ncols=True, disable=None):
        image, person = dataset[i]
        pixels, person = pack_person(image, person, size, margin)
        canvas = np.zeros((3, side, side), np.uint8)
        canvas[:, :pixels.shape[1], :pixels.shape[2]] = pixels
        images[i] = canvas
        check()
        people.append(person)
        shapes.append(pixels.shape[1:])
    fields = {
        'shape': np.array(shapes, np.int32),
        'names': np.array([person.image.encode() for person in people], object),
        **{name: np.stack([getattr(person, name) for person in people]) for name in ('points', 'labelled', 'visible')},
        'location': np.array([(*person.location, np.nan)[:4] for person in people], np.float64),
        'reference_length': np.array([person.reference_length for person in people], np.float64),
    }
    for name, array in fields.items():
        group.create_dataset(name, data=array, dtype=h5py.string_dtype() if name == 'names' else None)
    group.attrs['name'] = dataset.name


def check_sizes(size: int, margin: float) -> None:
    """Raise ``InputError`` for a size or margin that is out of range."""
    if not 16 <= size <= _MAX_SIZE:
        raise InputError(f'--size must be from 16 to {_MAX_SIZE}')
    if not 1 <= margin <= 4:
        raise InputError('--margin must be from 1 to 4')


def pack(datasets: dict[str, PersonDataset], path: Path, source: str, threshold: float, size: int = 256,
         margin: float = 1.5, compression: str = 'lzf') -> None:
    """Write data sets to a file, which appears whole or not at all.

    Args:
        datasets: by split, ``train`` and perhaps ``val``; all with the same joint set.
        path: the file.
        source: name of the data set, for messages.
        threshold: largest error of a correct joint in reference lengths, for validation.
        size: side of a person's crop in the stored image, in pixels.
        margin: side of the square that is stored, in sides of the crop.
        compression: a name in :data:`COMPRESSIONS`.
    """
    check_sizes(size, margin)
    with write_hdf5(path, MARK) as (file, check):
        joint_set = next(iter(datasets.values())).joint_set
        file.attrs.update(joints=joint_set.name, dataset=source, size=size, margin=margin,
                          threshold=threshold)
        if joint_set.name not in JOINT_SETS:
            file['joint_table'] = np.frombuffer(json.dumps(to_table(joint_set)).encode(), np.uint8)
        for split, dataset in datasets.items():
            _write_split(file.create_group(split), dataset, size, margin, compression, check)


@contextmanager
def _open_whole(path: Path) -> Iterator[h5py.File]:
    """Open a file after a check of its checksum; ``InputError`` if its content is not as expected."""
    if not path.is_file():
        raise InputError(f'{path}: no such file; python -m data pack writes one')
    if not check_front(path, MARK):
        raise InputError(f'{path}: not a file of packed people of this version (python -m data pack writes one)')
    try:
        with h5py.File(path, 'r') as file:
            yield file
    except (OSError, RuntimeError, LookupError, TypeError, ValueError, AttributeError, MemoryError) as error:
        # What h5py, JSON and NumPy raise if another program wrote the file, with the right checksum.
        raise InputError(f'{path}: not a file of packed people ({error})') from None


def _read_joint_set(path: Path, file: h5py.File) -> JointSet:
    """Return the joints of packed people."""
    if 'joint_table' in file:
        return from_table(json.loads(file['joint_table'][()].tobytes()), f'{path}: joint_table')
    return JOINT_SETS[file.attrs['joints']]


class PackedDataset(PersonDataset):
    """People from a file that :func:`pack` wrote.

    Args:
        root: the file.
        split: ``train``, ``val`` or ``trainval``.
        joint_set: joints wanted; by default those of the file.

    Attributes:
        threshold: largest error of a correct joint, as for the data set that was packed.

    Raises:
        InputError: the file is missing, damaged or of another kind; also when a damaged image is read.
    """

    has_image_files = False

    def __init__(self, root: str | os.PathLike[str], split: str = 'train', joint_set: JointSet | None = None) -> None:
        path = Path(root)
        if split not in SPLITS:
            raise InputError(f'packed people have no split {split!r}; there are {", ".join(SPLITS)}')
        self.path = path
        self._owner, self._file = -1, None
        # Where each person is: group and number.
        self._places: list[tuple[str, int]] = []
        self._shapes: list[tuple[int, int]] = []
        people: list[Person] = []
        with _open_whole(path) as file:
            source = _read_joint_set(path, file)
            self.threshold = float(file.attrs['threshold'])
            for name in SPLITS[split]:
                if name in file:
                    people += self._read_split(file[name], name, source, joint_set or source)
                elif split != 'trainval':
                    raise EmptySplitError(f'{path}: holds no people for the split {split!r}')
            title = f'{file.attrs["dataset"]} {split} (packed)'
        super().__init__(title, joint_set or source, people, path.parent)

    @classmethod
    def joints_of(cls, root: str | os.PathLike[str]) -> JointSet:
        """Return the joints that a file has."""
        with _open_whole(Path(root)) as file:
            return _read_joint_set(Path(root), file)

    def _read_split(self, group: Any, name: str, source: JointSet, wanted: JointSet) -> list[Person]:
        fields, pixels = {name: group[name][()] for name in _FIELDS}, group['images']
        location, side = fields['location'], pixels.shape[-1]
        # A square has no fourth number; a comparison with NaN is false.
        if (pixels.dtype, pixels.shape) != (np.uint8, (len(fields['names']), 3, side, side)) or (
                fields['shape'] < 1).any() or (location[:, 3] > FARTHEST).any() or not (
                abs(location[:, :3]) <= FARTHEST).all():
            raise ValueError(f'impossible images, shapes or locations in {name}')
        images = [image.decode() for image in fields['names']]
        locations = [Square(*row[:3]) if math.isnan(row[3]) else Extent(*row) for row in location.tolist()]
        self._places += [(name, i) for i in range(len(images))]
        self._shapes += [(int(h), int(w)) for h, w in fields['shape']]
        return make_people(images, fields['points'], fields['labelled'], fields['visible'],
                           locations, fields['reference_length'], source, wanted)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_file': None, '_owner': -1}

    def _open(self) -> Any:
        # An open HDF5 file must not be shared with a forked process.
        if self._owner != os.getpid():
            self._file, self._owner = h5py.File(self.path, 'r'), os.getpid()
        return self._file

    def get_example(self, i: int) -> tuple[np.ndarray, Person]:
        group, number = self._places[i]
        try:
            pixels = self._open()[group]['images'][number]
        except (OSError, KeyError, RuntimeError) as error:
            raise InputError(f'{self.path}: {group} {number} cannot be read ({error})') from None
        height, width = self._shapes[i]
        return pixels[:, :height, :width].astype(np.float32), self.people[i]
