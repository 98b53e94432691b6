"""The description of a set of weights: sizes, joints, preprocessing and decoding."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hourglass.config import Kind, number, one_of, switch, whole
from hourglass.errors import InputError
from hourglass.foreign import printable
from hourglass.joint_table import check_name, from_table, to_table
from hourglass.joints import JOINT_SETS, JointSet

import numpy as np

if TYPE_CHECKING:
    from chainer import Chain


_SIZES = ('out_channels', 'n_stack', 'width', 'layer_num')

#: Networks that a weights file may name, and which entries of a :class:`ModelSpec` are their arguments.
NETWORKS = {'StackedHG': (*_SIZES, 'upsampling'), 'PreActivationHG': (*_SIZES, 'n_modules', 'wide_stem')}

#: Allowed values of the choices in a :class:`ModelSpec`.
CROPS = ('clip', 'pad', 'torch7')
CROP_LENGTHS = ('height', 'longer')
#: Entries of a :class:`ModelSpec` that define how a person is cut out.
CROP_ENTRIES = ('crop', 'crop_length', 'crop_shift', 'crop_margin')
DECODINGS = ('argmax', 'quarter-offset', 'dark', 'torch7')
#: How the lower branch of an hourglass gets the size of the upper one: bilinearly with aligned corners, or each pixel
#: repeated twice in both directions.
UPSAMPLINGS = ('bilinear', 'nearest')
#: Most points of a table of confidence.
_MAX_POINTS = 64
#: Entries of weights files that this project wrote before the present names.
_FORMER_NAMES: dict[tuple[str, str], tuple[str, Any]] = {
    ('refine', 'none'): ('decoding', 'argmax'), ('refine', 'quarter'): ('decoding', 'quarter-offset'),
    ('refine', 'gaussian'): ('decoding', 'dark'), ('refine', 'authors'): ('decoding', 'torch7'),
    ('grid', 'scaled'): ('align_corners', False), ('grid', 'aligned'): ('align_corners', True),
    ('crop', 'truncate'): ('crop', 'clip'), ('crop', 'affine'): ('crop', 'torch7'),
}
#: What an entry of a :class:`ModelSpec` may be (:mod:`hourglass.config`).
_KINDS: dict[str, Kind] = {
    'network': one_of(NETWORKS), 'crop': one_of(CROPS), 'crop_length': one_of(CROP_LENGTHS),
    'decoding': one_of(DECODINGS), 'upsampling': one_of(UPSAMPLINGS), 'wide_stem': switch, 'align_corners': switch,
    **dict.fromkeys((*_SIZES, 'n_modules'), whole(1, 4096)), 'layer_num': whole(1, 10),
    'crop_shift': number(-1, 1), 'crop_margin': number(0.1, 10),
}


@dataclass(frozen=True)
class ModelSpec:
    """Sizes, joints, preprocessing and decoding of a set of weights; the defaults are those of the reference (Chainer).

    Attributes:
        network: name of the class, a key of :data:`NETWORKS`.
        out_channels, n_stack, width, layer_num: arguments of every network, such as
            :class:`hourglass.network.StackedHG`.
        upsampling: argument of ``StackedHG``; a ``PreActivationHG`` always repeats pixels.
        n_modules, wide_stem: arguments of :class:`hourglass.preactivation.PreActivationHG`; a ``StackedHG`` allows
            only the defaults.
        joints: the joint set: the name of a built-in one (:data:`hourglass.joints.JOINT_SETS`), or a user's
            (:mod:`hourglass.joint_table`), which is stored whole.
        input_size: (height, width) of the network's input in pixels.
        crop: how a person is cut out.  ``clip``: the crop ends at the image's border and is then stretched to
            ``input_size``; ``pad``: outside of the image is black and nothing is distorted; ``torch7``: as ``pad``,
            with the pixels and rounding of the Torch7 code.
        crop_length: what counts as a person's length: the height of the person's box (``height``, as in the reference)
            or its longer side (``longer``).
        crop_shift: how far the crop's middle is below the person's, in lengths.
        crop_margin: side of the crop, in lengths.
        mean: subtracted from the channels R, G, B of an image in [0, 1].
        decoding: how a heatmap becomes a point.  ``argmax``: the highest cell; ``quarter-offset``: a quarter of a cell
            further towards the larger neighbour, in y and in x; ``dark``: the peak of the Gaussian through the highest
            cell and its neighbours, after smoothing (distribution-aware, Zhang et al., CVPR 2020); ``torch7``: as in
            the Torch7 code: negative responses count as zero, the quarter offset is left out at the border, and half a
            cell is added in y and in x.
        align_corners: which pixel a cell stands for: cell * size / cells; or, if true, cell * (size - 1) / (cells - 1),
            so that the first and last cell are the first and last pixel.
        confidence: calibration: points (peak of the heatmap, rate of correct joints), both rising, linear in between
            (``eval.py --calibrate``).  Without points, a joint's score is the peak.
    """

    network: str = 'StackedHG'
    out_channels: int = 16
    n_stack: int = 2
    width: int = 256
    layer_num: int = 4
    joints: str | JointSet = 'mpii'
    input_size: tuple[int, int] = (256, 256)
    crop: str = 'clip'
    crop_length: str = 'height'
    crop_shift: float = 15 / 200
    crop_margin: float = 1.25
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    decoding: str = 'argmax'
    align_corners: bool = False
    upsampling: str = 'bilinear'
    n_modules: int = 1
    wide_stem: bool = False
    confidence: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.joints, JointSet) and self.joints.name in JOINT_SETS:
            check_name(self.joints)
            object.__setattr__(self, 'joints', self.joints.name)  # one form for each set
        kinds = _KINDS if isinstance(self.joints, JointSet) else {**_KINDS, 'joints': one_of(JOINT_SETS)}
        for name, kind in kinds.items():
            value = getattr(self, name)
            try:
                object.__setattr__(self, name, kind(value))
            except ValueError as error:
                raise InputError(f'{name} is {printable(repr(value))}, not {error}') from None
        if self.width % 4:
            raise InputError(f'width is {self.width}, not a multiple of 4')
        if self.out_channels != len(self.joint_set):
            raise InputError(f'{self.out_channels} output channels for the {len(self.joint_set)} joints '
                             f'of {self.joints}')
        step = 4 * 2 ** self.layer_num
        if not _are_numbers(self.input_size, 2, step, 4096) or any(
                not isinstance(size, int) or size % step for size in self.input_size):
            raise InputError(f'input_size is {printable(str(self.input_size))}, not two multiples of {step}')
        if not _are_numbers(self.mean, 3, -1, 1):
            raise InputError(f'mean is {printable(str(self.mean))}, not three numbers for R, G and B')
        points = self.confidence
        is_table = isinstance(points, tuple) and len(points) <= _MAX_POINTS and all(
            _are_numbers(point, 2, 0, 1) for point in points)
        if not is_table or any(b[0] <= a[0] or b[1] < a[1] for a, b in pairwise(points)):
            raise InputError(f'confidence is not a table of at most {_MAX_POINTS} rising pairs of numbers from 0 to 1')

    def scores(self, heights: np.ndarray) -> np.ndarray:
        """Return the scores of joints whose heatmaps have these largest values, both in [0, 1]; float32."""
        if not self.confidence:
            return heights
        x, y = np.array(self.confidence).T
        return np.interp(heights, x, y).astype(np.float32)

    def score_of(self, height: float) -> float:
        """Return the score of a joint with this heatmap peak.

        Thresholds are peaks and not scores: a score is the rate of correct joints of people, and only the peak shows
        whether a person is there.
        """
        return float(self.scores(np.array([height], np.float32))[0])

    def with_decoding(self, decoding: str | None, source: str) -> ModelSpec:
        """Return a copy with another decoding; None keeps this one.

        Raises:
            InputError: one of the two decodings is ``torch7`` and the other is not; ``source`` names these weights.
        """
        # Targets of the two differ by half a cell.
        if decoding not in (None, self.decoding) and 'torch7' in (decoding, self.decoding):
            raise InputError(f'--decoding {decoding}: {source} has {self.decoding}, and torch7 cannot replace another '
                             'decoding, nor be replaced')
        return replace(self, decoding=decoding or self.decoding)

    @property
    def joint_set(self) -> JointSet:
        return self.joints if isinstance(self.joints, JointSet) else JOINT_SETS[self.joints]

    @property
    def topology(self) -> dict[str, Any]:
        """The network's name and arguments: everything that its weights depend on."""
        return {'network': self.network, **{name: getattr(self, name) for name in NETWORKS[self.network]}}

    def build_network(self) -> Chain:
        """Create the network with random parameters."""
        # Chainer is imported only here.
        from hourglass.network import StackedHG
        from hourglass.preactivation import PreActivationHG

        kind = StackedHG if self.network == 'StackedHG' else PreActivationHG
        return kind(**{name: getattr(self, name) for name in NETWORKS[self.network]})

    def to_json(self) -> str:
        """Return everything as JSON, a user's joints as their table."""
        values = {name: getattr(self, name) for name in sorted(self.__dataclass_fields__)}
        if not self.confidence:
            del values['confidence']  # which files and snapshots of older versions do not have
        if isinstance(self.joints, JointSet):
            values['joints'] = to_table(self.joints)
        return json.dumps(values)

    @classmethod
    def from_json(cls, text: str) -> ModelSpec:
        """Read the JSON of :meth:`to_json`; missing entries have their defaults.

        Raises:
            InputError: the text is not such JSON, or has unknown entries or values.
        """
        try:
            values: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f'the description of the network is not JSON ({error})') from None
        if not isinstance(values, dict):
            raise InputError('the description of the network is not a JSON object')
        # Networks with padded crops from before these entries were trained with the person's middle in the crop's.
        if 'refine' in values and values.get('crop') == 'pad':
            values = {'crop_length': 'longer', 'crop_shift': 0.0, **values}
        values = dict(_FORMER_NAMES.get((name, str(value)), (name, value)) for name, value in values.items())
        unknown = sorted(set(values) - set(cls.__dataclass_fields__))
        if unknown:
            raise InputError('the description of the network has unknown entries: '
                             f'{printable(", ".join(unknown), 200)}')
        if isinstance(values.get('joints'), dict):
            values['joints'] = from_table(values['joints'], 'the joints of the network')
        return cls(**{name: _to_tuple(value) for name, value in values.items()})


def _to_tuple(value: Any) -> Any:
    """Return a list of JSON, and those in it, as tuples."""
    return tuple(map(_to_tuple, value)) if isinstance(value, list) else value


def _are_numbers(values: Any, count: int, low: float, high: float) -> bool:
    return isinstance(values, tuple) and len(values) == count and all(
        isinstance(value, int | float) and low <= value <= high for value in values)
