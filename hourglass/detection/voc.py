"""ChainerCV's detectors for the classes of Pascal VOC, of which only people are kept.

SSD: Liu et al., *SSD: Single Shot MultiBox Detector*, ECCV 2016; YOLOv3: Redmon and Farhadi, arXiv:1804.02767.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from hourglass import download
from hourglass.detection import Detector
from hourglass.device import check_gpu, use_device
from hourglass.download import Source
from hourglass.errors import InputError
from hourglass.layers import ConvBNReLU, fuse
from hourglass.npz import NpzFile

import chainer
import chainer.links as L
import numpy as np
from chainer.backend import CpuDevice
from chainer.initializers import Zero
from chainer.serializers import DictionarySerializer, NpzDeserializer
from chainercv.datasets import voc_bbox_label_names
from chainercv.links import SSD300, SSD512, YOLOv3


class NetworkKind(NamedTuple):
    """A class of ChainerCV, and how many numbers its weights are, counts of batches left out."""

    build: Callable[..., chainer.Chain]
    n_values: int


NETWORKS = {
    'ssd512': NetworkKind(SSD512, 27_188_676),
    'ssd300': NetworkKind(SSD300, 26_285_486),
    'yolo_v3': NetworkKind(YOLOv3, 61_678_657),
}
PERSON = voc_bbox_label_names.index('person')

# Boxes that score less are dropped at once, because every box costs time in non-maximum suppression.
_LOWEST_SCORE = 0.1
_MAX_BYTES = 512 * 1024 ** 2


class VOCDetector(Detector):
    """Finds people with a detector of ChainerCV.

    Args:
        network: an SSD or YOLO with the 20 classes of Pascal VOC, on the device where it shall run.
    """

    def __init__(self, network: chainer.Chain) -> None:
        self.network = network
        #: ChainerCV's own threshold for showing a box.
        self.score_threshold = float(network.score_thresh)
        network.score_thresh = min(_LOWEST_SCORE, self.score_threshold)

    def detect_one(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with chainer.using_device(self.network.device):
            boxes, labels, scores = (values[0] for values in self.network.predict([image]))
        people = labels == PERSON
        return boxes[people].astype(np.float32), scores[people].astype(np.float32)


def _forward(link: L.Convolution2D, x: chainer.Variable) -> chainer.Variable:
    x = chainer.as_variable(x)
    y = fuse(x, [ConvBNReLU(link)]) if isinstance(x.device, CpuDevice) else None
    return L.Convolution2D.forward(link, x) if y is None else y


def accelerate(network: chainer.Chain) -> chainer.Chain:
    """Let a network's plain convolutions be computed by :mod:`hourglass.functions` where it runs on the CPU.

    The results differ by rounding.  SSD512 takes a third of the time.

    Args:
        network: with all its weights; it is changed.

    Returns:
        The network.
    """
    for link in network.links():
        if type(link) is L.Convolution2D:
            link.forward = partial(_forward, link)
    return network


def _build(kind: str) -> chainer.Chain:
    network = NETWORKS[kind].build(n_fg_class=len(voc_bbox_label_names))
    for parameter in network.params():
        # A file gives size and values to those without a size; random values before that would take seconds.
        parameter.initializer = Zero()
    return network


def _read_arrays(network: chainer.Chain, n_values: int, path: Path) -> dict[str, np.ndarray]:
    """Read the weights of a network before its first use; ``InputError`` if the file is damaged or for another one."""
    serializer = DictionarySerializer()
    serializer.save(network)
    # Counts of batches may be missing.  Arrays whose size depends on the input have no shape yet.
    shapes = {key: np.shape(value) for key, value in serializer.target.items() if not key.endswith('/N')}
    with NpzFile(path) as file:
        headers = {key: file.header(key) for key in set(shapes) & set(file.keys)}
        is_fitting = len(headers) == len(shapes) and all(
            header.dtype.kind == 'f' and shapes[key] in ((), header.shape) for key, header in headers.items())
        if not is_fitting or sum(math.prod(header.shape) for header in headers.values()) != n_values:
            raise InputError(f'{path}: not the weights of this detector (other arrays)')
        arrays = {key: file.read(key).astype(np.float32) for key in headers}
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise InputError(f'{path}: has values that are not finite numbers')
    return arrays


def _find_weights(kind: str, check: Callable[[Path], object], is_quick: bool) -> Path:
    """Return a weights file from the cache folder, from ChainerCV's own, or else by downloading it."""
    url = NETWORKS[kind].build._models['voc0712']['url']  # type: ignore[attr-defined]
    name = url.rpartition('/')[2]
    if not (download.cache_folder() / name).exists():
        root = os.environ.get('CHAINER_DATASET_ROOT', os.path.join('~', '.chainer', 'dataset'))
        copy = Path(os.path.expanduser(root)) / 'pfnet' / 'chainercv' / 'models' / name
        if copy.is_file():
            try:
                check(copy)
                return copy
            except InputError:
                pass  # ChainerCV's download may have been interrupted; this one starts anew
        if is_quick and (reason := download.recent_failure(name)):
            raise InputError(f'{name} could not be downloaded a while ago ({reason}); --detector {kind} tries again')
    return download.fetch(name, (Source('ChainerCV', 'https', url),), check, _MAX_BYTES,
                          connect_seconds=2.0 if is_quick else 10.0, wait_seconds=60.0 if is_quick else 600.0)


def load(kind: str, file: str | None, gpu: int, is_quick: bool = False) -> VOCDetector:
    """Make a detector from ChainerCV's weights, which are downloaded at the first time, or from a file like them.

    Args:
        kind: a key of :data:`NETWORKS`.
        file: weights (.npz) of this network for the 20 classes; by default ChainerCV's own, ``voc0712``.
        gpu: number of the GPU; -1 for the CPU.
        is_quick: do not wait long where there is no network: a server gets two seconds to answer, and a download that
            failed is not tried again for an hour.

    Raises:
        InputError: the weights cannot be downloaded or are not this network's, or there is no such GPU.
    """
    check_gpu(gpu)
    network = _build(kind)

    def read(path: Path) -> dict[str, np.ndarray]:
        return _read_arrays(network, NETWORKS[kind].n_values, path)

    path = _find_weights(kind, read, is_quick) if file is None else Path(file)
    NpzDeserializer(read(path), strict=False).load(network)
    return VOCDetector(accelerate(use_device(network, gpu)))
