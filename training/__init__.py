"""Training: settings, loss, order of samples, validation, snapshots, and the trainer that joins them.

::

    from training import TrainConfig, resume, train
    result = train(TrainConfig(dataset='csv', root='people.csv', init='bundled', epochs=20, out='result'))
    resume('result', epochs=30)
"""

from typing import TYPE_CHECKING

from hourglass.lazy import lazy_names  # (hourglass makes Chainer importable)

if TYPE_CHECKING:
    from training.config import TrainConfig
    from training.result import TrainResult
    from training.trainer import resume, train

__all__ = ['TrainConfig', 'TrainResult', 'resume', 'train']

__getattr__ = lazy_names(__name__, {
    'TrainConfig': 'config', 'TrainResult': 'result', 'resume': 'trainer', 'train': 'trainer',
})
