from __future__ import annotations

import argparse
from dataclasses import replace

from data.synthetic import demo_scene
from demos.person_location import FRAME_COLOUR, PersonLocation, add_location_options, join_negative_numbers
from hourglass.crop import CropBox
from hourglass.errors import ArgumentParser, InputError
from hourglass.locate import corners
from hourglass.predictor import PosePredictor

import cv2
import numpy as np
import pytest


@pytest.fixture(scope='module')
def predictor() -> PosePredictor:
    return PosePredictor.load('bundled')


def _parse(*arguments: str) -> PersonLocation:
    parser = ArgumentParser()
    add_location_options(parser)
    return PersonLocation.from_options(argparse.Namespace(gpu=-1, **vars(parser.parse_args(
        join_negative_numbers(arguments)))))


def test_by_default_the_person_is_in_the_middle(predictor: PosePredictor) -> None:
    place, image = _parse(), demo_scene((240, 200))
    assert place.is_middle
    assert place.adapt(predictor) is predictor
    np.testing.assert_array_equal(place.find(predictor, image).points, predictor.poses([image])[0].points)


@pytest.mark.parametrize(('arguments', 'expected'), [
    (['--box', '20,30,100,60'], (10, -5, 110, 95)),
    (['--box', '-20,-30,60,10'], (-30, -60, 70, 40)),
    (['--box=-20,-30,60,10'], (-30, -60, 70, 40)),
    (['--box', '20,30,60,110'], (-10, 20, 90, 120)),
    (['--center', '100,80', '--scale', '0.5'], (37, 17, 162, 142)),
    (['--center', '-10,80.5', '--scale', '.4'], (-60, 30, 40, 130)),
])
def test_the_crop_follows_from_box_or_centre(
    predictor: PosePredictor, arguments: list[str], expected: tuple[int, ...],
) -> None:
    place, image = _parse(*arguments), demo_scene((240, 200))
    assert not place.is_middle
    np.testing.assert_allclose(corners(place.find(predictor, image).box), expected, atol=1)


