#!/usr/bin/env python3
"""Draw the pose of everybody in pictures, or in a video.

A detector finds the people, then a stacked hourglass network the joints of each.  Writes input.jpg, output.jpg and
tiled.jpg, the crops that the network saw; for several pictures NAME_input.jpg and so on.  For a video, writes it again
with the poses drawn in.
"""

from __future__ import annotations

import argparse

from hourglass.engine.options import add_engine_options, check_engine_options
from hourglass.errors import ArgumentParser, InputError, run
from hourglass.people_options import add_people_options, check_people_options, load_people_predictor
from hourglass.video.options import add_video_options, check_video_options, run_video


def parse_arguments() -> argparse.Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--image', nargs='+', metavar='FILE|FOLDER|PATTERN',
                        help='pictures; without this option the program draws some people itself')
    parser.add_argument('--out', default='.', metavar='DIR', help='folder for the results (default: here)')
    parser.add_argument('--json', metavar='FILE',
                        help='write everybody\'s joints, in COCO\'s results format (x, y in pixels of the picture)')
    add_people_options(parser)
    network = parser.add_argument_group('network')
    weights = network.add_mutually_exclusive_group()
    weights.add_argument('--model', metavar='NAME|FILE',
                         help='weights, by name ("python -m pretrained list") or as a file; by default the published '
                              'ones if they can be had, else those that come with the project')
    weights.add_argument('--snapshot', metavar='FILE', help='snapshot of a training to take the weights from')
    network.add_argument('--flip', action='store_true', help='average over each person and the mirror image')
    network.add_argument('--batchsize', type=int, default=16, metavar='N', help='people at a time (default: 16)')
    network.add_argument('--gpu', type=int, default=-1, metavar='N', help='number of the GPU (default: -1, the CPU)')
    add_engine_options(network)
    drawing = parser.add_argument_group('drawing')
    drawing.add_argument('--threshold', type=float, default=0.0, metavar='SCORE',
                         help='leave out limbs with a joint that scores less (default: 0, draw all)')
    drawing.add_argument('--line-width', type=int, metavar='PIXELS',
                         help='width of the limbs (default: by the sizes of picture and person)')
    add_video_options(parser)
    options = parser.parse_args()
    check_people_options(options)
    check_engine_options(options)
    check_video_options(options)
    if options.batchsize < 1:
        raise InputError('--batchsize must be at least 1')
    if options.line_width is not None and not 1 <= options.line_width <= 1000:
        raise InputError('--line-width must be from 1 to 1000')
    if not 0 <= options.threshold <= 1:
        raise InputError('--threshold must be from 0 to 1')
    return options


def main() -> None:
    options = parse_arguments()
    if options.video is not None:
        run_video(options, lambda: load_people_predictor(options))
        return

    from hourglass.people_pictures import annotate_pictures, plan_pictures

    # Whatever can be wrong with the inputs is found before the networks are loaded.
    plan = plan_pictures(options)
    annotate_pictures(plan, load_people_predictor(options), options)


if __name__ == '__main__':
    run(main)
