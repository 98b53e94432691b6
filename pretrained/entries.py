"""The table of weights that have a name: files, networks, sources and published scores."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from hourglass import download
from hourglass.box_codec import finder_spec
from hourglass.download import Source
from hourglass.spec import ModelSpec
from hourglass.wording import counted
from pretrained.topology import BEARPAW_MEAN, TORCH7_CODE

#: Folder of the weights that are included.
BUNDLED_FOLDER = Path(__file__).with_name('bundled')


@dataclass(frozen=True)
class Score:
    """A result that was published with weights.

    Attributes:
        protocol: the measure, the data, and the way of evaluation.
        values: rate of correct joints by the name of the group.
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
        spec: the network; its table of confidence is the file's.
        sources: where the file can be downloaded, tried in this order.
        scores: published results.
        max_bytes: no larger file is downloaded.
        sha256: the file's checksum, or its first digits, where they are known.
        protocol: people of MPII's validation images that count by default: ``one-per-image``, or ``all`` (Torch7 code).
        has_known_sizes: whether the file must have the sizes of ``spec``; otherwise the sizes are those of the file.
    """

    name: str
    file: str
    description: str
    spec: ModelSpec
    sources: tuple[Source, ...] = ()
    scores: tuple[Score, ...] = ()
    max_bytes: int = 256 * 1024 ** 2
    sha256: str | None = None
    protocol: str = 'one-per-image'
    has_known_sizes: bool = True

    @property
    def path(self) -> Path:
        """Where the file is, or will be once it is downloaded."""
        return (download.cache_folder() if self.sources else BUNDLED_FOLDER) / self.file

    @property
    def is_there(self) -> bool:
        """Whether there is a file, of whatever content (os.path: a folder that cannot be read is no error here)."""
        return os.path.exists(self.path)


_GROUPS = ('Head', 'Shoulder', 'Elbow', 'Wrist', 'Hip', 'Knee', 'Ankle')


def _score(protocol: str, *values: float | None, **more: float) -> Score:
    """Make a score of the values of the groups, None for a value that was not published, and of others by name."""
    named = zip(_GROUPS, values, strict=True)
    return Score(protocol, {**{name: value for name, value in named if value is not None}, **more})


_BEARPAW_URL = 'https://github.com/anibali/pytorch-stacked-hourglass/releases/download/v0.0.0/'


def _bearpaw(n_stack: int, digits: str, *scores: Score) -> Entry:
    """Return the row of a PyTorch file whose name ends with the first digits of its checksum."""
    file = f'bearpaw_hg{n_stack}-{digits}.pth'
    size = counted(n_stack, 'stack')
    return Entry(
        name=f'bearpaw-hg{n_stack}', file=file,
        description=f"a PyTorch port of the Torch7 network with {size}, trained on MPII",
        spec=ModelSpec('PreActivationHG', n_stack=n_stack, wide_stem=True, upsampling='nearest',
                       mean=BEARPAW_MEAN, **TORCH7_CODE),
        sources=(Source('GitHub release', 'https', _BEARPAW_URL + file),), scores=scores, sha256=digits,
        protocol='all',
    )


_ENTRIES = (
    Entry(
        name='published',
        file='model_2018_05_22.npz',
        description='the published weights of the reference (Chainer), trained on MPII',
        spec=ModelSpec(),
        sources=(
            Source('Google Drive', 'drive', '1rZZJRpqQKkncn30Igtk8KirgR96QlCFO'),
            Source('GitHub release', 'https',
                   'https://github.com/fujibo/poseHG/releases/download/1.0.1/model_2018_05_22.npz'),
        ),
        scores=(
            _score('PCKh@0.5, MPII validation, one person per image', .952, .930, .866, .821, .839, .814, .790),
            _score('the same with the mirror image averaged in', .955, .935, .874, .828, .854, .827, .801),
        ),
    ),
    Entry(
        name='bundled',
        file='hourglass-small-mpii-coco.npz',
        description="small weights that are included: MPII's joints and COCO's face, trained on LSP, MPII and COCO; "
                    'see bundled/MODEL_CARD.md',
        spec=ModelSpec(out_channels=21, n_stack=3, width=64, layer_num=3, joints='mpii-coco', input_size=(192, 192),
                       crop='pad', crop_length='longer', crop_shift=0.0, decoding='dark', align_corners=True),
        scores=(
            _score('PCK@0.2, 100 people of LSP whom only earlier weights had seen, averaged over the image and its '
                   'mirror image', .965, .925, .845, .780, .880, .905, .860, Mean=.880),
        ),
        sha256='8819d149f98db916f56455621a344bca592bb8c9c4b4a684e041e2b8c927669a',
    ),
    Entry(
        name='person-finder',
        file='hourglass-person-finder.npz',
        description='finds the people in a picture (--detector bundled); included; see bundled/FINDER_CARD.md',
        spec=finder_spec(),
        sha256='036f23d1b00b067de793069d4edc2c45ecebe3d5e3f6dc6b3f226a8c2d286327',
    ),
    Entry(
        name='umich',
        file='umich-stacked-hourglass.zip',
        description='the weights of the Torch7 code, trained on MPII; the sizes are read from the file',
        spec=ModelSpec('PreActivationHG', n_stack=8, upsampling='nearest', **TORCH7_CODE),
        sources=(Source("the project page", 'https',
                        'https://www-personal.umich.edu/~alnewell/pose/umich-stacked-hourglass.zip'),),
        scores=(
            _score('PCKh@0.5, MPII validation, all 2,958 people',
                   .968, .952, .891, .842, None, .832, .804, Total=.881),
            _score('PCKh@0.5, MPII validation, one person per image',
                   .975, .960, .901, .861, None, .853, .823, Total=.896),
        ),
        max_bytes=512 * 1024 ** 2,
        protocol='all',
        has_known_sizes=False,
    ),
    _bearpaw(1, 'ce125879'),
    _bearpaw(2, '15e342d9', _score('PCKh@0.5, MPII validation', .9615, .9489, .8814, .8378, .8743, .8219, .7787,
                                   Mean=.8733)),
    _bearpaw(8, '90e5d470'),
)

#: All weights that have a name, by their name.
REGISTRY = {entry.name: entry for entry in _ENTRIES}
