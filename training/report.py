"""Reports of a training: the log, its curves, a picture of some people, events for TensorBoard."""

from __future__ import annotations

import csv
import importlib
import io
import json
from pathlib import Path
from typing import Any

from data.person import PersonDataset
from data.transform import crop_person
from hourglass.codec import decode_for
from hourglass.draw import draw_pose
from hourglass.errors import InputError
from hourglass.files import atomic_write, write_bytes
from hourglass.image import write_image
from hourglass.predictor import PosePredictor

import cv2
import numpy as np
from chainer.training import Extension, Trainer

#: Modules with a ``SummaryWriter``.
_EVENT_WRITERS = ('tensorboardX', 'torch.utils.tensorboard')
_FIRST_COLUMNS = ('epoch', 'iteration', 'elapsed_time', 'lr', 'main/loss')


class LogFiles(Extension):
    """Write the log as ``log`` (JSON, a list of epochs) and ``log.csv``, and draw it as ``plots.png``.

    Args:
        folder: where to write.
    """

    # After Chainer's LogReport, which collects the entries.
    priority = 50

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, trainer: Trainer) -> None:
        entries = trainer.get_extension('LogReport').log
        with atomic_write(self.folder / 'log') as partial:
            partial.write_text(json.dumps(entries, indent=4) + '\n')
        keys = dict.fromkeys(_FIRST_COLUMNS) | {key: None for entry in entries for key in sorted(entry)}
        with atomic_write(self.folder / 'log.csv') as partial, partial.open('w', newline='') as file:
            writer = csv.DictWriter(file, list(keys))
            writer.writeheader()
            writer.writerows(entries)
        draw_log(entries, self.folder / 'plots.png')


def draw_log(entries: list[dict[str, Any]], path: Path) -> None:
    """Draw loss, score and learning rate over the epochs."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.6))
    # Fixed margins: computing the best ones takes as long as the drawing itself.
    figure.subplots_adjust(left=0.06, right=0.98, bottom=0.15, top=0.9, wspace=0.25)
    FigureCanvasAgg(figure)
    panels = (('main/loss', 'loss', 'log'), ('validation/main/pck', 'validation score', 'linear'),
              ('lr', 'learning rate', 'linear'))
    for axis, (key, title, scale) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        points = [(entry['epoch'], entry[key]) for entry in entries if key in entry]
        axis.plot(*zip(*points, strict=True) if points else ([], []), marker='.')
        axis.set_title(title)
        axis.set_xlabel('epoch')
        # A logarithmic axis cannot show zero.
        axis.set_yscale(scale if points and min(value for _, value in points) > 0 else 'linear')
        axis.grid(alpha=0.4)
    content = io.BytesIO()
    figure.savefig(content, format='png', dpi=90)
    write_bytes(path, content.getbuffer())


class PeopleGrid(Extension):
    """Draw some validation people as ``people.jpg``: annotated joints above, predicted ones below.

    Args:
        predictor: shares its network with the training.
        dataset: the validation people; those shown are spread evenly over it.
        path: the picture.
        count: number of people.
        panel: height and width of each picture in pixels.
    """

    priority = 40

    def __init__(self, predictor: PosePredictor, dataset: PersonDataset, path: Path, count: int = 8,
                 panel: int = 192) -> None:
        self.predictor, self.dataset, self.path, self.panel = predictor, dataset, path, panel
        self.chosen = sorted({int(i) for i in np.linspace(0, len(dataset) - 1, count)})

    def __call__(self, trainer: Trainer) -> None:
        write_image(self.path, self.draw())

    def draw(self) -> np.ndarray:
        """Return the picture, (3, 2 * panel, count * panel) uint8."""
        spec = self.predictor.spec
        samples = [self.dataset[i] for i in self.chosen]
        crops = [crop_person(image, person, spec) for image, person in samples]
        inputs = np.stack([self.predictor.prepare(image, crop.box)
                           for (image, _), crop in zip(samples, crops, strict=True)])
        sizes = np.array([crop.box.shape for crop in crops])
        predicted, _ = decode_for(spec, self.predictor.heatmaps(inputs), sizes)
        columns = []
        for crop, points in zip(crops, predicted, strict=True):
            picture = cv2.resize(crop.image.transpose(1, 2, 0) * 255, (self.panel, self.panel)).transpose(2, 0, 1)
            scale = self.panel / np.array(crop.box.shape)
            annotated = np.where(crop.labelled[:, None], crop.points * scale, np.nan)
            columns.append(np.concatenate([draw_pose(picture, joints, spec.joint_set, 2)
                                           for joints in (annotated, points * scale)], axis=1))
        return np.concatenate(columns, axis=2)


def event_writer_class() -> Any:
    """Return the class that writes TensorBoard's events; ``InputError`` if no package has one."""
    for name in _EVENT_WRITERS:
        try:
            return importlib.import_module(name).SummaryWriter
        except ImportError:
            continue
    raise InputError('--tensorboard needs tensorboardX, which is not installed (pip install tensorboardX)')


class Events(Extension):
    """Write each epoch's results for TensorBoard.

    Args:
        writer_class: from :func:`event_writer_class`.
        folder: where the events go.
    """

    priority = 30

    def __init__(self, writer_class: Any, folder: Path) -> None:
        self.writer_class, self.folder = writer_class, folder
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
