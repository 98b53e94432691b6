#!/usr/bin/env python3
"""Score a stacked hourglass network on an annotated data set, or score anybody's predictions.

Without arguments: the published weights on MPII's validation images.
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from hourglass.errors import ArgumentParser, InputError, run
from hourglass.options import add_predictor_options, check_predictor_options

PLOT_ENDINGS = ('.png', '.pdf', '.svg', '.jpg')

#: Options for COCO alone, with their defaults.
COCO_OPTIONS = {'images': None, 'detections': None, 'nms': 0.9, 'normalise': 'torso', 'pck_threshold': 0.2,
                'sheet': None}
#: Those of them that are for a user's own files too, which have defaults of their own.
OWN_OPTIONS = ('images', 'normalise', 'pck_threshold')


def is_coco(options: argparse.Namespace) -> bool:
    return options.dataset == 'coco' or (options.predictions or '').endswith('.json')


def _check_coco_options(options: argparse.Namespace) -> None:
    """Refuse COCO's options elsewhere, and fill in their defaults."""
    from data.sets import DATASETS

    is_own = DATASETS[options.dataset].is_own and options.predictions is None
    for name, default in COCO_OPTIONS.items():
        is_shared = is_own and name in OWN_OPTIONS
        if getattr(options, name) is None:
            setattr(options, name, None if is_shared else default)
        elif not is_coco(options) and not is_shared:
            others = ', csv and coco-json' if name in OWN_OPTIONS else ''
            raise InputError(f'--{name.replace("_", "-")} is for --dataset coco{others}')
    if options.joints is not None and not is_own:
        raise InputError('--joints is for --dataset csv and coco-json; the weights say which joints they find')
    if options.csv and options.detections:
        raise InputError('--csv is a table of correct joints, which there is none of for detected people')
    if options.detections and options.predictions is not None:
        raise InputError('--detections are people to predict, and --predictions are predictions')
    if not 0 < options.nms <= 1:
        raise InputError('--nms must be above 0 and up to 1')
    if options.pck_threshold is not None and not 0 < options.pck_threshold < float('inf'):
        raise InputError('--pck-threshold must be a positive number')


