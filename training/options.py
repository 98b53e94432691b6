"""The options of a training: from the command line, from a file, or from both."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data.augment import AUGMENTATIONS
from data.sets import DATASETS
from hourglass.errors import ArgumentParser, InputError
from hourglass.joints import JOINT_SETS
from hourglass.spec import CROPS, DECODINGS
from hourglass.textfile import read_values
from training.loss import LOSSES
from training.schedule import OPTIMIZERS, SCHEDULES

#: Value of ``--resume`` without a file.
NEWEST = 'newest'


def _add_data(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('data')
    group.add_argument('--dataset', nargs='+', choices=list(DATASETS), metavar='NAME',
                       help=f'what to train on ({", ".join(DATASETS)}); several are joined, and one that is named '
                            'twice counts twice')
    group.add_argument('--root', nargs='+', metavar='DIR',
                       help='folder of each data set that has one, in the same order; the file for csv, coco-json '
                            'and packed (default: below data/)')
    group.add_argument('--images', metavar='DIR',
                       help='folder of the images of csv and coco-json (default: beside the file)')
    group.add_argument('--samples', type=int, metavar='N',
                       help='people in the synthetic set, and a fifth of N for validation (default: as many as it has)')
    group.add_argument('--joints', metavar='NAME|FILE',
                       help=f'joints of the network: {", ".join(JOINT_SETS)}, or a table of your own in JSON or YAML '
                            '(default: those of the first data set)')
    group.add_argument('--crop', choices=CROPS,
                       help='how people are cut out: ending at the border and stretched (clip, the default), with '
                            'black around (pad), or with the pixels and rounding of the Torch7 code (torch7)')
    group.add_argument('--decoding', choices=DECODINGS,
                       help='how a heatmap becomes a joint: its highest cell (argmax, the default), a quarter of a '
                            'cell from there towards the larger neighbour (quarter-offset), or the peak of a Gaussian '
                            'through the highest cells of the smoothed heatmap (dark); torch7 needs such weights')
    group.add_argument('--align-corners', action=argparse.BooleanOptionalAction, default=None,
                       help='whether the first and last cell of a heatmap are the first and last pixel, so that the '
                            'heatmaps of a mirror image lie exactly on those of the image (default: no, as in the '
                            'reference)')
    group.add_argument('--no-validation', action='store_true',
                       help='train on the validation part too, and report no score')
    group.add_argument('--validation', dest='no_validation', action='store_false',
                       help='the opposite, where a --config says otherwise')


def _add_network(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('network', 'With --init, the defaults are those of the weights named.')
    group.add_argument('--stacks', type=int,
                       help='number of hourglasses; with --init also more than the weights have: the new ones begin as '
                            'copies of the last (default: 2)')
    group.add_argument('--width', type=int, help='channels inside an hourglass (default: 256)')
    group.add_argument('--depth', type=int, help='times that an hourglass halves the resolution (default: 4)')
    group.add_argument('--input-size', type=int, help='height and width of the input (default: 256)')
    group.add_argument('--init', metavar='NAME|FILE',
                       help='weights to begin with, by name ("python -m pretrained list") or as a file; those of '
                            'another joint set give what the joints have in common')
    group.add_argument('--freeze', nargs='+', default=[], metavar='PATTERN',
                       help='parameters that stay as they are, such as "conv0/*" or "hg1/*"')
    group.add_argument('--lr-scale', nargs='+', default=[], metavar='PATTERN=FACTOR',
                       help='parameters with another learning rate, such as "conv*_3a/*=10"; the first that fits '
                            'counts')


def _add_training(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('training')
    group.add_argument('--epoch', type=int, default=100, help='length of the training')
    group.add_argument('--batchsize', type=int, metavar='N',
                       help='people in a step (default: 6, or 32 on several GPUs); with --distributed, people whom '
                            'each process takes in a step (default: 16)')
    group.add_argument('--optimizer', choices=list(OPTIMIZERS), default='rmsprop', help='how parameters are changed')
    group.add_argument('--lr', type=float, help='learning rate (default: 2.5e-4 for rmsprop, 2e-3 for adamw)')
    group.add_argument('--schedule', choices=list(SCHEDULES), default='step',
                       help='learning rate over time: times 0.2 after 70 %% of the training, or falling as a cosine')
    group.add_argument('--loss', choices=list(LOSSES), default='mse',
                       help='; '.join(f'{name}: {entry.title}' for name, entry in LOSSES.items()))
    group.add_argument('--joint-weights', nargs='+', default=[], metavar='JOINT=W',
                       help='how much a joint counts in the loss, such as "right wrist=2" (1 if not named)')
    group.add_argument('--ohkm', type=int, metavar='K',
                       help='online hard keypoint mining: only the K joints of each person with the largest loss count '
                            '(joints of weight 0 are left out)')
    group.add_argument('--ema', type=float, metavar='DECAY',
                       help='average the weights over the training, such as 0.999; the weights files get the average')
    group.add_argument('--augmentation', choices=list(AUGMENTATIONS), default='published',
                       help='how people are turned and scaled at random: after they were cut out, with black coming '
                            'in (published), or in one step with cutting out, with the picture around them coming in '
                            '(warp)')
    group.add_argument('--rotation', type=float, default=30.0, help='largest random rotation in degrees')
    group.add_argument('--rotate-prob', type=float, default=1.0, metavar='P',
                       help='probability of rotating a sample at all')
    group.add_argument('--scale-range', type=float, nargs=2, default=[0.75, 1.25], metavar=('LOW', 'HIGH'),
                       help='range of the random scaling')
    group.add_argument('--cutout', type=float, default=0.0, metavar='P',
                       help='probability of covering a rectangle of a sample with one colour')
    group.add_argument('--seed', type=int, default=0, help='makes a training repeatable')
    group.add_argument('--loaders', type=int, default=0, metavar='N',
                       help='processes that prepare samples beside the training; the result does not depend on it')
    group.add_argument('--gpu', default='-1', metavar='N[,N...]',
                       help='number of the GPU; several, with commas between, share each batch (with --distributed, '
                            'the processes on a machine take one each, in order); -1 for the CPU')
    group.add_argument('--distributed', action='store_true',
                       help='train with all processes that mpiexec has started: "mpiexec -n 4 python train.py '
                            '--distributed ..." (ChainerMN; extra "distributed")')
    group.add_argument('--sync-bn', action='store_true',
                       help='with --distributed, normalise by the statistics of the whole batch and not of each '
                            'process\'s part: slower')
    group.add_argument('--mixed16', action='store_true',
                       help='compute in half precision where it does no harm; for GPUs, on a CPU it is far slower')


def _add_results(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('results')
    group.add_argument('--out', default='result', metavar='DIR',
                       help='folder for weights, log, pictures and snapshots')
    group.add_argument('--snapshot-interval', type=int, default=10, metavar='EPOCHS',
                       help='epochs from one snapshot_epoch_N, which stays, to the next')
    group.add_argument('--keep', type=int, default=3, metavar='N',
                       help='how many of the snapshots in between (snapshot_iter_N: every epoch, every '
                            '--snapshot-minutes and at a stop) stay')
    group.add_argument('--snapshot-minutes', type=float, default=15.0, metavar='M',
                       help='longest time without a snapshot')
    group.add_argument('--resume', nargs='?', const=NEWEST, metavar='FILE',
                       help='go on from this snapshot, or from the newest in --out')
    group.add_argument('--overwrite', action='store_true',
                       help='remove the snapshots of an earlier training from --out')
    group.add_argument('--tensorboard', action='store_true', help='write events for TensorBoard, too (tensorboardX)')
    group.add_argument('--config', metavar='FILE',
                       help='options from a .json or .yaml file, or from the run.json of an earlier training; the '
                            'command line comes first')


def build_parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(
        prog='train.py', description='Train a stacked hourglass network.', allow_abbrev=False,
        formatter_class=_Formatter,
        epilog='With nothing but --dataset, the settings are those of the published training.')
    for add in (_add_data, _add_network, _add_training, _add_results):
        add(parser)
    return parser


class _Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Show defaults, except where there is nothing to show."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        has_default = action.default is not None and action.default != [] and not isinstance(action.default, bool)
        return super()._get_help_string(action) if has_default else action.help


def _as_arguments(values: dict[str, Any], path: Path) -> list[str]:
    """Write a configuration as a command line, so that both are checked in the same way."""
    # Of --no-validation and --validation the first is what the name stands for.
    actions = {action.dest: action for action in reversed(build_parser()._actions)
               if action.dest not in ('help', 'config')}
    arguments: list[str] = []
    for key, value in values.items():
        name = str(key).replace('-', '_')
        if name not in actions:
            raise InputError(f'{path}: unknown option {key!r}')
        flag = actions[name].option_strings[0]
        if isinstance(actions[name], argparse.BooleanOptionalAction) and isinstance(value, bool):
            arguments.append(actions[name].option_strings[not value])
            continue
        if value is None or value is False or value == []:
            continue
        if actions[name].nargs == 0:
            if value is not True:
                raise InputError(f'{path}: {key} is {value!r}, not true or false')
            arguments.append(flag)
        elif actions[name].nargs in ('+', 2) and isinstance(value, list):
            arguments += [flag, *map(str, value)]
        elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
            arguments.append(f'{flag}={value}')
        else:
            raise InputError(f'{path}: {key} is {value!r}, which is no value for {flag}')
    return arguments


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the options of a training.

    Args:
        arguments: the command line; by default that of the process.

    Raises:
        InputError: an option or the configuration file is wrong.
    """
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.config is not None:
        path = Path(options.config)
        values = read_values(path, 'configuration')
        # A run.json holds the options beside what else is known of the run.
        if isinstance(values, dict) and isinstance(values.get('options'), dict):
            values = values['options']
        if not isinstance(values, dict):
            raise InputError(f'{path}: does not hold options by their names')
        try:
            defaults = parser.parse_args(_as_arguments(values, path))
        except InputError as error:
            reason = str(error).removeprefix(f'{path}: ')
            raise InputError(f'{path}: {reason}') from None
        options = parser.parse_args(arguments, defaults)
    if not options.dataset:
        raise InputError('--dataset is missing: what to train on, one or several of ' + ', '.join(DATASETS))
    return options


