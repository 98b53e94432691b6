#!/usr/bin/env python3
"""Draw the pose of one person in a picture.

The person should be in the middle, and the picture about 1.25 times as high; --auto, --box or --center say otherwise.
Writes input.jpg and output.jpg.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from demos.person_location import PersonLocation, add_location_options, join_negative_numbers
from hourglass.errors import ArgumentParser, InputError, run
from hourglass.options import (
    add_drawing_options,
    add_predictor_options,
    check_drawing_options,
    check_predictor_options,
)


def parse_arguments() -> argparse.Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument('--image', metavar='FILE', help='the picture; without it the program draws a person itself')
    parser.add_argument('--out', default='.', metavar='DIR', help='folder for input.jpg and output.jpg (default: here)')
    parser.add_argument('--json', metavar='FILE', help='write the joints: name, x, y (pixels of the picture), score')
    parser.add_argument('--heatmaps', metavar='FILE', help='write a picture of every joint\'s heatmap over the image')
    add_predictor_options(parser)
    add_drawing_options(parser, 'a hundredth of the image; the reference drew 20')
    add_location_options(parser)
    options = parser.parse_args(join_negative_numbers(sys.argv[1:]))
    check_predictor_options(options)
    check_drawing_options(options)
    options.place = PersonLocation.from_options(options)
    if options.image == '':
        raise InputError('--image is empty; it names the picture')
    return options


def main() -> None:
    options = parse_arguments()

    from hourglass.draw import draw_heatmaps
    from hourglass.files import check_targets
    from hourglass.image import check_picture_name, read_image, write_image
    from hourglass.locate import corners
    from hourglass.predictor import PosePredictor
    from hourglass.results import pose_to_dict, write_json

    out, place = Path(options.out), options.place
    check_targets((out / 'input.jpg', out / 'output.jpg', options.json, options.heatmaps),
                  (options.image, options.model, options.snapshot, place.detector_file))
    if options.heatmaps:
        check_picture_name(options.heatmaps)
    if options.image is None:
        from data.synthetic import demo_scene

        image, name = demo_scene(), 'drawn by the program'
    else:
        image, name = read_image(options.image, upright=True), options.image
    place.check_in(image.shape[1:])
    predictor = place.adapt(PosePredictor.load(options.snapshot or options.model, gpu=options.gpu, flip=options.flip,
                                               engine=options.engine, precision=options.precision))
    pose = place.find(predictor, image, options.image)

    joint_set = predictor.spec.joint_set
    write_image(out / 'input.jpg', image)
    write_image(out / 'output.jpg', place.draw(image, pose, joint_set, options.line_width, options.threshold))
    if options.json:
        y0, x0, y1, x1 = (round(value, 2) for value in corners(pose.box))
        write_json(options.json, {'image': name, **pose_to_dict(pose, joint_set),
                                  'seen': {'x0': x0, 'y0': y0, 'x1': x1, 'y1': y1}})
    if options.heatmaps:
        crop = predictor.crop_image(image, pose.box)
        write_image(options.heatmaps, draw_heatmaps(crop, pose.heatmaps, joint_set))
    if not place.is_confident(pose, predictor.spec):
        print(f'{name}: nobody is clearly seen; this is the best guess', file=sys.stderr)
    print(f'{name}: wrote {out / "input.jpg"} and {out / "output.jpg"}', file=sys.stderr)


if __name__ == '__main__':
    run(main)
