"""Options that several scripts share: which weights, how they are run, how poses are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from hourglass.config import Options, number, one_of, option, switch, text, whole
from hourglass.engine.choice import ENGINES, PRECISIONS, choose_engine
from hourglass.errors import InputError

if TYPE_CHECKING:
    from hourglass.predictor import PosePredictor

#: Score of a joint from which its limbs are drawn at all, and from which they are not faint: in pictures, in videos and
#: on the camera page.
MIN_SCORE, CLEAR_SCORE = 0.2, 0.5
#: Styles of :mod:`hourglass.draw`.
STYLES = ('clear', 'reference')

_network = partial(option, group='network')
_drawing = partial(option, group='drawing')

#: Help of the options that choose the weights.
MODEL_HELP = ('weights, by name ("python -m pretrained list") or as a file (default: the published ones if they can be '
              'downloaded, else the bundled ones)')
SNAPSHOT_HELP = 'snapshot of a training, to take the weights from'


@dataclass(frozen=True, kw_only=True)
class PredictorConfig(Options):
    """Which weights to load, and what runs them.

    Every attribute is an option of the scripts, whose ``--help`` explains it.

    Raises:
        InputError: a value is out of its range, or two do not go together.
    """

    model: str | None = _network(text, None, metavar='NAME|FILE', help=MODEL_HELP)
    snapshot: str | None = _network(text, None, metavar='FILE', help=SNAPSHOT_HELP)
    flip: bool = _network(
        switch, False, help='average the heatmaps of each crop and of its mirror image: more accurate, twice the work')
    gpu: int = _network(whole(-1), -1, metavar='N', help='number of the GPU; -1 is the CPU')
    engine: str = _network(
        one_of(ENGINES), 'auto',
        help='what runs the network; auto takes the fastest one that is installed, and chainer on a GPU')
    precision: str = _network(
        one_of(PRECISIONS), 'f32',
        help='arithmetic of the network: f32, single precision; int8, up to twice as fast and about as accurate; bf16, '
             'which needs openvino and a CPU with AMX')

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model is not None and self.snapshot is not None:
            raise InputError('--model and --snapshot exclude each other')
        choose_engine(self.engine, self.precision, self.gpu)

    @property
    def weights(self) -> str | None:
        """The weights, by name or as a file; ``None`` for the default."""
        return self.snapshot or self.model

    def load_predictor(self, batchsize: int = 16, weights: str | None = None) -> PosePredictor:
        """Load the network; ``InputError`` if the weights or the GPU are not there, or cannot be used.

        Args:
            batchsize: crops that go through the network at once.
            weights: by default those of this configuration.
        """
        from hourglass.predictor import PosePredictor

        return PosePredictor.load(weights or self.weights, self.gpu, self.flip, batchsize, self.engine, self.precision)


@dataclass(frozen=True, kw_only=True)
class DrawingConfig(Options):
    """How poses are drawn."""

    style: str | None = _drawing(
        one_of(STYLES), None,
        help='clear: the left side is lighter, joints are dots, unsure limbs are faint; reference: plain lines and all '
             'limbs, as the reference draws (default: clear; with the published weights demo.py takes reference)')
    threshold: float | None = _drawing(
        number(0, 1), None, metavar='SCORE',
        help='leave out limbs with a joint that scores less, from 0 to 1 '
             f'(default: {MIN_SCORE:g}; 0 with --style reference)')
    line_width: int | None = _drawing(
        whole(1, 1000), None, metavar='PIXELS', help='width of the limbs (default: from the size of picture or person)')
    legend: bool = _drawing(switch, False, help='explain colours and shades in a corner of the picture')

    def drawing(self, default: str = 'clear') -> dict[str, Any]:
        """Return arguments for the functions of :mod:`hourglass.draw`; ``default`` is the style without an option."""
        style = self.style or default
        threshold = 0.0 if style == 'reference' else MIN_SCORE
        return {'style': style, 'threshold': threshold if self.threshold is None else self.threshold,
                'line_width': self.line_width, 'legend': self.legend}
