"""Quantise graphs to 8-bit integers.

The range of every value in the network is measured on rendered people (:mod:`data.synthetic`), so no data set is
needed.  The first convolution and the heatmaps stay in single precision: few pixels use the whole range of the input,
and the cells of a heatmap are compared with each other.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hourglass import providers
from hourglass.crop import person_box, prepare
from hourglass.spec import ModelSpec

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from tqdm import tqdm

#: Rendered people whose values are measured.
N_PEOPLE = 32


class _People(CalibrationDataReader):
    """Gives ONNX Runtime one rendered person after the other, cut out as the weights require."""

    def __init__(self, spec: ModelSpec, n: int) -> None:
        # disable=None: shown only where stderr is a terminal.
        people = tqdm(providers.rendered_people(n), 'calibrating', n, unit='person', dynamic_ncols=True, disable=None)
        self._inputs = ({'image': prepare(image, person_box(location, image.shape[1:], spec), spec)[None]}
                        for image, location in people)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._inputs, None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the advice that the library logs; the graph has been prepared already."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def quantized(model: onnx.ModelProto, spec: ModelSpec, n_people: int = N_PEOPLE) -> onnx.ModelProto:
    """Return a graph that computes in 8-bit integers.

    Weights get a scale for each output channel, all other values one scale (from the least and the greatest value in
    each picture, averaged over the pictures).

    Args:
        model: a graph of :func:`hourglass.engine.networks.network_graph`.
        spec: how people are cut out for it.
        n_people: rendered people that the ranges are measured on.
    """
    print('preparing the 8-bit network, which takes a while; it is kept for the next time', file=sys.stderr)
    convolutions = [node for node in model.graph.node if node.op_type == 'Conv']
    outputs = {value.name for value in model.graph.output}
    kept = [node.name for node in convolutions if node.input[0] == 'image' or outputs.intersection(node.output)]
    with tempfile.TemporaryDirectory() as folder, _quiet():
        source, result = (Path(folder) / name for name in ('f32.onnx', 'int8.onnx'))
        onnx.save(model, source)
        quantize_static(source, result, _People(spec, n_people), quant_format=QuantFormat.QDQ, per_channel=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, nodes_to_exclude=kept,
                        # Weights of 7 bits: a CPU without VNNI adds two products of 8 bits in 16 and cuts off the rest.
                        reduce_range=True,
                        # One unusual picture can have values ten times as large, which must not set the scale for all.
                        extra_options={'CalibMovingAverage': True})
        return onnx.load(result)
