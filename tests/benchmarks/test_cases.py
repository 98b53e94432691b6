"""What the benchmarks compute."""

from __future__ import annotations

import math

from benchmarks.cases import PARTS, Case, make_run, operations
from hourglass.errors import InputError

import chainer
import pytest


class Counter(chainer.FunctionHook):
    """Counts the multiplications and additions of Chainer's convolutions."""

    total = 0

    def forward_postprocess(self, function, in_data):
        if isinstance(function, chainer.functions.connection.convolution_2d.Convolution2DFunction):
            x, w = in_data[:2]
            self.total += 2 * w.size * len(x) * math.prod(math.ceil(size / function.sy) for size in x.shape[2:])


ALL_PARTS = [*(Case('tiny', part) for part in PARTS), Case('small'), Case('bundled', batch=2)]


@pytest.mark.parametrize('case', ALL_PARTS, ids=str)
def test_operations_are_those_of_the_convolutions(case):
    run = make_run(case, 'stock')
    with Counter() as counter:
        run()
    assert operations(case) == counter.total
    assert (counter.total > 0) == (case.part not in ('resizing', 'pooling'))
    assert operations(case._replace(training=True)) == 3 * counter.total


@pytest.mark.parametrize('part', PARTS)
@pytest.mark.parametrize('mode', ['stock', 'fast', 'torch'])
def test_every_part_can_be_trained(part, mode):
    if mode == 'torch':
        pytest.importorskip('torch')
    make_run(Case('tiny', part, training=True), mode)()


@pytest.mark.parametrize('case', [Case('tiny', training=True), Case('tiny', 'pooling')])
def test_engines_predict_with_whole_networks(case):
    with pytest.raises(InputError, match='engines'):
        make_run(case, 'onnxruntime')
