"""The options of an evaluation, with their ranges, defaults and help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

from data.coco.dataset import REFERENCES
from data.mpii.splits import PROTOCOLS
from data.sets import DATASETS, DatasetEntry
from hourglass.config import document, flag_of, number, one_of, option, text, whole
from hourglass.detection import PERSON_CLASS_HELP, check_person_class, detector_file, detector_name
from hourglass.errors import InputError
from hourglass.files import check_targets
from hourglass.image import check_picture_name
from hourglass.options import PredictorConfig

PLOT_ENDINGS = ('.png', '.pdf', '.svg', '.jpg')

#: Headings of ``eval.py --help``.
GROUPS = {
    'network': None,
    'data': None,
    'predictions in a file': 'Scored without a network.',
    'COCO': None,
    'results': None,
}

_network = partial(option, group='network')
_data = partial(option, group='data')
_files = partial(option, group='predictions in a file')
_coco = partial(option, group='COCO')
_results = partial(option, group='results')


@document
@dataclass(frozen=True, kw_only=True)
class EvalConfig(PredictorConfig):
    """Weights, people and results of an evaluation: the options of ``eval.py``."""

    batchsize: int = _network(whole(1), 16, metavar='N', help='people that the network processes at once')

    dataset: str | None = _data(one_of(DATASETS), None, help='data set (default: mpii)')
    root: str | None = _data(
        text, None, metavar='DIR|FILE',
        help='folder of the data set; for csv, coco-json and packed the file (default: below data/)')
    split: str | None = _data(
        text, None, metavar='NAME',
        help='part of the data set (default: val; for lsp test, for lspet train-val, for coco val2017)')
    protocol: str | None = _data(
        one_of(PROTOCOLS), None,
        help='people of MPII to evaluate: the first of each image, as in the reference, or all, as in the Torch7 code '
             '(default: the protocol of the published weights, else one-per-image)')
    samples: int | None = _data(
        whole(1), None, metavar='N', help='number of people in the synthetic set (default: 1000)')
    images: str | None = _data(
        text, None, metavar='DIR',
        help='folder of the images of coco, csv and coco-json (default: below --root for coco, else beside the file)')
    joints: str | None = _data(
        text, None, metavar='NAME|FILE',
        help='joint set of csv and coco-json, by name or as a table (default: from the names of the joints there)')
    normalise: str | None = _data(
        one_of(REFERENCES), None,
        help='length that PCK divides errors by, on coco, csv and coco-json: that of the torso, or the longer side of '
             'the box (default: torso if the joint set has it)')
    pck_threshold: float | None = _data(
        number(0, above=True), None, metavar='T',
        help='largest error of a correct joint, in the lengths of --normalise, on coco, csv and coco-json (default: '
             '0.2; on csv and coco-json 0.1 with box)')

    predictions: str | None = _files(
        text, None, metavar='FILE',
        help='HDF5 in the layout of the Torch7 code (key preds), or .json in COCO\'s results format')
    annotations: str | None = _files(
        text, None, metavar='FILE',
        help='the annotated people of --predictions: HDF5 in the layout of the Torch7 code, or COCO\'s format; with '
             '--dataset coco the people to predict (default: below --root)')

    detections: str | None = _coco(
        text, None, metavar='FILE',
        help='find the joints in the boxes of this file (COCO\'s results format) and not in the annotated boxes')
    detector: str | None = _coco(
        detector_name, None, metavar='NAME[:FILE]',
        help='find the people with this detector, and score its boxes, too: bundled, bundled-fast, ssd512, onnx:FILE, '
             'boxes:FILE, or another one of demo_multi_person.py --help')
    detector_class: str | None = _coco(
        text, None, metavar='NAME|N', help=PERSON_CLASS_HELP)
    nms: float | None = _coco(
        number(0, 1, above=True), None, metavar='OKS',
        help='with --detections or --detector: leave out poses that are more similar than this to a better one, by '
             'object keypoint similarity (default: 0.9)')

    json: str | None = _results(text, None, metavar='FILE', help='write scores and curves; --compare reads them')
    csv: str | None = _results(
        text, None, metavar='FILE', help='write a table: one row for each joint, each group and the total')
    plot: str | None = _results(
        text, None, metavar='FILE',
        help='draw the score over the threshold for each group of joints; for COCO precision over recall, the '
             'distribution of OKS, and the score of each joint (.png, .pdf, .svg or .jpg)')
    compare: Sequence[str] = _results(
        text, (), count='+', metavar='JSON',
        help='compare the result with earlier ones, which --json has written: print a table of differences with '
             'bootstrap intervals, and draw all into --plot. Without --model, --dataset and --predictions, compare '
             'two or more earlier results alone')
    sheet: str | None = _results(
        text, None, metavar='FILE', help='write one picture of the people with the largest errors')
    save_predictions: str | None = _results(
        text, None, metavar='FILE',
        help='write the predicted joints: HDF5 in the layout of the Torch7 code; on COCO, COCO\'s results format')
    reliability: str | None = _results(
        text, None, metavar='FILE', help='draw how often a joint is right by its score (not for COCO)')
    calibrate: str | None = _results(
        text, None, metavar='FILE.npz',
        help='write the weights of --model or --snapshot again with calibrated scores, which are the rate of correct '
             'joints on this data (not for COCO)')

    def __post_init__(self) -> None:
        super().__post_init__()
        check_person_class(self.detector, self.detector_class)
        if self.is_comparison:
            for entry in fields(self):
                if entry.name not in ('compare', 'plot', 'json') and getattr(self, entry.name) != entry.default:
                    raise InputError(f'{flag_of(entry)} is for an evaluation; --compare without --model, --dataset or '
                                     '--predictions only compares files')
        for name, holds, reason in _RULES:
            if getattr(self, name) not in (None, ()) and not holds(self):
                raise InputError(f'{flag_of(EvalConfig.__dataclass_fields__[name])} {reason}')

    @property
    def entry(self) -> DatasetEntry:
        """The data set."""
        return DATASETS[self.dataset or 'mpii']

    @property
    def is_own(self) -> bool:
        """Whether the people are predicted and come from a user's file with joints of its own."""
        return self.entry.is_own and self.predictions is None

    @property
    def is_coco(self) -> bool:
        """Whether OKS is scored: on COCO, or for predictions in COCO's results format."""
        return self.predictions.lower().endswith('.json') if self.predictions is not None else self.dataset == 'coco'

    @property
    def is_comparison(self) -> bool:
        """Whether earlier results are compared and nothing is evaluated."""
        return bool(self.compare) and (self.weights, self.predictions, self.dataset) == (None, None, None)

    @property
    def has_detected(self) -> bool:
        """Whether the people to predict are detected, not annotated."""
        return self.detections is not None or self.detector is not None

    def check_files(self) -> None:
        """Check the names of the files to be written, before work that may take hours.

        Raises:
            InputError: a file cannot be written, or would replace one that is read.
        """
        check_targets((self.json, self.csv, self.plot, self.save_predictions, self.sheet, self.reliability,
                       self.calibrate),
                      (self.predictions, self.annotations, self.detections, self.model, self.snapshot, self.root,
                       self.joints, detector_file(self.detector), *self.compare))
        for plot in (self.plot, self.reliability):
            if plot and Path(plot).suffix.lower() not in PLOT_ENDINGS:
                raise InputError(f'{plot}: a plot ends with one of {", ".join(PLOT_ENDINGS)}')
        if self.sheet:
            check_picture_name(self.sheet)


