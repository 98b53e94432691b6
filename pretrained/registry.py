"""Weights by name: where they are, what network they are for, and how good they are."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from hourglass.errors import InputError
from hourglass.spec import ModelSpec
from pretrained import download
from pretrained.transfer import Source
from pretrained.weights_file import Model, load_model

BUNDLED_FOLDER = Path(__file__).with_name('bundled')

#: Readers by the name of a format: path to model.  A format without its own description gets the entry's.
READERS: dict[str, Callable[[Path], Model]] = {'npz': load_model}


@dataclass(frozen=True)
class Score:
    """A result that was published with weights.

    Attributes:
        protocol: the measure, the data it was taken on, and how.
        values: fraction of correct joints by the name of the group.
    """

    protocol: str
    values: dict[str, float]

    def __str__(self) -> str:
        return f'{self.protocol}: ' + ', '.join(f'{name} {value:.3f}' for name, value in self.values.items())


@dataclass(frozen=True)
class Entry:
    """Weights that have a name.

    Attributes:
        name: what users call them.
        file: name of the file, in the cache folder or, without sources, in :data:`BUNDLED_FOLDER`.
        description: one line.
        spec: the network.
        sources: where the file can be downloaded, tried in this order.
        scores: published results.
        max_bytes: no larger file is downloaded.
        sha256: the file's checksum, where it is known.
        reader: the format, a key of :data:`READERS`.
    """

    name: str
    file: str
    description: str
    spec: ModelSpec
    sources: tuple[Source, ...] = ()
    scores: tuple[Score, ...] = ()
    max_bytes: int = 256 * 1024 ** 2
    sha256: str | None = None
    reader: str = 'npz'

    @property
    def path(self) -> Path:
        """Where the file is, or will be once it is downloaded."""
        return (download.cache_folder() if self.sources else BUNDLED_FOLDER) / self.file

    @property
    def is_there(self) -> bool:
        """Whether there is a file, of whatever content (os.path: a folder that cannot be read is no error here)."""
        return os.path.exists(self.path)


_GROUPS = ('Head', 'Shoulder', 'Elbow', 'Wrist', 'Hip', 'Knee', 'Ankle')


def _score(protocol: str, *values: float, mean: float | None = None) -> Score:
    named = dict(zip(_GROUPS, values, strict=True))
    return Score(protocol, named if mean is None else {**named, 'Mean': mean})


_ENTRIES = (
    Entry(
        name='published',
        file='model_2018_05_22.npz',
        description='the published weights of the Chainer re-implementation, trained on MPII',
        spec=ModelSpec(),
        sources=(
            Source('Google Drive', 'drive', '1rZZJRpqQKkncn30Igtk8KirgR96QlCFO'),
            Source('GitHub release', 'https',
                   'https://github.com/fujibo/poseHG/releases/download/1.0.1/model_2018_05_22.npz'),
        ),
        scores=(
            _score('PCKh@0.5, MPII validation, one person an image', .952, .930, .866, .821, .839, .814, .790),
            _score('the same with the mirror image averaged in', .955, .935, .874, .828, .854, .827, .801),
        ),
    ),
    Entry(
        name='bundled',
        file='hourglass-small-lsp14.npz',
        description='small weights that come with the project, trained on LSP; bundled/MODEL_CARD.md tells more',
        spec=ModelSpec(out_channels=14, n_stack=2, width=64, layer_num=3, joints='lsp', input_size=(128, 128),
                       crop='pad', refine='quarter', grid='aligned'),
        scores=(
            _score('PCK@0.2, LSP test half, averaged over the image and its mirror image',
                   .952, .839, .747, .678, .844, .800, .749, mean=.801),
        ),
        sha256='a7123923de40333e35289053df1fc26c3f374ccd9939a7fb1d8626276ec0ef70',
    ),
)

#: All weights that have a name, by it.
REGISTRY = {entry.name: entry for entry in _ENTRIES}


def find(name: str) -> Entry:
    """Return an entry by its name; ``InputError`` lists the names there are."""
    if name not in REGISTRY:
        raise InputError(f'{name}: no weights of this name; there are {", ".join(REGISTRY)}')
    return REGISTRY[name]


def read(entry: Entry, path: Path) -> Model:
    """Read a file as the weights of an entry.

    Raises:
        InputError: the file cannot be read, or is for another network.
    """
    model = READERS[entry.reader](path)
    if (differing := _size_of(model.spec)) != _size_of(entry.spec):
        raise InputError(f'{path}: a network of another size, {differing} instead of {_size_of(entry.spec)}')
    return replace(model, spec=entry.spec, source=f'{entry.name} ({path})')


def fetch(name: str, connect_seconds: float = 10.0, wait_seconds: float = 600.0) -> Path:
    """Return the file of named weights, downloading it if it is not there or is damaged.

    Args:
        name: a key of :data:`REGISTRY`.
        connect_seconds: time to reach each server.
        wait_seconds: time to wait for another process that downloads the same.

    Raises:
        InputError: the name is unknown, or no source delivered the file.
    """
    entry = find(name)
    if not entry.sources:
        return entry.path
    return download.fetch(entry.file, entry.sources, lambda path: read(entry, path), entry.max_bytes,
                          connect_seconds, wait_seconds)


def resolve(name_or_path: str | os.PathLike[str]) -> Path:
    """Return the path of a weights file, downloading named weights that are not in the cache folder yet.

    Args:
        name_or_path: a key of :data:`REGISTRY`, or else the path of a file.  A name comes first; write
            ``./published`` for a file of that name.

    Raises:
        InputError: there is neither such a name nor such a file, or the download failed.
    """
    if name_or_path in REGISTRY:
        entry = REGISTRY[str(name_or_path)]
        return entry.path if entry.is_there else fetch(entry.name)
    path = Path(name_or_path)
    if not os.path.exists(path) and len(path.parts) == 1:
        raise InputError(f'{path}: no such file, and no weights of this name ({", ".join(REGISTRY)})')
    return path


def load(name_or_path: str | os.PathLike[str]) -> Model:
    """Load weights by name or from a file (:func:`resolve`, :func:`pretrained.weights_file.load_model`)."""
    path = resolve(name_or_path)
    if name_or_path not in REGISTRY:
        return load_model(path)
    entry = REGISTRY[str(name_or_path)]
    try:
        return read(entry, path)
    except InputError as error:
        if not entry.sources:
            raise
        raise InputError(f'{error}; python -m pretrained fetch {entry.name} downloads it anew') from None


def load_default() -> Model:
    """Load the published weights if they are in the cache folder or can be downloaded, else the bundled ones.

    A machine without a network gets the bundled ones within seconds, and a download that failed is not tried
    again for an hour.

    Returns:
        The model.  Its ``source`` is a line for the user that says which weights these are and why.
    """
    entry = REGISTRY['published']
    try:
        if not entry.is_there:
            if reason := download.recent_failure(entry.file):
                raise InputError(f'{entry.file} could not be downloaded a while ago ({reason}); '
                                 f'python -m pretrained fetch {entry.name} tries again')
            fetch(entry.name, connect_seconds=2.0, wait_seconds=60.0)
        model = load(entry.name)
    except InputError as error:
        model = load('bundled')
        return replace(model, source=f'using the bundled weights, {_summary(model.spec)}: {error}')
    return replace(model, source=f'using the published weights, {_summary(model.spec)}: {entry.path}')


def _summary(spec: ModelSpec) -> str:
    height, width = spec.input_size
    return f'{spec.n_stack} stacks of width {spec.width}, {spec.out_channels} joints, {width}x{height} input'


def _size_of(spec: ModelSpec) -> dict[str, int]:
    return {name: getattr(spec, name) for name in ('out_channels', 'n_stack', 'width', 'layer_num')}
