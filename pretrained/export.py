"""Write weights as an ONNX file, for programs without Chainer.

The file's metadata are texts; all but ``title`` and ``weights`` (their name) are JSON:

=============  =======================================================================================================
joints         names of the joints, in the order of the heatmaps
skeleton       limbs: joint, joint (numbers from 0), part of the body
flip_order     entry k is the joint at place k in a mirrored image
preprocessing  what the input is: ``layout``, ``colours``, ``range``, ``mean`` (to be subtracted, R, G, B), ``size``
               (height, width), and how a person is cut out: ``crop``, ``crop_length``, ``crop_shift``, ``crop_margin``
               (:class:`hourglass.spec.ModelSpec`)
decoding       how heatmaps become points: ``method`` and ``align_corners`` (:class:`hourglass.spec.ModelSpec`)
spec           the whole :class:`hourglass.spec.ModelSpec`
=============  =======================================================================================================
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from hourglass.engine.networks import network_graph
from hourglass.errors import InputError
from hourglass.files import atomic_write
from hourglass.spec import CROP_ENTRIES, ModelSpec
from pretrained.weights_file import Model

import chainer
import cv2
import numpy as np

#: Largest difference between the file's heatmaps and Chainer's, relative to the largest value of a heatmap.
TOLERANCE = 1e-4
_N_IMAGES = 2


def metadata(spec: ModelSpec, weights: str) -> dict[str, str]:
    """Return the texts that go into the file."""
    joint_set = spec.joint_set
    values = {
        'joints': joint_set.joints, 'skeleton': joint_set.limb_indices, 'flip_order': joint_set.flip_order.tolist(),
        'preprocessing': {'layout': 'NCHW', 'colours': 'RGB', 'range': [0, 1], 'mean': spec.mean,
                          'size': spec.input_size,
                          **{name: getattr(spec, name) for name in CROP_ENTRIES}},
        'decoding': {'method': spec.decoding, 'align_corners': spec.align_corners},
    }
    return {'title': 'Stacked hourglass network for human pose estimation', 'weights': weights,
            'spec': spec.to_json(), **{name: json.dumps(value) for name, value in values.items()}}


def export(model: Model, weights: str, path: str | os.PathLike[str], all_stacks: bool = False) -> float:
    """Write weights as an ONNX file, and compare its heatmaps with Chainer's.

    The file has one input ``image`` (N, 3, H, W) float32, H and W being those of the weights and N free, and one
    output ``heatmaps`` (N, K, H / 4, W / 4) float32; with ``all_stacks`` the outputs ``heatmaps_1``, ``heatmaps_2``
    and so on.

    Args:
        model: the weights, on the CPU.
        weights: their name.
        path: the file to write; it appears only if the comparison succeeds.
        all_stacks: whether the heatmaps of every stack are outputs, or only those of the last stack.

    Returns:
        The largest difference between the heatmaps and Chainer's.

    Raises:
        InputError: the file cannot be written, or its heatmaps differ from Chainer's.
    """
    graph = network_graph(model.arrays, model.spec, model.spec.input_size, all_stacks, metadata(model.spec, weights))
    with atomic_write(path) as partial:
        partial.write_bytes(graph.SerializeToString(deterministic=True))
        names = [output.name for output in graph.graph.output]
        difference, scale = _compare(model, partial, names)
        # Written so that NaN fails too.
        if not difference <= TOLERANCE * max(scale, 1.0):
            raise InputError(f'{path}: not written, because its heatmaps differ from Chainer\'s by up to '
                             f'{difference:.2g}')
    return difference


def _compare(model: Model, path: Path, names: list[str]) -> tuple[float, float]:
    """Return the largest difference, and the largest value, of the heatmaps of two images of noise."""
    x = np.random.default_rng(0).random((_N_IMAGES, 3, *model.spec.input_size), np.float32)
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        expected = [output.array for output in model.network(x)][-len(names):]
    differences = [abs(got - maps).max() for got, maps in zip(run_file(path, x, names), expected, strict=True)]
    return float(np.max(differences)), float(np.max([abs(maps).max() for maps in expected]))


def run_file(path: Path, x: np.ndarray, names: list[str]) -> list[np.ndarray]:
    """Run a file in ONNX Runtime, or in OpenCV if that is not installed; return the outputs with these names."""
    try:
        import onnxruntime as ort
    except ImportError:
        network = cv2.dnn.readNetFromONNX(str(path))
        network.setInput(x)
        return list(network.forward(names))
    return ort.InferenceSession(path, providers=['CPUExecutionProvider']).run(names, {'image': x})
