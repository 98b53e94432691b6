"""Training: settings, loss, order of samples, validation, snapshots, and the trainer that joins them.

::

    from training import TrainConfig, resume, train
    result = train(TrainConfig(dataset='csv', root='people.csv', init='bundled', epochs=20, out='result'))
    resume('result', epochs=30)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import hourglass.compat  # noqa: F401  (makes Chainer importable)

if TYPE_CHECKING:
    from training.config import TrainConfig
    from training.result import TrainResult
    from training.trainer import resume, train

__all__ = ['TrainConfig', 'TrainResult', 'resume', 'train']

_HOMES = {'TrainConfig': 'config', 'TrainResult': 'result', 'resume': 'trainer', 'train': 'trainer'}


def __getattr__(name: str) -> Any:
    # Chainer is imported once something here is used, not by `import training`.
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'{__name__}.{_HOMES[name]}'), name)
