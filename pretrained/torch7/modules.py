"""The modules of ``nn`` and ``cudnn`` that are single operations: their parameters and their geometry.

======================== ========= ================================= ==========================================
class                    operation arrays                            settings
======================== ========= ================================= ==========================================
SpatialConvolution(MM)   conv      W (out, in, kh, kw), b (out,)     ksize, stride, pad (y, x), groups
SpatialBatchNormalization bn       gamma, beta, mean, var (c,)       eps
ReLU                     relu
SpatialMaxPooling        pool                                        ksize, stride, pad (y, x), ceil
SpatialUpSamplingNearest upsample                                    scale
CAddTable                add
JoinTable                join                                        axis, counted from 0 in (N, C, H, W)
======================== ========= ================================= ==========================================

All arrays are float32.  The layouts are those of torch/nn and soumith/cudnn.torch of 2015 to 2017.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pretrained.torch7.objects import TorchObject

import numpy as np


class Unusable(Exception):
    """Why a file that could be read is not a network that can be used."""


# Operation, arrays and settings.
Operation = tuple[str, dict[str, np.ndarray], dict[str, Any]]


def operation(name: str, module: TorchObject, place: str) -> Operation:
    """Return what a module computes.

    Args:
        name: its class, a key of :data:`OPERATIONS`.
        module: the module.
        place: where it is, for messages.

    Raises:
        Unusable: fields are missing or do not fit together, or values are not finite.
    """
    return OPERATIONS[name](_Fields(module, place))


class _Fields:
    """The fields of a module, checked."""

    def __init__(self, module: TorchObject, place: str) -> None:
        self.module = module
        self.place = place

    def error(self, reason: str) -> Unusable:
        return Unusable(f'{reason} at {self.place}')

    def number(self, name: str, default: float | None = None) -> float:
        value = self.module.get(name, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
            raise self.error(f'no number {name}')
        return float(value)

    def integer(self, name: str, default: float | None = None) -> int:
        value = self.number(name, default)
        if not value.is_integer() or not 0 <= value < 2 ** 31:
            raise self.error(f'{name} is {value:g}')
        return int(value)

    def pair(self, vertical: str, horizontal: str, default: float | None = None) -> tuple[int, int]:
        return self.integer(vertical, default), self.integer(horizontal, default)

    def array(self, name: str, shape: tuple[int, ...] | None = None) -> np.ndarray:
        """Return a parameter in single precision; ``shape`` is what its own sizes may be written as."""
        value = self.module.get(name)
        if not isinstance(value, np.ndarray) or value.dtype.kind != 'f' or not value.size:
            raise self.error(f'no tensor {name}')
        # A view may repeat the values of its storage and stand for more than the file holds.
        if any(size > 1 and stride == 0 for size, stride in zip(value.shape, value.strides, strict=True)):
            raise self.error(f'{name} repeats its values')
        if shape is not None and value.shape != shape:
            if value.size != int(np.prod(shape, dtype=np.float64)):
                raise self.error(f'{name} has the sizes {value.shape} and not {shape}')
            value = value.reshape(shape)
        with np.errstate(over='ignore'):
            value = np.ascontiguousarray(value, np.float32)
        if not np.isfinite(value).all():
            raise self.error(f'values that are not finite numbers in {name}')
        return value

    def has_array(self, name: str) -> bool:
        value = self.module.get(name)
        return isinstance(value, np.ndarray) and value.size > 0


def _convolution(fields: _Fields) -> Operation:
    out_channels, in_channels = fields.integer('nOutputPlane'), fields.integer('nInputPlane')
    ksize, stride = fields.pair('kH', 'kW'), fields.pair('dH', 'dW', 1)
    groups = fields.integer('groups', 1)
    if groups < 1 or in_channels % groups or min(stride) < 1:
        raise fields.error('a broken convolution')
    # Before 2015 there was one field for both directions, and the weights were a matrix.
    pad = fields.pair('padH', 'padW', fields.number('padding', 0))
    arrays = {'W': fields.array('weight', (out_channels, in_channels // groups, *ksize))}
    arrays['b'] = fields.array('bias', (out_channels,)) if fields.has_array('bias') else np.zeros(out_channels, 'f')
    return 'conv', arrays, {'ksize': ksize, 'stride': stride, 'pad': pad, 'groups': groups}


def _batch_normalization(fields: _Fields) -> Operation:
    eps = fields.number('eps', 1e-5)
    mean = fields.array('running_mean')
    shape = (mean.size,)
    if fields.has_array('running_var'):
        variance = fields.array('running_var', shape)
    else:
        # Version 1 of the class kept 1 / sqrt(variance + eps).
        with np.errstate(all='ignore'):
            variance = (fields.array('running_std', shape).astype(np.float64) ** -2 - eps).astype(np.float32)
    with np.errstate(over='ignore'):
        if eps < 0 or not np.isfinite(variance).all() or variance.min() + eps <= 0:
            raise fields.error('a variance that is not positive')
    is_affine = fields.has_array('weight')
    arrays = {
        'gamma': fields.array('weight', shape) if is_affine else np.ones(shape, 'f'),
        'beta': fields.array('bias', shape) if is_affine else np.zeros(shape, 'f'),
        'mean': mean.reshape(shape), 'var': variance,
    }
    return 'bn', arrays, {'eps': eps}


def _relu(fields: _Fields) -> Operation:
    # cudnn.ReLU has neither field.
    if fields.number('threshold', 0) or fields.number('val', 0):
        return 'threshold', {}, {}
    return 'relu', {}, {}


def _pooling(fields: _Fields) -> Operation:
    ksize = fields.pair('kH', 'kW')
    return 'pool', {}, {'ksize': ksize, 'stride': fields.pair('dH', 'dW'), 'pad': fields.pair('padH', 'padW', 0),
                        'ceil': fields.module.get('ceil_mode') is True}


def _upsampling(fields: _Fields) -> Operation:
    return 'upsample', {}, {'scale': fields.integer('scale_factor')}


def _addition(fields: _Fields) -> Operation:
    return 'add', {}, {}


def _joining(fields: _Fields) -> Operation:
    axis = fields.integer('dimension') - 1
    # With nInputDims, dimensions are counted without that of the batch.
    return 'join', {}, {'axis': axis + 1 if fields.integer('nInputDims', 0) == 3 else axis}


OPERATIONS: dict[str, Callable[[_Fields], Operation]] = {
    'SpatialConvolution': _convolution,
    'SpatialConvolutionMM': _convolution,
    'SpatialBatchNormalization': _batch_normalization,
    'ReLU': _relu,
    'SpatialMaxPooling': _pooling,
    'SpatialUpSamplingNearest': _upsampling,
    'CAddTable': _addition,
    'JoinTable': _joining,
}
