"""The pose of one person in one picture, and the files about it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from demos.person_location import LOCATION_GROUPS, PersonLocation, join_negative_numbers
from hourglass.config import add_options, option, text
from hourglass.errors import ArgumentParser, InputError
from hourglass.options import DrawingConfig, PredictorConfig

if TYPE_CHECKING:
    from hourglass.predictor import Pose

#: Headings of ``demo.py --help``.
GROUPS = {'picture': None, 'network': None, 'drawing': None, **LOCATION_GROUPS}

_picture = partial(option, group='picture')


@dataclass(frozen=True, kw_only=True)
class PersonConfig(PredictorConfig, DrawingConfig, PersonLocation):
    """One person in a picture; ``image`` is the file, and ``out`` the folder for the results.

    Every attribute is an option of ``demo.py``, whose ``--help`` explains it.

    Raises:
        InputError: a value is out of its range, or two do not go together.
    """

    image: str | None = _picture(
        text, None, metavar='FILE', help='the picture; without this option the program draws a person itself')
    out: str = _picture(text, '.', metavar='DIR', help='folder for input.jpg and output.jpg')
    json: str | None = _picture(
        text, None, metavar='FILE',
        help='write the joints: name, x, y (pixels of the picture), score; - is standard output')
    heatmaps: str | None = _picture(
        text, None, metavar='FILE', help='draw the heatmap of every joint over the crop')


def parse_person_options(description: str, arguments: Sequence[str] | None = None) -> PersonConfig:
    """Read a command line, by default that of the process; ``InputError`` if something in it is wrong."""
    parser = ArgumentParser(usage='%(prog)s [FILE] [options]', description=description,
                            formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('picture', nargs='?', metavar='FILE', help='the picture, as --image')
    add_options(parser, PersonConfig, GROUPS, negatable=False)
    given = vars(parser.parse_args(join_negative_numbers(sys.argv[1:] if arguments is None else arguments)))
    picture = given.pop('picture')
    if picture is not None and 'image' in given:
        raise InputError(f'{picture} and --image name two pictures; demo_multi_person.py takes several')
    return PersonConfig(**{'image': picture, **given})


def draw_person_in_picture(config: PersonConfig) -> Pose:
    """Find the joints of one person, draw them, write the results, and report on stderr what was done.

    Raises:
        InputError: the picture or the weights cannot be used, the person cannot be where ``config`` says, or a result
            cannot be written.
    """
    from hourglass.draw import draw_heatmaps
    from hourglass.files import check_targets
    from hourglass.image import check_picture_name, read_image, write_image
    from hourglass.results import write_json

    before, after = Path(config.out) / 'input.jpg', Path(config.out) / 'output.jpg'
    check_targets((before, after, config.json, config.heatmaps),
                  (config.image, config.model, config.snapshot, config.detector_file))
    if config.heatmaps:
        check_picture_name(config.heatmaps)
    if config.image is None:
        from data.synthetic import demo_scene

        image, name = demo_scene(), 'drawn by the program'
    else:
        image, name = read_image(config.image, upright=True), config.image
    config.check_inside(image.shape[1:])
    predictor = config.with_fit(config.load_predictor())
    pose = config.find(predictor, image, config.image)

    joint_set = predictor.spec.joint_set
    write_image(before, image)
    write_image(after, config.draw(image, pose, joint_set, config.line_width, config.threshold))
    if config.json:
        write_json(config.json, {'image': name, **pose.to_dict()})
    if config.heatmaps:
        write_image(config.heatmaps, draw_heatmaps(predictor.crop_image(image, pose.box), pose.heatmaps, joint_set))
    if not config.is_confident(pose, predictor.spec):
        print(f'{name}: no person is clearly visible; this is the best guess', file=sys.stderr)
    elif config.is_elsewhere(pose, predictor.spec, image):
        print(f'{name}: no person is clearly visible in the middle, but one is elsewhere; --auto looks there',
              file=sys.stderr)
    print(f'{name}: wrote {before} and {after}', file=sys.stderr)
    return pose
