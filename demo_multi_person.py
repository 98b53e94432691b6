#!/usr/bin/env python3
"""Draw the pose of everybody in pictures, or in a video.

A detector finds the people, then a stacked hourglass network the joints of each.  Writes input.jpg, output.jpg and
tiled.jpg, the crops that the network saw; for several pictures NAME_input.jpg and so on.  For a video, writes it again
with the poses drawn in.
"""

from __future__ import annotations

import argparse

from demos.people_options import add_people_options, check_people_options, load_people_predictor
from demos.video.options import add_video_options, check_video_options, run_video
from hourglass.errors import ArgumentParser, run
from hourglass.options import (
    add_drawing_options,
    add_predictor_options,
    check_drawing_options,
    check_predictor_options,
)


def parse_arguments() -> argparse.Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--image', nargs='+', metavar='FILE|FOLDER|PATTERN',
                        help='pictures; without this option the program draws some people itself')
    parser.add_argument('--out', default='.', metavar='DIR', help='folder for the results (default: here)')
    parser.add_argument('--json', metavar='FILE',
                        help='write everybody\'s joints, in COCO\'s results format (x, y in pixels of the picture)')
    add_people_options(parser)
    add_predictor_options(parser.add_argument_group('network'), batchsize=16)
    add_drawing_options(parser.add_argument_group('drawing'), 'by the sizes of picture and person')
    add_video_options(parser)
    options = parser.parse_args()
    check_people_options(options)
    check_predictor_options(options)
    check_drawing_options(options)
    check_video_options(options)
    return options


def main() -> None:
    options = parse_arguments()
    if options.video is not None:
        run_video(options, lambda: load_people_predictor(options))
        return

    from demos.people_pictures import annotate_pictures, plan_pictures

    # Whatever can be wrong with the inputs is found before the networks are loaded.
    plan = plan_pictures(options)
    annotate_pictures(plan, load_people_predictor(options), options)


if __name__ == '__main__':
    run(main)
