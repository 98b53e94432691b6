"""The pose of one person in each picture, and the files about it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demos.person_location import LOCATION_GROUPS, PersonLocation, join_negative_numbers
from hourglass.config import add_options, document, option, text
from hourglass.detection import detector_file
from hourglass.errors import ArgumentParser
from hourglass.options import DrawingConfig, PredictorConfig

if TYPE_CHECKING:
    from hourglass.predictor import Pose
    from hourglass.spec import ModelSpec

    import numpy as np

#: Headings of ``demo.py --help``.
GROUPS = {'picture': None, 'network': None, 'drawing': None, **LOCATION_GROUPS}

#: RGB of the frame about the crop.
FRAME_COLOUR = (255, 215, 0)

_picture = partial(option, group='picture')


@document
@dataclass(frozen=True, kw_only=True)
class PersonConfig(PredictorConfig, DrawingConfig, PersonLocation):
    """One person in each picture: the options of ``demo.py``; ``image`` is a file or several."""

    image: Sequence[str] = _picture(
        text, (), count='+', metavar='FILE|FOLDER|PATTERN',
        help='pictures; without this option the program draws a person itself')
    out: str = _picture(
        text, '.', metavar='DIR', help='folder for input.jpg and output.jpg; for several pictures NAME_input.jpg ...')
    json: str | None = _picture(
        text, None, metavar='FILE',
        help='write the joints as JSON: name, x, y (pixels of the picture), score; a list for several pictures; - is '
             'standard output')
    heatmaps: str | None = _picture(
        text, None, metavar='FILE',
        help='write a picture with the heatmap of every joint over the crop, and the height of its peak; for several '
             'pictures NAME_FILE')

    def draw(self, image: np.ndarray, pose: Pose, spec: ModelSpec) -> np.ndarray:
        """Draw the pose (:func:`hourglass.draw.draw_pose`), and a frame about the crop if a location was chosen."""
        from hourglass.crop import corners
        from hourglass.draw import default_line_width, draw_pose, person_line_width
        from hourglass.pixels import to_pixels

        import cv2
        import numpy as np

        how = self.drawing('reference' if spec == type(spec)() else 'clear')
        if not self.is_middle:
            canvas = to_pixels(image)
            border = np.array([canvas.shape[1] - 1, canvas.shape[0] - 1])
            low, high = np.clip(np.rint(corners(pose.box)).reshape(2, 2)[:, ::-1], 0, border).astype(int).tolist()
            cv2.rectangle(canvas, low, high, FRAME_COLOUR, max(1, round(default_line_width(canvas.shape) / 4)))
            image = canvas.transpose(2, 0, 1)
            how['line_width'] = how['line_width'] or person_line_width(image.shape[1:], pose.points)
        return draw_pose(image, pose.points, spec.joint_set, scores=pose.scores, **how)


def parse_person_options(description: str, arguments: Sequence[str] | None = None) -> PersonConfig:
    """Read a command line, by default that of the process; ``InputError`` if something in it is wrong."""
    parser = ArgumentParser(usage='%(prog)s [FILE ...] [options]', description=description)
    parser.add_argument('pictures', nargs='*', metavar='FILE|FOLDER|PATTERN', help='pictures, as --image')
    add_options(parser, PersonConfig, GROUPS, negatable=False)
    given = vars(parser.parse_args(join_negative_numbers(sys.argv[1:] if arguments is None else arguments)))
    if pictures := [*given.pop('pictures'), *given.get('image', ())]:
        given['image'] = pictures
    return PersonConfig(**given)


def _render() -> np.ndarray:
    from data.synthetic import demo_scene

    return demo_scene()


def draw_person_in_pictures(config: PersonConfig) -> list[dict[str, Any]]:
    """Find the joints of one person in each picture, draw them, write the results, and report on stderr what was done.

    A picture of a folder or a pattern that cannot be read is skipped, and a line names it.

    Returns:
        For each picture what ``--json`` writes of it: ``image``, ``joint_set``, ``joints`` and ``seen``.

    Raises:
        InputError: a picture that is named itself or the weights cannot be used, the person cannot be where ``config``
            states, or a result cannot be written; or, when all others are done, pictures were skipped.
    """
    from demos.picture_files import plan_pictures, read_pictures, report, written_at_end
    from hourglass.draw import draw_heatmaps
    from hourglass.image import check_picture_name, write_image
    from hourglass.locate import has_person
    from hourglass.results import write_json

    results = [Path(config.out) / 'input.jpg', Path(config.out) / 'output.jpg']
    if config.heatmaps:
        check_picture_name(config.heatmaps)
        results.append(Path(config.heatmaps))
    tasks = plan_pictures(config.image, results, _render, [config.json],
                          [config.model, config.snapshot, detector_file(config.detector)])
    predictor = config.with_fit(config.load_predictor())
    described: list[dict[str, Any]] = []

    def write_poses() -> None:
        if config.json and described:
            is_single = tasks[0].picture is None or (len(tasks) == 1 and tasks[0].picture.is_named)
            write_json(config.json, described[0] if is_single else described)

    with written_at_end(write_poses):
        for task, image in read_pictures(tasks):
            pose = config.find(predictor, image, task.name if task.picture else None)
            write_image(task.targets[0], image)
            write_image(task.targets[1], config.draw(image, pose, predictor.spec))
            if config.heatmaps:
                crop = predictor.crop_image(image, pose.box)
                write_image(task.targets[2], draw_heatmaps(crop, pose.heatmaps, predictor.spec.joint_set))
            if config.is_elsewhere(pose, predictor.spec, image):
                print(f'{task.name}: no person is clearly visible in the middle, but one is elsewhere; --auto looks '
                      'there', file=sys.stderr)
            elif not has_person(pose, predictor.spec):
                print(f'{task.name}: no person is clearly visible; this is the best guess', file=sys.stderr)
            described.append({'image': task.name, **pose.to_dict()})
    report(tasks, len(described), config.out)
    return described
