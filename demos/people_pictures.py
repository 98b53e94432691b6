"""Find all people in pictures, and write drawings and JSON."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from demos.people_config import PicturesConfig
from demos.picture_files import RESULTS, Task, plan_pictures, read_pictures, report, written_at_end
from demos.pipeline import overlapped
from hourglass.coco_format import PERSON
from hourglass.draw import draw_people, draw_tiles
from hourglass.image import write_image
from hourglass.people import People, PeoplePredictor, PersonPose
from hourglass.results import write_json_rows
from hourglass.wording import counted

import numpy as np


def _render() -> np.ndarray:
    from data.synthetic import demo_people

    return demo_people()[0]


def draw_people_in_pictures(
    config: PicturesConfig, predictor: PeoplePredictor | None = None,
) -> list[dict[str, Any]]:
    """Find all people in pictures, draw them and write the results, and report on stderr what was done.

    A picture of a folder or a pattern that cannot be read is skipped, and a line names it.

    Args:
        config: pictures, results, and what is wanted.
        predictor: finds the people; by default it is loaded as ``config`` says, after the pictures have been checked.

    Returns:
        The people of all pictures in COCO's results format: ``image_id`` (:func:`hourglass.coco_format.image_id`),
        ``category_id`` (1), ``file_name`` and :meth:`hourglass.people.PersonPose.to_dict`.

    Raises:
        InputError: a picture that is named itself cannot be read, or a result cannot be written; or, when all others
            are done, pictures were skipped.
    """
    results = [Path(config.out) / f'{result}.jpg' for result in RESULTS]
    tasks = plan_pictures(config.image, results, _render, [config.json], config.sources)
    predictor = predictor or config.load()
    described: list[dict[str, Any]] = []
    n_pictures = 0

    def write_rows() -> None:
        if n_pictures and config.json:
            write_json_rows(config.json, described)

    # A picture of a camera takes much memory: no more of them than there are steps.
    pictures = overlapped(read_pictures(tasks), _steps(predictor, config), length=1)
    with written_at_end(write_rows), closing(pictures) as done:
        for task, people in done:
            about = {'image_id': task.image_id, 'category_id': PERSON, 'file_name': Path(task.name).name}
            described += [{**about, **person.to_dict()} for person in people]
            n_pictures += 1
    if complaint := predictor.detector.complaint():
        print(f'warning: {complaint}', file=sys.stderr)
    found = counted(len(described), 'person', 'people') if described else 'no people'
    report(tasks, n_pictures, config.out, f'{found}; ')
    return described


def _steps(predictor: PeoplePredictor, config: PicturesConfig) -> list[Callable[[Any], Any]]:
    """Return the steps from a task with its picture to the task with its people, when its results are written."""
    def detect(item: tuple[Task, np.ndarray]) -> tuple[Task, np.ndarray, Any]:
        task, image = item
        return task, image, predictor.detector.detect([image], [task.name])

    def find_joints(item: tuple[Task, np.ndarray, Any]) -> tuple[Task, np.ndarray, People]:
        task, image, found = item
        return task, image, predictor.predict_boxes([image], found)[0]

    def write(item: tuple[Task, np.ndarray, People]) -> tuple[Task, list[PersonPose]]:
        task, image, people = item
        _write(task, image, people, predictor, config)
        return task, list(people)  # without the picture

    return [detect, find_joints, write]


def _write(task: Task, image: np.ndarray, people: Sequence[PersonPose], predictor: PeoplePredictor,
           config: PicturesConfig) -> None:
    network = predictor.predictor
    drawing, sheet = task.targets[1:]
    # One after the other: of a large picture, each copy takes much memory.
    write_image(task.targets[0], image)
    write_image(drawing, draw_people(image, [person.pose.points for person in people], network.spec.joint_set,
                                     scores=[person.pose.scores for person in people], **config.drawing()))
    crops = [np.rint(network.crop_image(image, person.pose.box)).clip(0, 255).astype(np.uint8) for person in people]
    write_image(sheet, draw_tiles(crops, network.spec.input_size))
