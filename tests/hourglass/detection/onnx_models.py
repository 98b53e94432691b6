"""Small ONNX files of detectors whose outputs are constant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE = 64, 96


def v5(boxes: list[tuple], n_classes: int = 80, n_boxes: int = 378) -> np.ndarray:
    """Rows (1, N, 5 + C) from (cx, cy, w, h, objectness, {class: score}), the rest of the rows zeros."""
    table = np.zeros((1, n_boxes, 5 + n_classes), np.float32)
    for row, (*numbers, classes) in zip(table[0], boxes, strict=False):
        row[:5] = numbers
        for label, score in classes.items():
            row[5 + label] = score
    return table


def v8(boxes: list[tuple], n_classes: int = 80, n_boxes: int = 126) -> np.ndarray:
    """Columns (1, 4 + C, N) of the same boxes, which have no score of their own."""
    return np.delete(v5(boxes, n_classes, n_boxes), 4, axis=2).transpose(0, 2, 1)


def write(path: Path, outputs: Sequence[np.ndarray] | Mapping[str, np.ndarray], metadata: dict[str, Any] | None = None,
          shape: tuple = (1, 3, *SIZE), dtype: int = TensorProto.FLOAT, has_sizes: bool = False) -> Path:
    """Write a network whose outputs are tables, to which nothing of its input is added.

    With ``has_sizes`` the boxes, the output of that name, are multiplied by the second input, RT-DETR's.
    """
    tables = outputs if isinstance(outputs, Mapping) else {f'output{i}': table for i, table in enumerate(outputs)}
    numpy_dtype = helper.tensor_dtype_to_np_dtype(dtype)
    infos, weights = [], [numpy_helper.from_array(np.zeros(1, numpy_dtype), 'zero')]
    nodes = [helper.make_node('GlobalAveragePool', ['images'], ['mean']),
             helper.make_node('ReduceMean', ['mean'], ['number'], axes=[1], keepdims=1),
             helper.make_node('Mul', ['number', 'zero'], ['nothing'])]
    inputs = [helper.make_tensor_value_info('images', dtype, shape)]
    if has_sizes:
        inputs.append(helper.make_tensor_value_info('orig_target_sizes', TensorProto.INT64, (1, 2)))
        nodes += [helper.make_node('Cast', ['orig_target_sizes'], ['sizes'], to=TensorProto.FLOAT),
                  helper.make_node('Concat', ['sizes', 'sizes'], ['corners'], axis=1)]
    for i, (name, table) in enumerate(tables.items()):
        if table.dtype != np.int64:
            table = table.astype(numpy_dtype)
        infos.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(table.dtype), table.shape))
        weights.append(numpy_helper.from_array(table, f'table{i}'))
        if table.dtype == np.int64:
            nodes.append(helper.make_node('Identity', [f'table{i}'], [name]))
        elif has_sizes and name == 'boxes':
            nodes.append(helper.make_node('Mul', [f'table{i}', 'corners'], [name]))
        else:
            weights.append(numpy_helper.from_array(np.array([1] * table.ndim, np.int64), f'shape{i}'))
            nodes += [helper.make_node('Reshape', ['nothing', f'shape{i}'], [f'shaped{i}']),
                      helper.make_node('Add', [f'table{i}', f'shaped{i}'], [name])]
    model = helper.make_model(helper.make_graph(nodes, 'test', inputs, infos, weights),
                              opset_imports=[helper.make_opsetid('', 12)], ir_version=8)
    for key, value in (metadata or {}).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, str(value)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path
