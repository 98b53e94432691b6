from __future__ import annotations

from tests.child import run_python
from tests.conftest import DEVICES

import chainer
import numpy as np
import pytest
from chainer.backends.cuda import to_cpu
from chainercv.utils import non_maximum_suppression


@pytest.mark.parametrize('package', ['hourglass', 'data', 'pretrained', 'eval', 'demos', 'training'])
def test_every_package_prepares_chainer(package: str) -> None:
    code = f'import sys, {package}; print("hourglass.compat" in sys.modules, "chainer" in sys.modules)'
    assert run_python('-c', code).stdout.split() == ['True', 'False']


def test_chainer_works_without_a_warning() -> None:
    code = ('import hourglass, chainer, chainercv, numpy as np; import chainer.functions as F; '
            'print(F.resize_images(np.ones((1, 1, 2, 2), "f"), (4, 4)).array.sum()); import warnings; '
            r'warnings.warn("cuDNN is not enabled.\nPlease reinstall CuPy", UserWarning); '
            r'warnings.warn("\nnccl library could not be loaded.\n\nReason: ImportError", UserWarning)')
    result = run_python('-c', code)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == '16.0'
    assert result.stderr == '', 'neither importing warns nor what CuPy may lack'


@pytest.mark.parametrize(('n', 'threshold'), [(1, 0.5), (64, 0.1), (65, 0.5), (200, 0.1)])
@pytest.mark.parametrize('device', DEVICES[1:], indirect=True)
def test_the_nms_on_a_gpu_equals_that_on_the_cpu(n: int, threshold: float, device: int) -> None:
    rng = np.random.default_rng(n)
    corner = rng.uniform(0, 100, (n, 2))
    boxes = np.hstack([corner, corner + rng.uniform(5, 60, (n, 2))]).astype(np.float32)
    with chainer.using_device(chainer.get_device(device)):
        found = non_maximum_suppression(chainer.get_device(device).send(boxes), threshold)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(to_cpu(found), non_maximum_suppression(boxes, threshold))
