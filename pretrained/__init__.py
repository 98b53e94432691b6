"""Weights: the registry of published files, downloads, and the weights that come with the project."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import hourglass.compat  # noqa: F401  (makes Chainer importable)

if TYPE_CHECKING:
    from pretrained.registry import load, load_default
    from pretrained.weights_file import Model, load_model, save_model

__all__ = ['Model', 'load', 'load_default', 'load_model', 'save_model']

_HOMES = {
    'Model': 'weights_file', 'load_model': 'weights_file', 'save_model': 'weights_file',
    'load': 'registry', 'load_default': 'registry',
}


def __getattr__(name: str) -> Any:
    # Networks and Chainer are imported once something here is used, not by `import pretrained`.
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'{__name__}.{_HOMES[name]}'), name)
