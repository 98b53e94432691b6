"""What an ONNX file says of itself: the size of its input and the names of its classes."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from hourglass.errors import InputError

import onnx
from google.protobuf.message import DecodeError

MAX_BYTES = 2 * 1024 ** 3


@dataclass(frozen=True)
class OnnxFile:
    """An ONNX file and what it says.

    Attributes:
        path: the file.
        content: all of it.
        input_shape: lengths of the input's axes; 0 for one that is free.
        input_kind: the type of its numbers, of ``onnx.TensorProto``.
        metadata: texts that the exporting program left.
    """

    path: Path
    content: bytes
    input_shape: tuple[int, ...]
    input_kind: int
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
            names = [names.get(i) for i in range(len(names))]
        return [str(name) for name in names] if isinstance(names, list) else []


def read_onnx(path: Path) -> OnnxFile:
    """Read an ONNX file with one input.

    Raises:
        InputError: the file is missing, empty, too large or no such file.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f'{path}: larger than the {MAX_BYTES:,} bytes that an ONNX file can have')
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f'{path}: no such file') from None
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror or error})') from None
    except ValueError as error:  # a null character in the name
        raise InputError(f'{str(path)!r}: {error}') from None
    if not content:
        raise InputError(f'{path}: the file is empty')
    try:
        model = onnx.load_model_from_string(content)
    except (DecodeError, ValueError) as error:
        raise InputError(f'{path}: not an ONNX file, or a damaged one ({error})') from None
    # Older files list the weights among the inputs.
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    if len(inputs) != 1:
        raise InputError(f'{path}: not an ONNX file of a network with one input')
    tensor = inputs[0].type.tensor_type
    shape = tuple(axis.dim_value for axis in tensor.shape.dim)
    return OnnxFile(path, content, shape, tensor.elem_type, {pair.key: pair.value for pair in model.metadata_props})
