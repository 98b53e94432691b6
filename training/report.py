"""Reports of a training: the log, its curves, a picture of some people, events for TensorBoard."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from data.person import PersonDataset
from data.transform import crop_person
from hourglass.codec import decode_for
from hourglass.draw import draw_pose, draw_tiles
from hourglass.errors import InputError
from hourglass.files import atomic_write
from hourglass.image import write_image
from hourglass.predictor import PosePredictor
from training.watch import SCORE

import cv2
import numpy as np
from chainer.training import Extension, Trainer

_FIRST_COLUMNS = ('epoch', 'iteration', 'elapsed_time', 'lr', 'main/loss')
#: People in ``people.jpg``, and height and width of each picture in pixels.
_PEOPLE, _PANEL = 8, 192


class LogFiles(Extension):
    """Write the log as ``log`` (JSON, a list of epochs) and ``log.csv``, and draw it as ``plots.png``.

    Args:
        folder: where to write.
        metric: name of the validation score.
    """

    # After Chainer's LogReport, which collects the entries.
    priority = 50

    def __init__(self, folder: Path, metric: str) -> None:
        self.folder, self.metric = folder, metric

    def __call__(self, trainer: Trainer) -> None:
        entries = trainer.get_extension('LogReport').log
        with atomic_write(self.folder / 'log') as partial:
            partial.write_text(json.dumps(entries, indent=4) + '\n')
        keys = dict.fromkeys(_FIRST_COLUMNS) | {key: None for entry in entries for key in sorted(entry)}
        with atomic_write(self.folder / 'log.csv') as partial, partial.open('w', newline='') as file:
            writer = csv.DictWriter(file, list(keys))
            writer.writeheader()
            writer.writerows(entries)
        draw_log(entries, self.folder / 'plots.png', self.metric)


def draw_log(entries: list[dict[str, Any]], path: Path, metric: str) -> None:
    """Draw loss, validation score (its name is ``metric``) and learning rate over the epochs."""
    from eval.plot import save_figure

    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    figure = Figure(figsize=(12, 3.6))
    # Fixed margins: computing the best ones takes as long as the drawing itself.
    figure.subplots_adjust(left=0.06, right=0.98, bottom=0.15, top=0.9, wspace=0.32)
    panels = (('main/loss', 'training loss', 1), (SCORE, f'validation {metric} (%)', 100), ('lr', 'learning rate', 1))
    for axis, (key, title, factor) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        points = [(entry['epoch'], factor * entry[key]) for entry in entries if key in entry]
        axis.plot(*zip(*points, strict=True) if points else ([], []), marker='.')
        axis.set(title=title, xlabel='epoch')
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        values = [value for _, value in points]
        if key == 'main/loss' and points and max(values) > 10 * min(values) > 0:
            axis.set_yscale('log')
        else:
            # Whole numbers at each tick, not a factor above the axis.
            axis.yaxis.set_major_formatter(StrMethodFormatter('{x:.3g}'))
        axis.grid(alpha=0.4)
    save_figure(figure, path, 90)


class PeopleGrid(Extension):
    """Draw validation people as ``people.jpg``: annotated joints above, predicted joints below, faint if unsure.

    Args:
        predictor: shares its network with the training.
        dataset: the validation people; those shown are spread evenly over it.
        path: the picture.
    """

    priority = 40

    def __init__(self, predictor: PosePredictor, dataset: PersonDataset, path: Path) -> None:
        self.predictor, self.dataset, self.path = predictor, dataset, path
        self.chosen = sorted({int(i) for i in np.linspace(0, len(dataset) - 1, _PEOPLE)})

    def __call__(self, trainer: Trainer) -> None:
        write_image(self.path, self.draw())

    def draw(self) -> np.ndarray:
        """Return the picture, (3, H, W) uint8: two rows."""
        spec = self.predictor.spec
        samples = [self.dataset[i] for i in self.chosen]
        crops = [crop_person(image, person, spec) for image, person in samples]
        inputs = np.stack([self.predictor.prepare(image, crop.box)
                           for (image, _), crop in zip(samples, crops, strict=True)])
        sizes = np.array([crop.box.shape for crop in crops])
        predicted, scores = decode_for(spec, self.predictor.heatmaps(inputs), sizes)
        annotated, found = [], []
        for crop, points, of_joints in zip(crops, predicted, scores, strict=True):
            picture = cv2.resize(crop.image.transpose(1, 2, 0) * 255, (_PANEL, _PANEL)).transpose(2, 0, 1)
            scale = _PANEL / np.array(crop.box.shape)
            truth = np.where(crop.labelled[:, None], crop.points * scale, np.nan)
            annotated.append(draw_pose(picture, truth, spec.joint_set, 2))
            found.append(draw_pose(picture, points * scale, spec.joint_set, 2, of_joints, threshold=0))
        return draw_tiles([*annotated, *found], (_PANEL, _PANEL), len(self.chosen))


class Events(Extension):
    """Write each epoch's results for TensorBoard.

    Args:
        folder: where the events go.

    Raises:
        InputError: tensorboardX is not installed.
    """

    priority = 30

    def __init__(self, folder: Path) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError:
            raise InputError('--tensorboard needs tensorboardX, which is not installed (extra "tensorboard"; '
                             'docs/install.md)') from None
        self.writer_class, self.folder = SummaryWriter, folder
        self._writer: Any = None

    def initialize(self, trainer: Trainer) -> None:
        # Events that an earlier run wrote after the snapshot would be shown twice.
        self._writer = self.writer_class(str(self.folder), purge_step=trainer.updater.iteration + 1)

    def __call__(self, trainer: Trainer) -> None:
        entry = trainer.get_extension('LogReport').log[-1]
        for key, value in entry.items():
            if '/' in key or key == 'lr':
                self._writer.add_scalar(key, value, entry['iteration'])
        self._writer.flush()

    def finalize(self) -> None:
        if self._writer is not None:
            self._writer.close()
