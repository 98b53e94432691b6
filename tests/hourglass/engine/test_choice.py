from __future__ import annotations

from hourglass.engine import choice
from hourglass.engine.choice import choose_engine
from hourglass.errors import InputError

import pytest

ALL = ('onnx', 'onnxruntime', 'openvino')


@pytest.mark.parametrize(('packages', 'engine', 'precision', 'gpu', 'expected'), [
    (ALL, 'auto', 'f32', -1, 'onnxruntime'),
    (ALL, 'auto', 'f32', 0, 'chainer'),
    (ALL, 'auto', 'int8', -1, 'onnxruntime'),
    (ALL, 'auto', 'bf16', -1, 'openvino'),
    (ALL, 'openvino', 'int8', -1, 'openvino'),
    (('onnx', 'openvino'), 'auto', 'f32', -1, 'openvino'),
    (('onnxruntime', 'openvino'), 'auto', 'f32', -1, 'chainer'),
    ((), 'auto', 'f32', -1, 'chainer'),
])
def test_the_choice(
    monkeypatch: pytest.MonkeyPatch, packages: tuple[str, ...], engine: str, precision: str, gpu: int, expected: str,
) -> None:
    monkeypatch.setattr(choice, 'find_spec', lambda name: name in packages or None)
    assert choose_engine(engine, precision, gpu) == expected


@pytest.mark.parametrize(('packages', 'engine', 'precision', 'gpu', 'reason'), [
    (ALL, 'openvino', 'f32', 0, '--engine openvino runs on the CPU'),
    (ALL, 'auto', 'int8', 0, '--precision int8 is for the engines'),
    (ALL, 'chainer', 'bf16', -1, '--precision bf16 is for the engines'),
    (ALL, 'onnxruntime', 'bf16', -1, '--engine onnxruntime has no --precision bf16; use --engine openvino'),
    (('onnx',), 'onnxruntime', 'f32', -1, 'pip install onnxruntime'),
    (('onnxruntime',), 'onnxruntime', 'f32', -1, 'pip install onnx)'),
    (('onnx', 'onnxruntime'), 'auto', 'bf16', -1, 'pip install openvino'),
    (('onnx', 'openvino'), 'openvino', 'int8', -1, 'pip install onnxruntime'),
    (ALL, 'torch', 'f32', -1, '--engine torch'),
])
def test_combinations_that_are_refused(
    monkeypatch: pytest.MonkeyPatch, packages: tuple[str, ...], engine: str, precision: str, gpu: int, reason: str,
) -> None:
    monkeypatch.setattr(choice, 'find_spec', lambda name: name in packages or None)
    with pytest.raises(InputError) as caught:
        choose_engine(engine, precision, gpu)
    assert reason in str(caught.value)
