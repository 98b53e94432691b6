from __future__ import annotations

import subprocess
import sys

from hourglass.compat import nms_gpu_post

import numpy as np
import pytest
from chainercv.utils import non_maximum_suppression


@pytest.mark.parametrize('package', ['hourglass', 'data', 'pretrained', 'eval'])
def test_importing_any_package_is_enough_for_chainer(package: str) -> None:
    code = (f'import {package}, chainer, chainercv, numpy as np; import chainer.functions as F; '
            'print(F.resize_images(np.ones((1, 1, 2, 2), "f"), (4, 4)).array.sum())')
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == '16.0'
    assert result.stderr == '', 'importing must not warn'


@pytest.mark.parametrize('warning', [
    'cuDNN is not enabled.\nPlease reinstall CuPy after you install cudnn',
    '\nnccl library could not be loaded.\n\nReason: ImportError (libnccl.so.2)\n\nYou can install the library by:\n',
])
def test_what_cupy_may_come_without_is_not_asked_for(warning: str) -> None:
    code = f'import hourglass, warnings; warnings.warn({warning!r}, UserWarning)'
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert result.stderr == ''


def _overlap_mask(boxes: np.ndarray, threshold: float) -> np.ndarray:
    """What ChainerCV's GPU kernel computes: bits of the later boxes that overlap each box."""
    n, n_blocks = len(boxes), -(-len(boxes) // 64)
    top_left = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    bottom_right = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    common = np.prod(np.maximum(bottom_right - top_left, 0), axis=2)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    overlaps = common / (area[:, None] + area[None, :] - common) >= threshold
    mask = np.zeros((n, n_blocks), np.uint64)
    for i in range(n):
        for j in range(i + 1, n):
            if overlaps[i, j]:
                mask[i, j // 64] |= np.uint64(1) << np.uint64(j % 64)
    return mask.reshape(-1)


@pytest.mark.parametrize('n', [1, 2, 63, 64, 65, 200])
@pytest.mark.parametrize('threshold', [0.1, 0.5])
def test_nms_gpu_post_equals_the_nms_on_the_cpu(n: int, threshold: float) -> None:
    rng = np.random.default_rng(n)
    corner = rng.uniform(0, 100, (n, 2))
    boxes = np.hstack([corner, corner + rng.uniform(5, 60, (n, 2))]).astype(np.float32)
    expected = non_maximum_suppression(boxes, threshold)
    selection, count = nms_gpu_post(_overlap_mask(boxes, threshold), n, 64, -(-n // 64))
    assert selection.dtype == np.int32
    assert selection.shape == (n,)
    np.testing.assert_array_equal(selection[:count], expected)
    assert 0 < count <= n
