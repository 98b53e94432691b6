"""What of the GPU's benchmark needs no GPU."""

from __future__ import annotations

from benchmarks import gpu
from hourglass.errors import InputError

import pytest


def test_the_table_has_medians_and_ratios():
    figures = {'stock': {'train': [1., 2., 90.], 'evaluate': [4.]}, 'fast': {'train': [6.], 'evaluate': [6.]}}
    head, _, train, evaluate = gpu.show(figures).splitlines()
    assert head == '| images/s | stock | fast | fast/stock | fast/torch |'
    assert train == '| train | 2.0 | 6.0 | 3.00 | - |'
    assert evaluate == '| evaluate | 4.0 | 6.0 | 1.50 | - |'


def test_every_run_is_waited_for():
    calls = []
    rates = gpu.images_per_second(lambda: calls.append('compute'), lambda: calls.append('wait'), 8, 3)
    assert calls == ['compute', 'compute', 'wait', *['compute', 'wait'] * 3]
    assert len(rates) == 3
    assert min(rates) > 0


@pytest.mark.parametrize('arguments', [['--gpu', '-1'], ['--batchsize', '0'], ['--repeats', '0']])
def test_numbers_that_make_no_sense(arguments):
    with pytest.raises(InputError, match=arguments[0]):
        gpu.parse(arguments)


def test_without_a_gpu_one_line_says_so(monkeypatch):
    from hourglass.device import check_gpu
    try:
        check_gpu(0)
    except InputError:
        monkeypatch.setattr('sys.argv', ['gpu'])
        with pytest.raises(InputError, match='--gpu 0'):
            gpu.main()
    else:
        pytest.skip('there is a GPU')
