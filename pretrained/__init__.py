"""Weights by name or from a file of any kind: Chainer, Torch7, PyTorch, safetensors.

::

    import pretrained
    model = pretrained.load('bundled')      # arrays, spec, network
"""

from typing import TYPE_CHECKING

from hourglass.lazy import lazy_names  # (hourglass makes Chainer importable)

if TYPE_CHECKING:
    from pretrained.registry import load, load_default
    from pretrained.weights_file import Model, load_model, save_model

__all__ = ['Model', 'load', 'load_default', 'load_model', 'save_model']

__getattr__ = lazy_names(__name__, {
    'Model': 'weights_file', 'load_model': 'weights_file', 'save_model': 'weights_file',
    'load': 'registry', 'load_default': 'registry',
})
