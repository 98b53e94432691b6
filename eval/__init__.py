"""Evaluation: PCK, PCKh and OKS of a network or of a file of predictions, with tables and plots.

::

    from eval import compare, evaluate
    scores = evaluate('result/best.npz', dataset='csv', root='people.csv', flip=True)
    print(scores.table())
    scores.save_json('new.json')
    print(compare(['old.json', 'new.json']).text())
"""

from typing import TYPE_CHECKING

from hourglass.lazy import lazy_names  # (hourglass makes Chainer importable)

if TYPE_CHECKING:
    from eval.comparison import Comparison, compare
    from eval.config import EvalConfig
    from eval.evaluation import evaluate
    from eval.result import Result

__all__ = ['Comparison', 'EvalConfig', 'Result', 'compare', 'evaluate']

__getattr__ = lazy_names(__name__, {
    'Comparison': 'comparison', 'EvalConfig': 'config', 'Result': 'result', 'compare': 'comparison',
    'evaluate': 'evaluation',
})
