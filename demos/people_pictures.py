"""Finding all people in pictures, and writing what was found."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demos.people_config import PicturesConfig
from demos.picture_files import RESULTS, Picture, find_pictures, result_names
from hourglass.coco_format import image_ids
from hourglass.draw import draw_people, draw_tiles
from hourglass.errors import InputError
from hourglass.files import check_targets
from hourglass.image import check_picture_size, read_image, write_image
from hourglass.people import PeoplePredictor, PersonPose
from hourglass.results import people_to_coco, write_json_rows
from hourglass.wording import counted

import numpy as np
from tqdm import tqdm


@dataclass(frozen=True)
class Task:
    """One picture and its results.

    Attributes:
        picture: the file; ``None`` for the people that the program draws.
        image_id: what the picture is called in COCO's files.
        targets: the files to be written: the picture, the picture with the poses drawn in, and the crops.
    """

    picture: Picture | None
    image_id: int | str
    targets: tuple[Path, ...]

    @property
    def name(self) -> str:
        return str(self.picture.path) if self.picture else 'drawn by the program'

    def read(self) -> np.ndarray:
        """Return the picture, (3, H, W) float32; ``InputError`` if it cannot be read, or not be written again."""
        if self.picture is None:
            from data.synthetic import demo_people

            return demo_people()[0].astype(np.float32)
        image = read_image(self.picture.path, upright=True)
        check_picture_size(self.targets[0], image.shape, self.picture.path)
        return image


def plan_pictures(config: PicturesConfig) -> list[Task]:
    """Find the pictures that are named, and check them and what is to be written.

    Raises:
        InputError: a picture that is named itself cannot be read, or a file cannot be written.
    """
    files = find_pictures(config.image)
    targets = [tuple(Path(config.out) / f'{prefix}{result}.jpg' for result in RESULTS)
               for prefix in (result_names(files) or [''])]
    if files:
        ids = image_ids([str(picture.path) for picture in files])
        tasks = [Task(*values) for values in zip(files, ids, targets, strict=True)]
    else:
        tasks = [Task(None, targets[0][0].name, targets[0])]
    check_targets([*(target for task in tasks for target in task.targets), config.json],
                  [*(picture.path for picture in files), *config.sources])
    for task in tasks:
        if task.picture and task.picture.is_named:
            task.read()
    return tasks


def draw_people_in_pictures(
    config: PicturesConfig, predictor: PeoplePredictor | None = None,
) -> list[dict[str, Any]]:
    """Find all people in pictures, draw them and write the results, and report on stderr what was done.

    A picture of a folder or a pattern that cannot be read, or is too large for the results, is named and passed over.

    Args:
        config: pictures, results, and what is wanted.
        predictor: finds the people; by default it is loaded as ``config`` says, after the pictures have been checked.

    Returns:
        The people of all pictures in COCO's results format (:func:`hourglass.results.people_to_coco`).

    Raises:
        InputError: a picture that is named itself cannot be read, or a result cannot be written; or, when all others
            are done, pictures were passed over.
    """
    tasks = plan_pictures(config)
    predictor = predictor or config.load()
    described: list[dict[str, Any]] = []
    n_pictures = 0
    for task, image in _read(tasks):
        people = predictor.predict_one(image, task.name)
        _write(task, image, people, predictor, config)
        described += people_to_coco(people, predictor.predictor.spec.joint_set, task.image_id, Path(task.name).name)
        n_pictures += 1
    if complaint := predictor.detector.complaint():
        print(f'warning: {complaint}', file=sys.stderr)
    if n_pictures:
        if config.json:
            write_json_rows(config.json, described)
        found = counted(len(described), 'person', 'people') if described else 'no people'
        place = tasks[0].name if len(tasks) == 1 else counted(n_pictures, 'picture')
        targets = ', '.join(map(str, tasks[0].targets)) if len(tasks) == 1 else f'the results to {config.out}'
        print(f'{place}: {found}; wrote {targets}', file=sys.stderr)
    if n_pictures < len(tasks):
        raise InputError(f'{counted(len(tasks) - n_pictures, "picture")} of {len(tasks)} could not be used')
    return described


def _read(tasks: Sequence[Task]) -> Iterator[tuple[Task, np.ndarray]]:
    """Yield tasks with their pictures, passing over those that cannot be used."""
    # disable=None: shown only where stderr is a terminal.
    for task in tqdm(tasks, unit='picture', disable=None if len(tasks) > 1 else True):
        try:
            image = task.read()
        except InputError as error:
            tqdm.write(f'passed over: {" ".join(str(error).split())}', file=sys.stderr)
            continue
        yield task, image


def _write(task: Task, image: np.ndarray, people: Sequence[PersonPose], predictor: PeoplePredictor,
           config: PicturesConfig) -> None:
    network = predictor.predictor
    drawn = draw_people(image, [person.pose.points for person in people], network.spec.joint_set, config.line_width,
                        [person.pose.scores for person in people], config.threshold)
    crops = [np.rint(network.crop_image(image, person.pose.box)).clip(0, 255).astype(np.uint8) for person in people]
    for path, picture in zip(task.targets, (image, drawn, draw_tiles(crops, network.spec.input_size)), strict=True):
        write_image(path, picture)
