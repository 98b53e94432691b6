"""The settings of an evaluation, checked."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from data.coco.dataset import REFERENCES
from data.mpii.splits import PROTOCOLS
from data.sets import DATASETS, DatasetEntry
from hourglass.engine.choice import choose_engine
from hourglass.errors import InputError
from hourglass.files import check_targets
from hourglass.image import check_picture_name

PLOT_ENDINGS = ('.png', '.pdf', '.svg', '.jpg')


@dataclass(frozen=True)
class EvalConfig:
    """What to evaluate, on which people, and which files to write.

    Each attribute is the option of ``eval.py`` with the same name, and ``eval.py --help`` explains it; ``None`` stands
    for an option that is not given.  Paths may be ``pathlib`` objects.

    Raises:
        InputError: a value is out of range, or two options do not go together.
    """

    model: str | None = None
    snapshot: str | None = None
    dataset: str = 'mpii'
    root: str | None = None
    split: str | None = None
    protocol: str | None = None
    samples: int | None = None
    predictions: str | None = None
    annotations: str | None = None
    images: str | None = None
    joints: str | None = None
    normalise: str | None = None
    pck_threshold: float | None = None
    detections: str | None = None
    nms: float | None = None
    flip: bool = False
    batchsize: int = 16
    gpu: int = -1
    engine: str = 'auto'
    precision: str = 'f32'
    json: str | None = None
    csv: str | None = None
    plot: str | None = None
    compare: tuple[str, ...] = ()
    sheet: str | None = None
    save_predictions: str | None = None
    reliability: str | None = None
    calibrate: str | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, os.PathLike):
                object.__setattr__(self, field.name, os.fspath(value))
        paths = (self.compare,) if isinstance(self.compare, str) else self.compare
        object.__setattr__(self, 'compare', tuple(os.fspath(path) for path in paths))
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in (None, *choices):
                raise InputError(f'--{name} {getattr(self, name)}: there are {", ".join(choices)}')
        choose_engine(self.engine, self.precision, self.gpu)
        for name, holds, reason in _RULES:
            value = getattr(self, name)
            if not (value is None or value is False or value == ()) and not holds(self, value):
                raise InputError(f'--{name.replace("_", "-")} {reason}')

    @property
    def entry(self) -> DatasetEntry:
        """The data set."""
        return DATASETS[self.dataset]

    @property
    def is_own(self) -> bool:
        """Whether the people are predicted and come from a user's file with joints of its own."""
        return self.entry.is_own and self.predictions is None

    @property
    def is_coco(self) -> bool:
        """Whether OKS is scored: on COCO, or for predictions in COCO's results format."""
        return self.predictions.endswith('.json') if self.predictions is not None else self.dataset == 'coco'

    @property
    def weights(self) -> str | None:
        """The weights to evaluate, by name or as a file; ``None`` for the default."""
        return self.snapshot or self.model

    def check_files(self) -> None:
        """Check the names of the files to be written, before work that may take hours.

        Raises:
            InputError: a file cannot be written, or would replace one that is read.
        """
        check_targets((self.json, self.csv, self.plot, self.save_predictions, self.sheet, self.reliability,
                       self.calibrate),
                      (self.predictions, self.annotations, self.detections, self.model, self.snapshot, self.root,
                       self.joints, *self.compare))
        for plot in (self.plot, self.reliability):
            if plot and Path(plot).suffix.lower() not in PLOT_ENDINGS:
                raise InputError(f'{plot}: a plot ends with one of {", ".join(PLOT_ENDINGS)}')
        if self.sheet:
            check_picture_name(self.sheet)


_CHOICES: dict[str, tuple[str, ...]] = {
    'dataset': tuple(DATASETS), 'protocol': PROTOCOLS, 'normalise': tuple(REFERENCES)}

#: What an option that is given demands of its value and of the other options: name, condition, message.
_RULES: tuple[tuple[str, Callable[[EvalConfig, Any], bool], str], ...] = (
    ('samples', lambda c, v: v >= 1, 'must be at least 1'),
    ('batchsize', lambda c, v: v >= 1, 'must be at least 1'),
    ('nms', lambda c, v: 0 < v <= 1, 'must be above 0 and up to 1'),
    ('pck_threshold', lambda c, v: 0 < v < math.inf, 'must be a positive number'),
    ('calibrate', lambda c, v: v.endswith('.npz'), 'needs a file name that ends with .npz'),
    ('snapshot', lambda c, v: c.model is None, 'and --model exclude each other'),
    ('predictions', lambda c, v: c.annotations is not None, 'needs --annotations'),
    ('predictions', lambda c, v: c.weights is None, 'is scored without a network; leave out --model and --snapshot'),
    ('annotations', lambda c, v: c.predictions is not None or c.is_coco, 'needs --predictions or --dataset coco'),
    ('samples', lambda c, v: c.entry.has_samples, 'is for --dataset synthetic'),
    ('protocol', lambda c, v: c.entry.has_protocols, 'is for --dataset mpii'),
    ('protocol', lambda c, v: c.predictions is None, 'is not for --predictions: all people of --annotations count'),
    ('save_predictions', lambda c, v: c.predictions is None, 'is for a network; --predictions is a file already'),
    ('images', lambda c, v: c.is_coco or c.is_own, 'is for --dataset coco, csv and coco-json'),
    ('normalise', lambda c, v: c.is_coco or c.is_own, 'is for --dataset coco, csv and coco-json'),
    ('pck_threshold', lambda c, v: c.is_coco or c.is_own, 'is for --dataset coco, csv and coco-json'),
    ('joints', lambda c, v: c.is_own, 'is for --dataset csv and coco-json; elsewhere the weights decide'),
    ('detections', lambda c, v: c.is_coco, 'is for --dataset coco'),
    ('detections', lambda c, v: c.predictions is None, 'and --predictions exclude each other'),
    ('nms', lambda c, v: c.detections is not None, 'needs --detections'),
    ('csv', lambda c, v: c.detections is None, 'is a table of correct joints; --detections gives none'),
    ('sheet', lambda c, v: c.detections is None, 'shows annotated people, which --detections are not'),
    ('sheet', lambda c, v: c.predictions is None or c.is_coco, 'needs images, which HDF5 predictions have not'),
    ('reliability', lambda c, v: c.predictions is None and not c.is_coco, 'is for a network, and not for COCO'),
    ('calibrate', lambda c, v: c.predictions is None and not c.is_coco, 'is for a network, and not for COCO'),
    ('calibrate', lambda c, v: c.weights is not None, 'needs --model or --snapshot'),
    ('compare', lambda c, v: c.plot is not None, 'is for --plot'),
)
