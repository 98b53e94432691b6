"""Draw how the time of a prediction grows with people in an image, stacks, input size and batch.

Each panel of the picture changes one of them and leaves the others at one person, two stacks and 256 x 256 pixels.
Chainer runs the network with this project's functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.harness import Run, time_by_turns
from eval.plot import save_figure
from hourglass.crop import Square, person_box
from hourglass.predictor import PosePredictor
from hourglass.spec import ModelSpec

import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm


class Point(NamedTuple):
    """What is predicted: people at once, stacks of the network, height and width of its input."""

    people: int = 1
    stacks: int = 2
    size: int = 256


class Panel(NamedTuple):
    """One panel of the picture: what it changes, its points by that value, and what their time is divided by."""

    title: str
    points: dict[int, Point]
    per: str


PEOPLE = {n: Point(people=n) for n in (1, 2, 4, 8, 16)}
PANELS = (
    Panel('people in an image', PEOPLE, 'image'),
    Panel('stacks', {n: Point(stacks=n) for n in (1, 2, 4, 8)}, 'person'),
    Panel('height and width of the input', {n: Point(size=n) for n in (128, 192, 256, 320, 384)}, 'person'),
    Panel('people at once', PEOPLE, 'person'),
)


def prediction(point: Point, width: int) -> Run:
    """Return a function that predicts the people of one image, who stand side by side."""
    spec = ModelSpec(width=width, n_stack=point.stacks, input_size=(point.size, point.size))
    predictor = PosePredictor(spec.build_network(), spec, batchsize=16)
    image = np.random.default_rng(0).random((3, 480, 640), np.float32) * 255
    boxes = [person_box(Square(240., 20. + 600 * i / point.people, 300.), image.shape[1:], spec)
             for i in range(point.people)]
    return lambda: predictor.poses([image] * len(boxes), boxes)


def draw_growth(path: Path, panels: Sequence[Panel], width: int, repeats: int, budget: float) -> None:
    """Time all points, and draw the median over each quantity, with the range as a band.

    Args:
        path: the picture.
        panels: what it shows.
        width: channels inside an hourglass.
        repeats: most timings of a point.
        budget: seconds for the timings of a point.
    """
    points = dict.fromkeys(point for panel in panels for point in panel.points.values())
    seconds = {point: time_by_turns({'point': prediction(point, width)}, repeats, budget)['point']
               for point in tqdm(points, unit='point', disable=None)}
    figure = Figure(figsize=(3.4 * len(panels), 3.2), layout='tight')
    for axis, panel in zip(figure.subplots(1, len(panels)), panels, strict=True):
        times = [[1e3 * t / (point.people if panel.per == 'person' else 1) for t in seconds[point]]
                 for point in panel.points.values()]
        values = list(panel.points)
        axis.plot(values, list(map(np.median, times)), 'o-')
        axis.fill_between(values, list(map(min, times)), list(map(max, times)), alpha=.2)
        axis.set(xlabel=panel.title, ylabel=f'ms per {panel.per}', ylim=(0, None), xticks=values)
        axis.grid(alpha=.4)
    save_figure(figure, path)
