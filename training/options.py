"""The command line of ``train.py``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hourglass.config import add_options, read_options
from hourglass.errors import ArgumentParser, InputError, run

if TYPE_CHECKING:
    from training.config import TrainConfig


def parse_config(arguments: Sequence[str] | None = None) -> TrainConfig:
    """Read the options of a training.

    Args:
        arguments: the command line; by default that of the process.

    Raises:
        InputError: an option or the file of ``--config`` is wrong.
    """
    # Only here: without Chainer, the import is an error that run() reports on one line.
    from training.config import GROUPS, NEWEST, TrainConfig

    parser = ArgumentParser(
        usage='%(prog)s --dataset NAME [NAME ...] [options]', allow_abbrev=False,
        description='Train a stacked hourglass network.',
        epilog='With only --dataset, the settings are those of the reference.')
    parser.add_argument('--config', metavar='FILE',
                        help='options from a .json or .yaml file, or from the run.json of an earlier training; those '
                             'on the command line come first')
    add_options(parser, TrainConfig, GROUPS)
    given = vars(parser.parse_args(arguments))
    path = given.pop('config')
    if path is None and 'resume' in given and 'dataset' not in given:
        newest = given['resume'] == NEWEST
        folder = Path(given.get('out', TrainConfig.out)) if newest else Path(given['resume']).parent
        path = folder / 'run.json'
        if not path.is_file():
            raise InputError(f'{path}: no such file, which --resume needs; --out names the folder of a training, '
                             '--resume FILE a snapshot in one, --config the options of a snapshot that lies elsewhere')
        # The folder may have another name now than in its run.json.
        given.setdefault('out', folder)
    values = {} if path is None else read_options(Path(path), TrainConfig)
    return TrainConfig(**{'dataset': (), **values, **given})


def _main() -> None:
    from training import train

    train(parse_config())


#: What ``train.py`` and ``hourglass-train`` call.
training = partial(run, _main)
