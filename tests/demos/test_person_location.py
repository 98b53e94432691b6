from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import Mock

from data.synthetic import demo_scene
from demos.person_location import PersonLocation, join_negative_numbers
from hourglass.crop import corners
from hourglass.errors import InputError
from hourglass.predictor import PosePredictor
from tests.stand_ins import FixedBoxes

import cv2
import numpy as np
import pytest


def test_by_default_the_person_is_in_the_middle(bundled: PosePredictor) -> None:
    place, image = PersonLocation(), demo_scene((240, 200))
    assert place.is_middle
    assert place.with_fit(bundled) is bundled
    np.testing.assert_array_equal(place.find(bundled, image).points, bundled.poses([image])[0].points)


@pytest.mark.parametrize(('values', 'expected'), [
    ({'box': '30,20,60,100'}, (10, -5, 110, 95)),
    ({'box': (-30, -20, 10, 60)}, (-30, -60, 70, 40)),
    ({'box': (30, 20, 110, 60)}, (-10, 20, 90, 120)),
    ({'center': (80, 100), 'scale': 0.5}, (37, 17, 162, 142)),
    ({'center': '80.5,-10', 'scale': '.4'}, (-60, 30, 40, 130)),
])
def test_the_crop_follows_from_box_or_centre(
    bundled: PosePredictor, values: dict[str, Any], expected: tuple[int, ...],
) -> None:
    place, image = PersonLocation(**values), demo_scene((240, 200))
    assert not place.is_middle
    np.testing.assert_allclose(corners(place.find(bundled, image).box), expected, atol=1)


def test_negative_numbers_on_the_command_line() -> None:
    assert join_negative_numbers(['--box', '-5,0,9,9', '--center', '-1,2', '--json', '-x,y']) == [
        '--box=-5,0,9,9', '--center=-1,2', '--json', '-x,y']


@pytest.mark.parametrize(('values', 'reason'), [
    ({'box': '1,2,3'}, '--box must be X0,Y0,X1,Y1'),
    ({'box': '1,2,x,4'}, '--box must be'),
    ({'box': 'nan,2,3,4'}, '--box must be'),
    ({'box': (0, 0, 1e30, 4)}, '--box must be'),
    ({'box': (5, 2, 3, 4)}, 'empty or reversed'),
    ({'center': '4', 'scale': 1}, '--center must be X,Y'),
    ({'center': (4, 5)}, 'need each other'),
    ({'auto': True, 'fit': 'pad'}, '--auto and --fit exclude each other'),
    ({'box': (1, 2, 3, 4), 'center': (4, 5), 'scale': 1}, '--box and --center exclude each other'),
    ({'detector': 'bundled-fast'}, '--detector needs --auto'),
    ({'auto': True, 'detector': 'eyes'}, "no detector 'eyes'"),
])
def test_locations_that_make_no_sense(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        PersonLocation(**values)


@pytest.mark.parametrize('values', [
    {'box': (0, 240, 50, 300)}, {'center': (-200, 100), 'scale': 1}])
def test_a_location_outside_of_the_picture(bundled: PosePredictor, values: dict[str, Any]) -> None:
    with pytest.raises(InputError, match='outside of the picture, which is 240 pixels high and 200 wide'):
        PersonLocation(**values).find(bundled, demo_scene((240, 200)))


def test_without_any_detector_a_person_is_found_too(
    bundled: PosePredictor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr('hourglass.detection.voc.load', Mock(side_effect=InputError('none is installed')))
    image = demo_scene((240, 400))
    pose = PersonLocation(auto=True).find(bundled, image)
    assert 'none is installed' in capsys.readouterr().err
    searched = PersonLocation(auto=True, detector='none').find(bundled, image)
    np.testing.assert_allclose(pose.points, searched.points, atol=8)


@pytest.mark.parametrize(('detector', 'expected'), [
    (FixedBoxes((60, 350, 180, 390)), True),
    (FixedBoxes((20, 160, 220, 240), (60, 350, 180, 390)), True),
    (FixedBoxes((20, 160, 220, 240)), False),  # in the middle, where --auto would look, too
    (FixedBoxes((60, 350, 180, 390), scores=[0.4]), False),
    (FixedBoxes(), False),
])
def test_a_person_elsewhere_is_seen(
    bundled: PosePredictor, monkeypatch: pytest.MonkeyPatch, detector: FixedBoxes, expected: bool,
) -> None:
    monkeypatch.setattr('hourglass.detection.finder.load', lambda *_: detector)
    nothing = np.zeros((3, 240, 400), np.float32)
    pose, = bundled.poses([nothing])
    assert PersonLocation().is_elsewhere(pose, bundled.spec, nothing) == expected
    assert not PersonLocation(auto=True).is_elsewhere(pose, bundled.spec, nothing)
    clear = demo_scene((240, 240))
    assert not PersonLocation().is_elsewhere(bundled.poses([clear])[0], bundled.spec, clear)


@pytest.mark.parametrize('crop', ['clip', 'pad', 'torch7'])
def test_the_whole_picture_can_be_taken_in_two_ways(bundled: PosePredictor, crop: str) -> None:
    image = demo_scene((324, 576))
    other = PosePredictor(bundled.engine, replace(bundled.spec, crop=crop))

    stretched = PersonLocation(fit='stretch')
    pose = stretched.find(stretched.with_fit(other), image)
    assert corners(pose.box) == (0, 0, 324, 576)
    seen = stretched.with_fit(other).crop_image(image, pose.box)
    np.testing.assert_allclose(seen[:, ::32, ::32], cv2.resize(
        image.transpose(1, 2, 0), bundled.spec.input_size[::-1]).transpose(2, 0, 1)[:, ::32, ::32], atol=0.01)

    padded = PersonLocation(fit='pad')
    pose = padded.find(padded.with_fit(other), image)
    np.testing.assert_allclose(corners(pose.box), (-126, 0, 450, 576), atol=1)
    seen = padded.with_fit(other).crop_image(image, pose.box)
    assert not seen[:, :26].any()
    assert seen[:, 32:-32].mean() > 20
