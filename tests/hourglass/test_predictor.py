from __future__ import annotations

import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hourglass.device import use_device
from hourglass.draw import draw_pose
from hourglass.errors import InputError
from hourglass.image import read_image
from hourglass.joints import MPII
from hourglass.network import StackedHG
from hourglass.predictor import PosePredictor
from hourglass.spec import ModelSpec

import numpy as np
import pytest
from PIL import Image

SMALL = ModelSpec(n_stack=1, width=8, layer_num=2, input_size=(64, 64), crop='pad', decoding='quarter-offset')


@pytest.fixture
def predictor() -> PosePredictor:
    np.random.seed(0)
    return PosePredictor(SMALL.build_network(), SMALL, batchsize=2)


@pytest.fixture
def on_device(predictor: PosePredictor, device: int) -> PosePredictor:
    """The same network, on a device."""
    return PosePredictor(use_device(predictor.network.copy('copy'), device), SMALL, batchsize=2)


def _images(n: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.uniform(0, 255, (3, 60 + 10 * i, 90)).astype(np.float32) for i in range(n)]


def test_the_demo_of_the_reference(shared: Callable[[str], Path], rule_network: StackedHG) -> None:
    reference = np.load(shared('reference/demo.npz'))
    predictor = PosePredictor(rule_network, ModelSpec())
    image = read_image(shared('mpii/images/025508722.jpg'))
    pose, = predictor.poses([image])
    # The reference saw other colours at some edges (an older JPEG library), and the maps of random weights are
    # rough, so the maps are near and the joints, which they decide, equal.
    assert abs(pose.heatmaps - reference['net_out']).max() < 0.1
    np.testing.assert_array_equal(pose.points, reference['keypoints'])
    # From the same resized input everything is equal.
    maps = predictor.heatmaps(reference['resized'][None])
    np.testing.assert_allclose(maps[0], reference['net_out'], rtol=2e-4, atol=2e-4)


def test_batch_size_device_and_thread_change_nothing(
    predictor: PosePredictor, on_device: PosePredictor, monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = _images(5)
    with ThreadPoolExecutor(1) as pool:  # in which another device is current
        batched = pool.submit(on_device.poses, images).result()
    batches: list[int] = []
    poses = predictor.poses
    monkeypatch.setattr(predictor, 'poses', lambda imgs, **options: batches.append(len(imgs)) or poses(imgs, **options))
    points, scores = predictor.predict(images)
    assert batches == [2, 2, 1]  # the pictures of a long list are not in memory together
    for image, pose, image_points, image_scores in zip(images, batched, points, scores, strict=True):
        alone, = predictor.poses([image])
        np.testing.assert_allclose(pose.heatmaps, alone.heatmaps, atol=1e-5)
        assert (image_points.shape, image_scores.shape) == ((16, 2), (16,))
        np.testing.assert_allclose(image_scores, alone.scores, atol=1e-5)
        assert 0 <= image_scores.min() <= image_scores.max() <= 1
    assert batched.index(batched[1]) == 1
    assert predictor.predict([]) == ([], [])
    with pytest.raises(InputError, match='batchsize must be at least 1, not 0'):
        PosePredictor(predictor.engine, SMALL, batchsize=0)


def test_flip_averages_both_directions(predictor: PosePredictor) -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (2, 3, 64, 64)).astype(np.float32)
    plain = predictor.heatmaps(x)
    mirrored = predictor.heatmaps(np.ascontiguousarray(x[..., ::-1]))
    predictor.flip = True
    order = SMALL.joint_set.flip_order
    expected = (plain + mirrored[:, order][..., ::-1]) / 2
    np.testing.assert_allclose(predictor.heatmaps(x), expected, atol=1e-6)


def test_one_picture_gives_one_pose_and_a_list_lists(predictor: PosePredictor, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / 'a.png')
    (expected,), _ = predictor.predict([pixels.transpose(2, 0, 1).astype(np.float32)])
    for one in (tmp_path / 'a.png', pixels):
        np.testing.assert_array_equal(predictor.predict(one).points, expected)
        points, scores = predictor.predict([one, one])
        assert len(points) == len(scores) == 2
        np.testing.assert_array_equal(points[1], expected)
    np.testing.assert_array_equal(predictor.predict(pixels[:, :, ::-1], bgr=True).points, expected)
    batch = np.stack([pixels.transpose(2, 0, 1)] * 2).astype(np.float32)
    assert len(predictor.predict(batch)[0]) == 2
    with pytest.raises(InputError, match=r'shape \(7,\)'):
        predictor.predict(np.zeros(7))


def test_a_pose_names_its_joints_and_draws_itself(predictor: PosePredictor) -> None:
    image = _images(1)[0]
    pose = predictor.predict(image)
    assert pose.image is image
    assert list(pose.joints) == list(MPII.joints)
    wrist = pose.joints['left wrist']
    assert (wrist.y, wrist.x) == tuple(pose.points[15])
    assert wrist.score == pytest.approx(pose.scores[15])
    described = json.loads(json.dumps(pose.to_dict()))
    assert described['joints'][15]['name'] == 'left wrist'
    assert described['joints'][15]['x'] == pytest.approx(wrist.x, abs=0.01)
    assert set(described['seen']) == {'x0', 'y0', 'x1', 'y1'}
    expected = draw_pose(image, pose.points, MPII, scores=pose.scores)
    np.testing.assert_array_equal(np.asarray(pose.draw()).transpose(2, 0, 1), expected)
    shown = Image.open(io.BytesIO(pose._repr_jpeg_()))
    assert (shown.format, shown.size) == ('JPEG', (90, 60))
    with pytest.raises(InputError, match='clear, reference'):
        pose.draw(style='plain')
    assert len(repr(pose)) < 3000
