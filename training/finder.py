"""Train a person finder, such as the one that is included: python -m training.finder --root people.json --out finder

The network is a stacked hourglass of one stack. Its outputs are a heatmap of people's middles and the distances to the
edges of their boxes (hourglass/box_codec.py). Every tenth picture is for validation. The result is model.npz in --out,
which scripts use as --detector bundled:FILE.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pretrained
from data.sampling import EpochOrderSampler, SampleIterator, TrainingDataset
from data.scenes import ScenesDataset, SceneTransform, find_rates
from hourglass.box_codec import finder_spec
from hourglass.config import Options, add_options, number, option, switch, text, whole
from hourglass.detection.finder import PersonFinder
from hourglass.device import check_gpu, use_device
from hourglass.engine.chainer_engine import ChainerEngine
from hourglass.errors import ArgumentParser, InputError, run
from hourglass.interruption import StopRequest
from hourglass.lock import only_run
from pretrained.weights_file import values_of
from training.average import MovingAverage
from training.distributed import Communicator
from training.graph import GraphUpdater
from training.loop import run_trainer
from training.loss import PredictorChain
from training.preparation import default_loaders
from training.progress import ProgressBar
from training.schedule import OPTIMIZERS, LearningRateSchedule
from training.snapshot import Snapshots, find_snapshots, load_snapshot, read_newest
from training.triggers import EndOfTraining, each_epoch, each_iteration

import chainer
import chainer.functions as F
import numpy as np
from chainer import training
from chainer.serializers import NpzDeserializer
from chainer.training import extensions, updaters

#: Weight of the loss of a box beside that of the heatmap.
BOX_WEIGHT = 8.0

_option = partial(option, group='training')


@dataclass(frozen=True, kw_only=True)
class FinderConfig(Options):
    """Settings of a training of the finder; ``pretrained/bundled/FINDER_CARD.md`` has those of the included one."""

    root: str = _option(
        text, metavar='FILE', help="pictures and people's boxes, a file like COCO's person_keypoints_*.json")
    out: str = _option(text, 'finder', metavar='DIR', help='folder for weights, log and snapshots')
    init: str | None = _option(
        text, None, metavar='NAME|FILE',
        help='pose weights of the same width to begin with, by name or as a file (default: random weights)')
    width: int = _option(whole(4, 1024), 64, metavar='N', help='channels inside the hourglass, a multiple of 4')
    depth: int = _option(whole(1, 6), 3, metavar='N', help='times that the hourglass halves the resolution')
    epochs: int = _option(whole(1), 9, flag='--epoch', metavar='N', help='number of epochs')
    batchsize: int = _option(whole(1), 16, metavar='N', help='pictures in a step')
    lr: float = _option(number(0, above=True), 1.5e-3, metavar='RATE', help='largest learning rate')
    ema: float = _option(number(0, 1, below=True), 0.995, metavar='DECAY', help='decay of the average of the weights')
    gpu: int = _option(whole(-1), -1, metavar='N', help='number of the GPU; -1 for the CPU')
    loaders: int | None = _option(
        whole(0), None, metavar='N',
        help='processes that prepare samples (default: 0, and with a GPU one for each CPU core but one, at most 16)')
    seed: int = _option(whole(0, 2 ** 32 - 1), 0, metavar='N', help='seed of all random numbers')
    resume: bool = _option(switch, False, help='resume from the newest snapshot in --out')


class FinderChain(PredictorChain):
    """The network with its loss, for a Chainer updater.

    The loss has two parts, both for each person of the batch: half the weighted squared error of the heatmap, and the
    negative logarithm of the intersection over union of the boxes.  The boxes are those of the cells near a person's
    middle.
    """

    def forward(self, imgs: Any, maps: Any, weights: Any) -> chainer.Variable:
        """Return the loss of a batch of :class:`data.scenes.SceneTransform`'s samples, and report it."""
        outputs = self.predictor(imgs)[-1]
        heat = F.sum(weights[:, 0] * F.square(outputs[:, 0] - maps[:, 0])) / 2
        boxes = F.sum(weights[:, 1] * box_loss(outputs[:, 1:], maps[:, 1:]))
        people = self.xp.maximum(weights[:, 1].sum(), 1)
        loss = (heat + BOX_WEIGHT * boxes) / people
        chainer.reporter.report({'loss': loss}, self)
        return loss


