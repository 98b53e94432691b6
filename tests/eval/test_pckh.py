from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from data.mpii.hdf5 import read_hdf5, read_predictions
from eval import evaluate
from eval.pckh import pckh
from hourglass.joints import MPII

import numpy as np
import pytest


def test_other_joint_sets_are_refused() -> None:
    with pytest.raises(ValueError, match=r'\(N, 16, 2\), not \(3, 14, 2\)'):
        pckh(np.zeros((3, 14, 2)), np.zeros((3, 14, 2)), np.ones((3, 14), bool), np.ones(3))


def test_counts_of_the_reference(shared: Callable[[str], Path]) -> None:
    annotations, predictions = shared('mpii/annot/valid.h5'), shared('mpii/preds/valid-example.h5')
    people = read_hdf5(annotations)
    reference = json.loads(shared('reference/pckh.json').read_text())
    result = evaluate(predictions=predictions, annotations=annotations)
    for score in (pckh(read_predictions(predictions), people.points, people.labelled, people.head_size), result.score):
        assert score.correct.tolist() == reference['correct']
        assert score.count.tolist() == reference['count']
        rates = {name.lower(): rate for name, rate in score.group_rates(MPII).items()}
        assert rates == pytest.approx(reference['scores'], abs=1e-15)
