"""Evaluation: PCK, PCKh and OKS of a network or of a file of predictions, with tables and plots.

::

    from eval import compare, evaluate
    scores = evaluate('result/best.npz', dataset='csv', root='people.csv', flip=True)
    print(scores.table())
    scores.save_json('new.json')
    print(compare(['old.json', 'new.json']).text())
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import hourglass.compat  # noqa: F401  (makes Chainer importable)

if TYPE_CHECKING:
    from eval.comparison import Comparison, compare
    from eval.config import EvalConfig
    from eval.evaluation import evaluate
    from eval.result import Result

__all__ = ['Comparison', 'EvalConfig', 'Result', 'compare', 'evaluate']

_HOMES = {'Comparison': 'comparison', 'EvalConfig': 'config', 'Result': 'result', 'compare': 'comparison',
          'evaluate': 'evaluation'}


def __getattr__(name: str) -> Any:
    # Data sets and Chainer are imported once something here is used, not by `import eval`.
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'{__name__}.{_HOMES[name]}'), name)