def parse_arguments() -> argparse.Namespace:
    from data.sets import DATASETS

    parser = ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    group = parser.add_argument_group('data')
    group.add_argument('--dataset', choices=list(DATASETS), default='mpii', help='default: mpii')
    group.add_argument('--root', metavar='DIR|FILE',
                       help='folder where the data set lies; the file for csv, coco-json and packed (default: below '
                            'data/)')
    group.add_argument('--split', metavar='NAME', help='part of the data set (default: the one for testing)')
    group.add_argument('--protocol', choices=('one-per-image', 'all'),
                       help='who counts on MPII: the first person of each image, or everybody, as the authors of the '
                            'paper do (default: what the weights were published with, else one-per-image)')
    group.add_argument('--samples', type=int, metavar='N', help='people in the synthetic set (default: 1000)')
    group.add_argument('--predictions', metavar='FILE',
                       help='score these predictions (HDF5, key preds) and use no network; with --annotations')
    group.add_argument('--annotations', metavar='FILE', help='the people of --predictions (HDF5, as valid.h5)')

    group.add_argument('--images', metavar='DIR',
                       help='folder of the images of coco, csv and coco-json (default: below --root, beside the file)')
    group.add_argument('--joints', metavar='NAME|FILE',
                       help='what the joints of csv and coco-json are called (default: their names tell)')
    group.add_argument('--normalise', choices=('torso', 'box'),
                       help='length that PCK divides by, on coco, csv and coco-json (default: torso, if there is one)')
    group.add_argument('--pck-threshold', type=float, metavar='T',
                       help='largest error of a correct joint in that length, on coco, csv and coco-json (default: '
                            '0.2; 0.1 by the box on csv and coco-json)')

    group = parser.add_argument_group(
        'COCO only', 'With --predictions FILE.json (COCO\'s results format) --annotations is COCO\'s file too; it can '
                     'also name the people to predict.')
    group.add_argument('--detections', metavar='FILE',
                       help='predict the people of these detections (COCO\'s format) and not the annotated boxes')
    group.add_argument('--nms', type=float, metavar='OKS',
                       help='with --detections: leave out poses more similar than this to a better one (default: 0.9)')
    group.add_argument('--sheet', metavar='FILE', help='draw the people with the lowest OKS')

    group = parser.add_argument_group('network')
    add_predictor_options(group, batchsize=16)

    group = parser.add_argument_group('results')
    group.add_argument('--json', metavar='FILE', help='write scores and curves')
    group.add_argument('--csv', metavar='FILE', help='write a table: each joint, each group, the total')
    group.add_argument('--plot', metavar='FILE', help='draw the score over the threshold, for each group of joints')
    group.add_argument('--compare', metavar='JSON', nargs='+', default=[],
                       help='draw these earlier results (written with --json) into the same plot')
    group.add_argument('--save-predictions', metavar='FILE',
                       help="write the predicted joints (HDF5, the layout of the authors of the paper; for coco JSON, "
                            "COCO's results format)")
    group.add_argument('--reliability', metavar='FILE',
                       help='draw how often a joint is right by its score (not for COCO)')
    group.add_argument('--calibrate', metavar='FILE.npz',
                       help='write the weights again, with scores that say how often a joint was right here; with '
                            '--model or --snapshot (not for COCO)')
    options = parser.parse_args()
    check_predictor_options(options)
    if options.samples is not None and options.samples < 1:
        raise InputError('--samples must be at least 1')
    if options.samples is not None and not DATASETS[options.dataset].has_samples:
        raise InputError('--samples is for --dataset synthetic')
    if options.protocol is not None and not DATASETS[options.dataset].has_protocols:
        raise InputError('--protocol is for --dataset mpii')
    if options.predictions is not None and options.save_predictions:
        raise InputError('--save-predictions is for a network, and --predictions are saved already')
    if options.predictions is not None and options.annotations is None:
        raise InputError('--predictions and --annotations come together')
    if options.annotations is not None and options.predictions is None and options.dataset != 'coco':
        raise InputError('--annotations goes with --predictions, or with --dataset coco')
    _check_coco_options(options)
    if options.predictions is not None and options.protocol is not None:
        raise InputError('--protocol does not go with --predictions: all people of --annotations are scored')
    if (options.reliability or options.calibrate) and (is_coco(options) or options.predictions is not None):
        raise InputError('--reliability and --calibrate are for a network on another data set than COCO')
    if options.calibrate and options.model is None and options.snapshot is None:
        raise InputError('--calibrate goes with --model or --snapshot')
    if options.calibrate and not options.calibrate.endswith('.npz'):
        raise InputError(f'--calibrate {options.calibrate}: the name must end with .npz')
    if options.compare and not options.plot:
        raise InputError('--compare is for --plot')
    return options


def main() -> None:
    options = parse_arguments()

    from hourglass.files import check_targets

    # Before the work, which may take hours.
    check_targets((options.json, options.csv, options.plot, options.save_predictions, options.sheet,
                   options.reliability, options.calibrate),
                  (options.predictions, options.annotations, options.detections, options.model, options.snapshot,
                   options.root, options.joints, *options.compare))
    for plot in (options.plot, options.reliability):
        if plot and Path(plot).suffix.lower() not in PLOT_ENDINGS:
            raise InputError(f'{plot}: a plot ends with one of {", ".join(PLOT_ENDINGS)}')
    if options.sheet:
        from hourglass.image import check_picture_name

        check_picture_name(options.sheet)
    scoring = importlib.import_module('eval.coco_evaluate' if is_coco(options) else 'eval.evaluate')
    result = scoring.evaluate(options)
    print(result.text())
    if options.json:
        result.save_json(options.json)
    if options.csv:
        result.save_csv(options.csv)
    if options.plot:
        scoring.plot(result, options)
    if options.reliability:
        scoring.draw_reliability(result, options.reliability)
    if options.calibrate:
        print(scoring.calibrate(result, options.snapshot or options.model, options.calibrate))


if __name__ == '__main__':
    run(main)