def check_options(options: argparse.Namespace) -> None:
    """Refuse what makes no sense before anything is read."""
    for name in ('resume', 'init', 'joints'):
        # From a variable of a script that is not set, say; it would pass for the option not being there.
        if getattr(options, name) == '':
            raise InputError(f'--{name} is empty')
    for name in ('epoch', 'batchsize', 'snapshot_interval', 'samples', 'keep', 'ohkm'):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise InputError(f'--{name.replace("_", "-")} must be at least 1')
    if options.loaders < 0 or options.seed < 0:
        raise InputError('--loaders and --seed must not be negative')
    if options.seed >= 2 ** 32:
        raise InputError('--seed must be below 2 ** 32')
    for name in ('lr', 'snapshot_minutes'):
        value = getattr(options, name)
        if value is not None and not 0 < value < float('inf'):
            raise InputError(f'--{name.replace("_", "-")} must be a positive number')
    if options.ema is not None and not 0 <= options.ema < 1:
        raise InputError('--ema must be at least 0 and below 1')
    if options.images is not None and not any(DATASETS[name].is_own for name in options.dataset):
        raise InputError('--images is for --dataset csv and coco-json')
    if options.samples is not None and not any(DATASETS[name].has_samples for name in options.dataset):
        raise InputError('--samples is for synthetic')
    if options.mixed16 and ',' in options.gpu and not options.distributed:
        raise InputError('--mixed16 on several GPUs needs --distributed')
    if options.sync_bn and not options.distributed:
        raise InputError('--sync-bn is for --distributed')
    if options.sync_bn and options.mixed16:
        raise InputError('--sync-bn does not go with --mixed16')
    if not 0 <= options.rotation <= 180:
        raise InputError('--rotation must be from 0 to 180 degrees')
    if not 0 <= options.rotate_prob <= 1:
        raise InputError('--rotate-prob must be from 0 to 1')
    if not 0 <= options.cutout <= 1:
        raise InputError('--cutout must be from 0 to 1')
    if len(options.scale_range) != 2 or not 0.1 <= options.scale_range[0] <= options.scale_range[1] <= 10:
        raise InputError('--scale-range must be two numbers from 0.1 to 10, the lower one first')