#: What an option requires of the others: its name, the condition, and the message if the condition fails.
_RULES: tuple[tuple[str, Callable[[EvalConfig], Any], str], ...] = (
    ('predictions', lambda c: c.annotations is not None, 'needs --annotations'),
    ('predictions', lambda c: c.weights is None, 'is scored without a network; leave out --model and --snapshot'),
    ('annotations', lambda c: c.predictions is not None or c.is_coco, 'needs --predictions or --dataset coco'),
    ('samples', lambda c: c.entry.has_samples, 'is for --dataset synthetic'),
    ('protocol', lambda c: c.entry.has_protocols, 'is for --dataset mpii'),
    *((name, lambda c: c.predictions is None, 'and --predictions exclude each other')
      for name in ('protocol', 'save_predictions', 'detections', 'detector')),
    *((name, lambda c: c.is_coco or c.is_own, 'is for --dataset coco, csv and coco-json')
      for name in ('images', 'normalise', 'pck_threshold')),
    ('joints', lambda c: c.is_own, 'is for --dataset csv and coco-json; elsewhere the weights decide'),
    *((name, lambda c: c.is_coco, 'is for --dataset coco') for name in ('detections', 'detector')),
    ('detector', lambda c: c.detections is None, 'and --detections exclude each other'),
    ('nms', lambda c: c.has_detected, 'needs --detections or --detector'),
    *((name, lambda c: not c.has_detected, 'needs annotated people, not detected ones') for name in ('csv', 'sheet')),
    ('sheet', lambda c: c.predictions is None or c.is_coco, 'needs images, which HDF5 predictions have not'),
    *((name, lambda c: c.predictions is None and not c.is_coco, 'is for a network, and not for COCO')
      for name in ('reliability', 'calibrate')),
    ('calibrate', lambda c: c.weights is not None, 'needs --model or --snapshot'),
    ('calibrate', lambda c: str(c.calibrate).endswith('.npz'), 'needs a file name that ends with .npz'),
    ('compare', lambda c: len(c.compare) > 1 or not c.is_comparison,
     'needs two files; or --model, --dataset or --predictions to compare one with'),
)
