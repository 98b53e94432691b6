"""The functions' base class."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from hourglass.functions.layout import Array

import chainer
import numpy as np
from chainer import FunctionNode, Variable


class Function(FunctionNode):
    """A function without Chainer's bookkeeping if nothing is recorded for a backward pass.

    In a small network the bookkeeping takes as long as the arithmetic.  There is no gradient of the gradient.
    """

    @abstractmethod
    def gradients(self, indexes: tuple[int, ...], grad_outputs: tuple[Variable, ...]) -> tuple[Variable | None, ...]:
        """Return the gradients by the inputs ``indexes``, as ``FunctionNode.backward`` does."""

    def backward(self, indexes: tuple[int, ...], grad_outputs: tuple[Variable, ...]) -> tuple[Variable | None, ...]:
        """Return :meth:`gradients`; ``RuntimeError`` if a gradient of these is asked for."""
        if chainer.config.enable_backprop:
            raise RuntimeError(f'{type(self).__name__} has no double backpropagation: '
                               "use chainer.using_config('hourglass_functions', 'stock')")
        return self.gradients(indexes, grad_outputs)

    def apply(self, inputs: Sequence[Variable | Array]) -> tuple[Variable, ...]:
        """Return the outputs, as ``FunctionNode.apply`` does; hooks, ``debug`` and GPUs are left to that."""
        if chainer.config.enable_backprop or chainer.config.debug or chainer.get_function_hooks():
            return super().apply(inputs)
        arrays: tuple[Any, ...] = tuple([x.array if isinstance(x, Variable) else x for x in inputs])
        if not all(type(array) is np.ndarray for array in arrays):
            return super().apply(inputs)
        if chainer.config.type_check:
            self._input_layouts = (None,) * len(arrays)
            self._check_data_type_forward(arrays)
        return tuple([Variable(y, requires_grad=False) for y in self.forward(arrays)])
