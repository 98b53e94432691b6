"""The options of a training, with their ranges, defaults and help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from data.augment import AUGMENTATIONS
from data.sets import DATASETS
from hourglass.config import Options, document, number, one_of, option, switch, text, whole
from hourglass.errors import InputError
from hourglass.joints import JOINT_SETS
from hourglass.spec import CROP_LENGTHS, CROPS, DECODINGS
from training.loss import LOSSES
from training.schedule import OPTIMIZERS, SCHEDULES

#: Value of ``resume`` for the newest snapshot in ``out``.
NEWEST = 'newest'

#: Headings of ``train.py --help``.
GROUPS = {
    'data': None,
    'network': 'With --init, the defaults are those of its weights.',
    'training': None,
    'augmentation': 'Random changes of each sample; they depend on --seed, epoch and sample alone.',
    'devices': None,
    'results': None,
}

_data = partial(option, group='data')
_network = partial(option, group='network')
_training = partial(option, group='training')
_augmentation = partial(option, group='augmentation', decisive=True)
_devices = partial(option, group='devices')
_results = partial(option, group='results')


@document
@dataclass(frozen=True, kw_only=True)
class TrainConfig(Options):
    """Settings of a training; with only ``dataset``, those of the reference.

    Every attribute is an option of ``train.py``; ``epochs`` is called ``--epoch`` there.  Where several values are
    allowed, a single value is also accepted.
    """

    # A field is decisive if a training with another value has another result. epochs is not among them: a resumed
    # training may be made longer or shorter.
    dataset: Sequence[str] = _data(
        one_of(DATASETS), count='+', metavar='NAME', decisive=True,
        help=f'data sets to train on, joined: {", ".join(DATASETS)}; a set that is named twice counts twice')
    root: Sequence[str] = _data(
        text, (), count='+', metavar='DIR',
        help='folder of each data set that has one, in the order of --dataset; for csv, coco-json and packed the file '
             '(default: below data/)')
    dataset_weights: Sequence[float] = _data(
        number(0, above=True), (), count='+', metavar='W', decisive=True,
        help='expected share of each data set in an epoch, such as "2 1" (default: as many people as it has)')
    images: str | None = _data(
        text, None, metavar='DIR', help='folder of the images of csv and coco-json (default: beside the file)')
    samples: int | None = _data(
        whole(1), None, metavar='N', decisive=True,
        help='number of people in the synthetic set, with a fifth as many more for validation '
             '(default: 20000, and 1000 for validation)')
    joints: str | None = _data(
        text, None, metavar='NAME|FILE',
        help=f'joints of the network: {", ".join(JOINT_SETS)}, or a table of your own in JSON or YAML (default: those '
             'of the first data set)')
    crop: str | None = _data(
        one_of(CROPS), None,
        help='how people are cut out where the crop reaches beyond the picture: cut off at the border and stretched '
             '(clip, the default), filled with black (pad), or as in the Torch7 code, pixel for pixel (torch7)')
    crop_length: str | None = _data(
        one_of(CROP_LENGTHS), None,
        help='what counts as the length of a person: the height of the person\'s box (height, the default), or the '
             'longer side of the box, for people who do not stand (longer)')
    crop_shift: float | None = _data(
        number(-1, 1), None, metavar='S',
        help='how far the middle of the crop is below that of the person, in lengths of the person (default: 0.075)')
    crop_margin: float | None = _data(
        number(0.1, 10), None, metavar='M', help='side of the crop, in lengths of the person (default: 1.25)')
    decoding: str | None = _data(
        one_of(DECODINGS), None,
        help='how a heatmap becomes a joint: its highest cell (argmax, the default), a quarter of a cell from there '
             'towards the larger neighbour (quarter-offset), or the peak of a Gaussian through the highest cells of '
             'the smoothed heatmap (dark); torch7 is for weights of the Torch7 code')
    align_corners: bool | None = _data(
        switch, None,
        help='let the first and last cell of a heatmap be the first and last pixel of the crop; the heatmaps of an '
             'image and of its mirror image then fit exactly (default: no, as in the reference)')
    validation: bool = _data(
        switch, True, decisive=True,
        help='keep the validation people out of the training and report a score after each epoch, on those of the '
             'first data set that has some (the default), or train on them, too, and report no score')

    stacks: int | None = _network(
        whole(1, 4096), None, metavar='N',
        help='number of hourglasses (default: 2); with --init it may be more than the weights have: the new ones begin '
             'as copies of the last one')
    width: int | None = _network(
        whole(1, 4096), None, metavar='N', help='channels inside an hourglass, a multiple of 4 (default: 256)')
    depth: int | None = _network(
        whole(1, 10), None, metavar='N', help='times that an hourglass halves the resolution (default: 4)')
    input_size: int | None = _network(
        whole(1, 4096), None, metavar='PIXELS', help='height and width of the input (default: 256)')
    init: str | None = _network(
        text, None, metavar='NAME|FILE',
        help='weights to begin with, by name ("python -m pretrained list") or as a file (default: random weights); '
             'from weights of another joint set, the joints in common are taken')
    freeze: Sequence[str] = _network(
        text, (), count='+', metavar='PATTERN', decisive=True,
        help='parameters that are not trained, such as "conv0/*" or "hg1/*" (default: none)')
    lr_scale: Sequence[str] = _network(
        text, (), count='+', metavar='PATTERN=FACTOR', decisive=True,
        help='parameters with another learning rate, such as "conv*_3a/*=10"; the first pattern that fits counts')

    epochs: int = _training(whole(1), 100, flag='--epoch', metavar='N', help='number of epochs')
    batchsize: int | None = _training(
        whole(1), None, metavar='N', decisive=True,
        help='people in a step of the optimiser (default: 6, or 32 on several GPUs); with --distributed, people of '
             'each process in a step (default: 16)')
    optimizer: str = _training(one_of(OPTIMIZERS), 'rmsprop', decisive=True, help='update rule')
    lr: float | None = _training(
        number(0, above=True), None, metavar='RATE', decisive=True,
        help='learning rate (default: 2.5e-4 for rmsprop, 2e-3 for adamw)')
    schedule: str = _training(
        one_of(SCHEDULES), 'step', decisive=True,
        help='learning rate over time: times 0.2 after 70 % of the training, or a cosine down to 0')
    loss: str = _training(
        one_of(LOSSES), 'mse', decisive=True,
        help='; '.join(f'{name}: {entry.title}' for name, entry in LOSSES.items()))
    joint_weights: Sequence[str] = _training(
        text, (), count='+', metavar='JOINT=W', decisive=True,
        help='weight of a joint in the loss, such as "right wrist=2" (default: 1 for each)')
    ohkm: int | None = _training(
        whole(1), None, metavar='K', decisive=True,
        help='online hard keypoint mining: only the K joints of each person with the largest loss count (joints of '
             'weight 0 are left out; default: all joints)')
    ema: float | None = _training(
        number(0, 1, below=True), None, metavar='DECAY', decisive=True,
        help='average the weights over the training with this decay, such as 0.999; the weights files hold the average '
             '(default: no average)')
    seed: int = _training(whole(0, 2 ** 32 - 1), 0, metavar='N', decisive=True, help='seed of all random numbers')

    augmentation: str = _augmentation(
        one_of(AUGMENTATIONS), 'reference',
        help='reference: rotate and scale the crop, with black at its edges; warp: rotate and scale the image while it '
             'is cropped, so that the surroundings are seen and pixels are resampled once')
    rotation: float = _augmentation(number(0, 180), 30.0, metavar='DEGREES', help='largest random rotation')
    rotate_prob: float = _augmentation(number(0, 1), 1.0, metavar='P', help='probability of rotating a sample at all')
    scale_range: Sequence[float] = _augmentation(
        number(0.1, 10), (0.75, 1.25), count=2, metavar=('LOW', 'HIGH'), help='range of the random scaling')
    cutout: float = _augmentation(
        number(0, 1), 0.0, metavar='P', help='probability of covering a rectangle of a sample with one colour')
    shift: float = _augmentation(
        number(0, 0.5), 0.0, metavar='SHARE',
        help='largest random shift of the crop in y and in x, as a share of its side')
    degrade: float = _augmentation(
        number(0, 1), 0.0, metavar='P', help='probability of making a sample grey, blurred or coarse')

    gpu: str = _devices(
        text, '-1', metavar='N[,N...]',
        help='number of the GPU; several, with commas between, share each batch (with --distributed, the processes on '
             'a machine take one each, in order); -1 for the CPU (extra "gpu-cuda12" or "gpu-cuda13")')
    loaders: int | None = _devices(
        whole(0), None, metavar='N',
        help='processes that prepare samples in advance; the result does not depend on it (default: 0, and with a GPU '
             'one for each CPU core but one, at most 16)')
    distributed: bool = _devices(
        switch, False, of_process=True,
        help='train with all processes that mpiexec has started: "mpiexec -n 4 python train.py --distributed ..." '
             '(ChainerMN; extra "distributed")')
    sync_bn: bool = _devices(
        switch, False, decisive=True,
        help='with --distributed, batch normalisation over the whole batch instead of each process\'s part; slower')
    mixed16: bool = _devices(
        switch, False, decisive=True,
        help='compute in half precision where it does no harm; for GPUs, far slower on a CPU')

    out: str = _results(text, 'result', metavar='DIR', help='folder for weights, log, pictures and snapshots')
    snapshot_interval: int = _results(
        whole(1), 10, metavar='EPOCHS', help='epochs from one snapshot_epoch_N to the next; all of these are kept')
    keep: int = _results(
        whole(1), 3, metavar='N',
        help='number of the other snapshots, snapshot_iter_N, that are kept; one is written after each epoch, every '
             '--snapshot-minutes, and at a stop')
    snapshot_minutes: float = _results(
        number(0, above=True), 15.0, metavar='M', help='longest time between snapshots, in minutes')
    resume: str | None = _results(
        text, None, metavar='FILE', count='?', const=NEWEST, of_process=True,
        help='resume from this snapshot, or without FILE from the newest one in --out; without --dataset and '
             '--config, the options are those of run.json beside the snapshot, and --out is its folder by default')
    overwrite: bool = _results(
        switch, False, of_process=True,
        help='remove the snapshots of an earlier training from --out; without this option a training does not start '
             'there')
    tensorboard: bool = _results(switch, False, help='write events for TensorBoard, too (extra "tensorboard")')
    calibrate: bool = _results(
        switch, False,
        help='at the end, also write calibrated.npz: the best weights with calibrated scores, which are the rate of '
             'correct joints among the validation people')

    @property
    def learning_rate(self) -> float:
        """``lr``, or the default of the optimiser."""
        return self.lr or OPTIMIZERS[self.optimizer].lr

    def __post_init__(self) -> None:
        super().__post_init__()
        for is_wrong, reason in _CONFLICTS:
            if is_wrong(self):
                raise InputError(reason)


#: What does not go together, or makes no sense alone.
_CONFLICTS: tuple[tuple[Callable[[TrainConfig], Any], str], ...] = (
    (lambda config: not config.dataset, f'--dataset is missing: one or several of {", ".join(DATASETS)}'),
    (lambda config: len(config.dataset_weights) not in (0, len(config.dataset)),
     '--dataset-weights needs one number for each data set'),
    (lambda config: config.images is not None and not any(DATASETS[name].is_own for name in config.dataset),
     '--images is for --dataset csv and coco-json'),
    (lambda config: config.samples is not None and not any(DATASETS[name].has_samples for name in config.dataset),
     '--samples is for --dataset synthetic'),
    (lambda config: config.width is not None and config.width % 4, '--width must be a multiple of 4'),
    (lambda config: config.scale_range[0] > config.scale_range[1], '--scale-range must be LOW and then HIGH'),
    (lambda config: config.mixed16 and ',' in config.gpu and not config.distributed,
     '--mixed16 on several GPUs needs --distributed'),
    (lambda config: config.sync_bn and not config.distributed, '--sync-bn is for --distributed'),
    (lambda config: config.sync_bn and config.mixed16, '--sync-bn does not go with --mixed16'),
    (lambda config: config.augmentation == 'warp' and config.crop == 'torch7',
     '--augmentation warp does not go with --crop torch7'),
)

#: Fields without which a training would come out differently, by their names.
DECISIVE = {entry.name: entry for entry in fields(TrainConfig) if entry.metadata.get('decisive')}
#: Fields that say how a process was started and not what the training is.
OF_PROCESS = tuple(entry.name for entry in fields(TrainConfig) if entry.metadata.get('of_process'))
