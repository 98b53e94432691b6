"""Write an ONNX graph, node by node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

#: Every program that reads ONNX knows this version of the operators, among them OpenCV's DNN module.
OPSET = 13
_IR_VERSION = 7


class GraphWriter:
    """Writes a graph.

    Values are names: every method takes those of its inputs and returns that of its output, which is also the
    node's.
    """

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def node(self, operator: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Apply an operator of ONNX that has one output."""
        self._nodes.append(helper.make_node(operator, inputs, [name], name, **attributes))
        return name

    def has(self, name: str) -> bool:
        """Return whether a node has been written."""
        return any(node.name == name for node in self._nodes)

    def constant(self, array: np.ndarray, name: str, dtype: type = np.float32) -> str:
        """Store an array, in float32 or, if it holds sizes, in int64; one of the same name must be the same."""
        self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(array, dtype), name)
        return name

    def convolution(self, x: str, w: np.ndarray, b: np.ndarray, name: str, stride: int = 1, pad: int = 0) -> str:
        """Convolve by ``w`` (O, I, k, k) and add ``b`` (O,)."""
        return self.node('Conv', [x, self.constant(w, f'{name}/W'), self.constant(b, f'{name}/b')], name,
                          kernel_shape=w.shape[2:], strides=[stride] * 2, pads=[pad] * 4)

    def relu(self, x: str, name: str) -> str:
        return self.node('Relu', [x], name)

    def add(self, a: str, b: str, name: str) -> str:
        return self.node('Add', [a, b], name)

    def model(
        self, input_shape: Sequence[int | str], outputs: Mapping[str, Sequence[int | str]], metadata: Mapping[str, str],
    ) -> onnx.ModelProto:
        """Finish: return the graph as a model with the input ``image``.

        Args:
            input_shape: of the input; texts name sizes that are free.
            outputs: shape of each output by its name.
            metadata: texts that go into the file.
        """
        graph = helper.make_graph(
            self._nodes, 'hourglass', [helper.make_tensor_value_info('image', TensorProto.FLOAT, input_shape)],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
            list(self._constants.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', OPSET)], ir_version=_IR_VERSION,
                                  producer_name='hourglass')
        helper.set_model_props(model, dict(metadata))
        return model