def box_loss(outputs: Any, targets: Any) -> chainer.Variable:
    """Return the negative logarithm of the intersection over union (N, H, W) of the boxes that cells give.

    Args:
        outputs: (N, 4, H, W), distances to the edges as :func:`hourglass.box_codec.to_output` has them.
        targets: the same of the people.
    """
    # Relative to 2 ** 2.5 cells, which no ratio depends on.
    found, wanted = 2 ** (5 * F.clip(outputs, -1.0, 1.5)), 2 ** (5 * targets)
    shared = F.minimum(found, F.broadcast_to(chainer.as_variable(wanted), found.shape))
    areas = [(box[:, 0] + box[:, 2]) * (box[:, 1] + box[:, 3]) for box in (found, wanted, shared)]
    return F.log(areas[0] + areas[1] - areas[2]) - F.log(areas[2])


def start_from(network: chainer.Chain, weights: str) -> int:
    """Copy the arrays of pose weights that have the same key and shape; return their number."""
    own, other = values_of(network), pretrained.load(weights).arrays
    common = {key: value for key, value in other.items() if key in own and np.shape(own[key]) == np.shape(value)}
    NpzDeserializer({**own, **common}).load(network)
    return len(common)


def train_finder(config: FinderConfig) -> Path:
    """Train a finder and return its weights file, ``model.npz`` in ``config.out``.

    Raises:
        InputError: a file is missing or damaged, or the folder holds another training.
        SystemExit: Ctrl-C or SIGTERM stopped the training; a snapshot was written.
    """
    check_gpu(config.gpu)
    out = Path(config.out)
    if not config.resume and find_snapshots(out):
        raise InputError(f'{out}: holds snapshots of an earlier training; --resume continues it, --out chooses another '
                         'folder')
    people, validation = ScenesDataset(config.root), ScenesDataset(config.root, 'val')
    np.random.seed(config.seed)
    spec = finder_spec(config.width, config.depth)
    chain = FinderChain(spec.build_network(), spec)
    if config.init:
        print(f'{config.init}: {start_from(chain.predictor, config.init)} arrays taken over', file=sys.stderr)
    stop = StopRequest()
    # Before the GPU is used, as the loaders are forked here.
    loaders = default_loaders(config.gpu >= 0, Communicator()) if config.loaders is None else config.loaders
    iterator = SampleIterator(TrainingDataset(people, SceneTransform(), config.seed), config.batchsize,
                              EpochOrderSampler(config.seed), loaders)
    optimizer = OPTIMIZERS['adamw'].create(config.lr).setup(use_device(chain, config.gpu))
    updater = (GraphUpdater if config.gpu >= 0 else updaters.StandardUpdater)(iterator, optimizer, device=chain.device)
    trainer = training.Trainer(updater, EndOfTraining(config.epochs, stop, Communicator()), out=config.out)
    trainer.extend(LearningRateSchedule('cosine', 'adamw', config.lr, config.epochs), trigger=each_iteration)
    average = MovingAverage(chain.predictor, config.ema)
    trainer.extend(average, trigger=each_iteration)
    snapshots = Snapshots(out, 10, 2, 15.0, stop)
    snapshots.extend(trainer)
    finder = PersonFinder(ChainerEngine(average.network))

    @training.make_extension(trigger=each_epoch, priority=280)
    def validate(trainer: training.Trainer) -> None:
        rates = find_rates(finder, validation)
        chainer.reporter.report({f'validation/{name}': value for name, value in rates.items()})
        pretrained.save_model(out / 'model.npz', average.network, spec)

    trainer.extend(validate)
    trainer.extend(extensions.observe_value('lr', lambda _: optimizer.alpha), trigger=each_epoch)
    trainer.extend(extensions.LogReport(trigger=each_epoch), trigger=each_iteration)
    trainer.extend(ProgressBar(len(people), config.epochs), trigger=each_iteration)
    with ExitStack() as stack:
        stack.callback(iterator.finalize)
        # After the loaders were forked: they would hold the lock for a moment longer than a training that is killed.
        stack.enter_context(only_run(out))
        if config.resume:
            load_snapshot(*read_newest(out), trainer)
        if not run_trainer(trainer, snapshots, stop, config.epochs):
            how = '--resume continues' if trainer.updater.iteration else 'before the first step, without a snapshot'
            print(f'stopped in epoch {trainer.updater.epoch + 1} of {config.epochs}; {how}', file=sys.stderr)
            sys.exit(stop.status)
    return out / 'model.npz'


def parse_finder_config(arguments: Sequence[str] | None = None) -> FinderConfig:
    parser = ArgumentParser(prog='python -m training.finder', description=__doc__)
    add_options(parser, FinderConfig, {'training': None})
    given = vars(parser.parse_args(arguments))
    if 'root' not in given:
        parser.error('--root is missing')
    return FinderConfig(**given)


def main() -> None:
    path = train_finder(parse_finder_config())
    print(f'{path}: the weights of the finder')


if __name__ == '__main__':
    run(main)
