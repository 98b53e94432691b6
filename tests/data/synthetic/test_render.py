from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from data.synthetic import render_person, render_scene
from data.synthetic.annotation import Annotation, annotate
from data.synthetic.body import Physique
from data.synthetic.outfit import HAIR, KINDS
from data.synthetic.pose import Pose
from data.synthetic.render import draw
from data.synthetic.scene import Scene, make_figure
from data.synthetic.skeleton import pose_body
from hourglass.joints import MPII

import numpy as np
import pytest

SIZE_SMALL = (96, 96)
CROWN = MPII.index('head top')


@pytest.mark.parametrize('size', [(96, 96), (97, 131), (131, 64), (33, 32)])
def test_pictures_have_the_size_asked_for(size: tuple[int, int]) -> None:
    person = render_person(np.random.default_rng(16), size)
    assert person.image.shape == (3, *size)
    assert person.image.dtype == np.uint8
    assert person.image.flags.c_contiguous
    assert person.points.shape == (16, 2)
    assert person.labelled.dtype == person.visible.dtype == bool


def test_odd_sizes_do_not_shift_the_figure(scene_of: Callable[..., Scene]) -> None:
    centres = []
    for size in ((120, 120), (121, 121)):
        scene = replace(scene_of(size=(120, 120)), size=size)
        without = replace(scene, figures=[], look_seed=scene.look_seed)
        assert draw(without).shape == (3, *size)
        changed = np.abs(draw(scene).astype(int) - draw(without)).sum(axis=0) > 60
        rows, columns = np.nonzero(changed[:100])
        centres.append((rows.mean(), columns.mean()))
    np.testing.assert_allclose(centres[0], centres[1], atol=0.3)


@pytest.mark.parametrize('kind', list(KINDS))
def test_every_outfit_can_be_drawn(kind: str, scene_of: Callable[..., Scene]) -> None:
    image = draw(scene_of(kind=kind, size=SIZE_SMALL))
    assert image.std() > 5


@pytest.mark.parametrize('hair', list(HAIR))
def test_every_hair_and_hat_can_be_drawn(
    hair: str, still: Pose, body: Callable[..., Physique], scene_of: Callable[..., Scene],
) -> None:
    scene = scene_of(size=SIZE_SMALL)
    outfit = replace(scene.figures[0].outfit, hair=hair, hair_thickness=HAIR[hair][0])
    figure = make_figure(0, np.zeros(3), 20, pose_body(body(), still), outfit)
    assert annotate(replace(scene, figures=[figure]))[0].visible[CROWN]
    assert draw(replace(scene, figures=[figure])).shape == (3, *SIZE_SMALL)


def test_several_people_in_one_picture() -> None:
    image, people = render_scene(np.random.default_rng(17), (90, 150), 4)
    assert image.shape == (3, 90, 150)
    assert len(people) == 4
    assert all(isinstance(person, Annotation) for person in people)
    assert len({person.box for person in people}) == 4
    with pytest.raises(ValueError, match='cannot draw 0 people'):
        render_scene(np.random.default_rng(0), (90, 90), 0)


def test_drawing_is_fast_enough() -> None:
    render_person(np.random.default_rng(0), (256, 256))
    start = time.process_time()
    for seed in range(5):
        render_person(np.random.default_rng(seed), (256, 256))
    # 20 to 30 ms on one core; the margin is for a busy machine.
    assert (time.process_time() - start) / 5 < 0.3
