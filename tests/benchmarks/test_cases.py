import math

from benchmarks.cases import Case, make_run, operations
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


@pytest.mark.parametrize('case', [Case('tiny'), Case('small'), Case('bundled', batch=2)], ids=str)
def test_operations_are_those_of_the_convolutions(case):
    run = make_run(case, 'stock')
    with Counter() as counter:
        run()
    assert operations(case) == counter.total
    assert operations(case._replace(training=True)) == 3 * counter.total


def test_pytorch():
    pytest.importorskip('torch')
    for training in (False, True):
        make_run(Case('tiny', training=training), 'torch')()


def test_engines_do_not_train():
    with pytest.raises(InputError, match='engines'):
        make_run(Case('tiny', training=True), 'onnxruntime')
