#!/usr/bin/env python3
"""Score a stacked hourglass network on an annotated data set."""

from __future__ import annotations

import argparse
import sys

from hourglass.errors import InputError, run


def parse_arguments() -> argparse.Namespace:
    from data.sets import DATASETS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--dataset', choices=list(DATASETS), default='lsp', help='what to evaluate on (default: lsp)')
    parser.add_argument('--root', metavar='DIR', help='folder where the data set lies (default: below data/)')
    parser.add_argument('--split', metavar='NAME', help='part of the data set (default: the one for testing)')
    weights = parser.add_mutually_exclusive_group()
    weights.add_argument('--model', metavar='NAME|FILE',
                         help='weights, by name ("python -m pretrained list") or as a file; by default the published '
                              'ones if they can be had, else those that come with the project')
    weights.add_argument('--snapshot', metavar='FILE', help='snapshot of a training to take the weights from')
    parser.add_argument('--flip', action='store_true', help='average over each image and its mirror image')
    parser.add_argument('--batchsize', type=int, default=16, metavar='N', help='people at a time (default: 16)')
    parser.add_argument('--json', metavar='FILE', help='write the scores')
    parser.add_argument('--gpu', type=int, default=-1, metavar='N', help='number of the GPU (default: -1, the CPU)')
    options = parser.parse_args()
    if options.batchsize < 1:
        raise InputError('--batchsize must be at least 1')
    return options


def main() -> None:
    options = parse_arguments()

    from data.sets import DATASETS
    from eval.predict import ground_truth, predict_dataset
    from eval.score import count_correct, reported_joints
    from hourglass.predictor import PosePredictor
    from hourglass.results import write_json

    from tqdm import tqdm

    entry = DATASETS[options.dataset]
    predictor = PosePredictor.load(options.snapshot or options.model, options.gpu, options.flip, options.batchsize)
    joint_set = predictor.spec.joint_set
    dataset = entry.load(options.root, options.split or entry.test_split, joint_set)
    with tqdm(total=len(dataset), unit='person', dynamic_ncols=True, disable=not sys.stderr.isatty()) as bar:
        points, _ = predict_dataset(predictor, dataset, bar.update)
    score = count_correct(points, *ground_truth(dataset), entry.threshold)
    print(f'{entry.metric}@{entry.threshold} on {dataset.name}, {len(dataset)} people' + ', flip' * options.flip)
    print(score.table(joint_set))
    reported = reported_joints(joint_set)
    print(f'mean over {len(reported)} joints: {score.mean(reported):.3f}')
    if options.json:
        write_json(options.json, {
            'dataset': dataset.name, 'people': len(dataset), 'metric': entry.metric, 'threshold': entry.threshold,
            'flip': options.flip, **score.to_dict(joint_set)})


if __name__ == '__main__':
    run(main)
