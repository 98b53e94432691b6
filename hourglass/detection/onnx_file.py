"""Read an ONNX file: inputs and outputs, names of the classes, and weights in files beside it."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from pathlib import Path

from hourglass.errors import InputError
from hourglass.foreign import MAX_BYTES, open_file, printable

import onnx
from google.protobuf.message import DecodeError, EncodeError
from onnx import external_data_helper as helper

# RT-DETR's exports have this second input.
_SIZES, _INT64 = 'orig_target_sizes', onnx.TensorProto.INT64


@dataclass(frozen=True)
class OnnxFile:
    """An ONNX file: content, inputs, outputs and metadata.

    Attributes:
        path: the file.
        content: the network with all its weights, those of files beside it included.
        input_name: of the picture.
        input_shape: lengths of the input's axes; 0 for one that is free.
        input_kind: the type of its numbers, of ``onnx.TensorProto``.
        sizes_name: of a second input that takes the (width, height) of the picture, (1, 2) int64; None without one.
        output_names: of what the network returns.
        metadata: texts that the exporting program left.
    """

    path: Path
    content: bytes
    input_name: str
    input_shape: tuple[int, ...]
    input_kind: int
    sizes_name: str | None
    output_names: list[str]
    metadata: dict[str, str]

    def literal(self, key: str) -> object:
        """Return an entry of the metadata that is written as Python writes its values; None without one."""
        try:
            return ast.literal_eval(self.metadata[key][:100_000])
        except (KeyError, ValueError, SyntaxError, MemoryError, RecursionError):
            return None

    @property
    def class_names(self) -> list[str]:
        """Names of the classes in order, as YOLO's exports have them; none if the file does not say."""
        names = self.literal('names')
        if isinstance(names, dict):
            numbered = {str(number): name for number, name in names.items()}
            names = [numbered.get(str(i)) for i in range(len(names))]
        return [str(name) for name in names] if isinstance(names, list) else []


def _with_weights(path: Path, model: onnx.ModelProto, content: bytes) -> bytes:
    """Return the content of a model with the weights that are in files beside it; ONNX refuses other folders.

    Raises:
        InputError: such a file is missing, in another folder or too short, or all are too large.
    """
    tensors = [tensor for tensor in helper._get_all_tensors(model) if helper.uses_external_data(tensor)]
    if not tensors:
        return content
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            parts = [helper.ExternalDataInfo(tensor) for tensor in tensors]
            if sum(part.length or (path.parent / part.location).stat().st_size for part in parts) > MAX_BYTES:
                raise ValueError(f'more than {MAX_BYTES:,} bytes')
            for tensor in tensors:
                helper.load_external_data_for_tensor(tensor, str(path.parent))
        return model.SerializeToString()
    except (OSError, ValueError, RuntimeError, EncodeError, onnx.checker.ValidationError) as error:
        raise InputError(f'{path}: the files with its weights cannot be read ({error})') from None


def _inputs(path: Path, model: onnx.ModelProto) -> tuple[onnx.ValueInfoProto, str | None]:
    """Return the input for the picture, and the name of the one for the picture's size."""
    # Older files list the weights among the inputs.
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    sizes = [value.name for value in inputs if value.name == _SIZES and value.type.tensor_type.elem_type == _INT64]
    pictures = [value for value in inputs if value.name not in sizes]
    if len(pictures) != 1:
        names = ', '.join(printable(value.name) for value in inputs[:5])
        raise InputError(f'{path}: not an ONNX file of a network with one input (it has {names or "none"})')
    return pictures[0], sizes[0] if sizes else None


def read_onnx(path: Path) -> OnnxFile:
    """Read an ONNX file with one input, or with the picture's size as a second one.

    Raises:
        InputError: the file, or one with its weights, is missing, empty, too large or no such file.
    """
    with open_file(path, 'an ONNX file') as file:
        content = file.read()
    try:
        model = onnx.load_model_from_string(content)
    except (DecodeError, ValueError) as error:
        raise InputError(f'{path}: not an ONNX file, or a damaged one ({error})') from None
    picture, sizes_name = _inputs(path, model)
    tensor = picture.type.tensor_type
    return OnnxFile(
        path, _with_weights(path, model, content), picture.name,
        tuple(axis.dim_value for axis in tensor.shape.dim), tensor.elem_type, sizes_name,
        [value.name for value in model.graph.output], {pair.key: pair.value for pair in model.metadata_props})