@pytest.mark.parametrize(('arguments', 'reason'), [
    (['--box', '1,2,3'], 'is not Y0,X0,Y1,X1'),
    (['--box', '1,2,3,4,5'], 'is not Y0,X0,Y1,X1'),
    (['--box', '1,2,x,4'], 'is not Y0,X0,Y1,X1'),
    (['--box', ''], 'is not Y0,X0,Y1,X1'),
    (['--box', 'nan,2,3,4'], 'no pixel'),
    (['--box', '-inf,2,3,4'], 'no pixel'),
    (['--box', '0,0,1e30,4'], 'no pixel'),
    (['--box', '5,2,3,4'], 'empty or reversed'),
    (['--box', '1,4,3,4'], 'empty or reversed'),
    (['--center', '4', '--scale', '1'], 'is not Y,X'),
    (['--center', '4,5'], 'go together'),
    (['--scale', '1'], 'go together'),
    (['--center', '4,5', '--scale', '0'], '--scale 0'),
    (['--center', '4,5', '--scale', 'nan'], '--scale nan'),
    (['--center', '4,5', '--scale', 'inf'], '--scale inf'),
    (['--center', '4,5', '--scale', '-1'], '--scale -1'),
    (['--center', '4,5', '--scale', 'x'], '--scale'),
    (['--fit', 'crop'], '--fit'),
    (['--auto', '--fit', 'pad'], 'not allowed with'),
    (['--auto', '--box', '1,2,3,4'], 'not allowed with'),
    (['--box', '1,2,3,4', '--center', '4,5', '--scale', '1'], 'not allowed with'),
    (['--box', '1,2,3,4', '--fit', 'pad'], 'not allowed with'),
    (['--box', '1,2,3,4', '--scale', '1'], 'go together'),
    (['--detector', 'hog'], '--detector is for --auto'),
    (['--auto', '--detector', 'eyes'], "no detector 'eyes'"),
])
def test_options_that_make_no_sense(arguments: list[str], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        _parse(*arguments)


@pytest.mark.parametrize('arguments', [
    ['--box', '240,0,300,50'], ['--box', '0,200,50,300'], ['--box', '-50,0,0,50'], ['--box', '0,-50,50,-1'],
    ['--center', '400,100', '--scale', '1'], ['--center', '100,-200', '--scale', '1'],
])
def test_a_place_outside_of_the_picture(arguments: list[str]) -> None:
    with pytest.raises(InputError, match='outside of the picture, which is 240 pixels high and 200 wide'):
        _parse(*arguments).check_in((240, 200))


def test_a_detector_that_cannot_be_had(predictor: PosePredictor) -> None:
    place = _parse('--auto', '--detector', 'onnx:missing.onnx')
    assert place.detector_file == 'missing.onnx'
    with pytest.raises(InputError, match=r'missing\.onnx'):
        place.find(predictor, demo_scene((240, 200)))


def test_without_any_detector_somebody_is_found_too(
    predictor: PosePredictor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    def not_there(name: str, gpu: int) -> None:
        raise InputError('none is installed')

    monkeypatch.setattr('hourglass.detection.voc.load_quickly', not_there)
    image = demo_scene((240, 400))
    pose = _parse('--auto').find(predictor, image)
    assert 'none is installed' in capsys.readouterr().err
    np.testing.assert_array_equal(pose.points, _parse('--auto', '--detector', 'none').find(predictor, image).points)


def test_the_crop_is_framed_where_it_was_chosen(predictor: PosePredictor) -> None:
    image = demo_scene((240, 200))
    pose = predictor.poses([image], [CropBox(20, -30, 180, 130)])[0]
    drawn = _parse('--auto').draw(image, pose, predictor.spec.joint_set, None, 2.0)
    in_colour = (drawn == np.array(FRAME_COLOUR)[:, None, None]).all(axis=0)
    # The frame, and nothing else: no joint scores 2.  It ends with the picture on the left.
    assert in_colour[20, :130].all()
    assert in_colour[20:180, 0].all()
    assert in_colour.sum() <= 2 * (160 + 131)
    plain = _parse().draw(image, pose, predictor.spec.joint_set, None, 2.0)
    np.testing.assert_array_equal(plain, image.astype(np.uint8))


def test_whether_somebody_is_there_is_asked_where_that_was_not_said(predictor: PosePredictor) -> None:
    pose, = predictor.poses([np.zeros((3, 50, 50), np.float32)])
    assert not _parse('--auto').is_confident(pose, predictor.spec)
    assert _parse('--box', '0,0,9,9').is_confident(pose, predictor.spec)
    assert _parse().is_confident(pose, predictor.spec)


@pytest.mark.parametrize('crop', ['clip', 'pad', 'torch7'])
def test_the_whole_picture_can_be_taken_in_two_ways(predictor: PosePredictor, crop: str) -> None:
    image = demo_scene((324, 576))
    other = PosePredictor(predictor.engine, replace(predictor.spec, crop=crop))

    stretched = PersonLocation(fit='stretch')
    pose = stretched.find(stretched.adapt(other), image)
    assert corners(pose.box) == (0, 0, 324, 576)
    seen = stretched.adapt(other).crop_image(image, pose.box)
    np.testing.assert_allclose(seen[:, ::32, ::32], cv2.resize(
        image.transpose(1, 2, 0), predictor.spec.input_size[::-1]).transpose(2, 0, 1)[:, ::32, ::32], atol=0.01)

    padded = PersonLocation(fit='pad')
    pose = padded.find(padded.adapt(other), image)
    np.testing.assert_allclose(corners(pose.box), (-126, 0, 450, 576), atol=1)
    seen = padded.adapt(other).crop_image(image, pose.box)
    assert not seen[:, :26].any()
    assert seen[:, 32:-32].mean() > 20
    assert PersonLocation().adapt(other) is other
