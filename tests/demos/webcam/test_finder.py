from __future__ import annotations

import base64
import json
from typing import Any

from demos.webcam.finder import Memory, PoseFinder, Settings
from hourglass.draw import PERSON_COLOURS, limb_colours
from hourglass.people import PeoplePredictor
from tests.demos.webcam.spots import spot, spot_pixels
from tests.stand_ins import FixedBoxes, picture_bytes

import numpy as np
import pytest


def test_joints_are_in_pixels_of_the_picture(finder: PoseFinder) -> None:
    answer = finder.find(spot(100, 60, (160, 200)), Settings(), 10 ** 6)
    assert (answer['width'], answer['height']) == (200, 160)
    person, = answer['people']
    assert [joint['name'] for joint in person['joints']] == list(finder.joint_set.joints)
    for joint in person['joints']:
        assert (joint['x'], joint['y']) == (pytest.approx(60, abs=6), pytest.approx(100, abs=6))
        assert joint['score'] > 0.5
    # The square about the middle of a wide picture.
    assert person['seen'] == {'x0': 20, 'y0': 0, 'x1': 180, 'y1': 160}
    assert 'heatmaps' not in answer
    json.dumps(answer, allow_nan=False)


@pytest.mark.parametrize('joint', ['all', 'left wrist'])
def test_heatmaps_are_bright_where_the_joint_is(finder: PoseFinder, joint: str) -> None:
    heatmap, = finder.find(spot(100, 60), Settings(heatmap=joint), 10 ** 6)['heatmaps']
    values = np.frombuffer(base64.b64decode(heatmap['values']), np.uint8).reshape(heatmap['rows'], heatmap['columns'])
    assert values.shape == (16, 16)
    assert values.max() == 255
    assert np.unravel_index(values.argmax(), values.shape) == (10, 6)
    assert heatmap['box'] == {'x0': 0, 'y0': 0, 'x1': 160, 'y1': 160}
    assert heatmap['peak'] > 0.5


def test_all_people_are_found_and_keep_their_numbers(finder: PoseFinder) -> None:
    detector = FixedBoxes((0, 0, 80, 80), (0, 80, 80, 160))
    people = PoseFinder(PeoplePredictor(finder.predictor, detector, keep_heatmaps=True))
    pixels = spot_pixels(40, 30) + spot_pixels(40, 130)
    answer = people.find(picture_bytes(pixels), people.settings({'mode': 'people', 'heatmap': 'all'}), 10 ** 6)
    assert len(answer['people']) == len(answer['heatmaps']) == 2
    assert [person['box']['x0'] for person in answer['people']] == [0, 80]
    assert [person['joints'][0]['x'] for person in answer['people']] == pytest.approx([30, 130], abs=6)
    assert [person['number'] for person in answer['people']] == [1, 2]
    # In the next frame the other comes first.
    memory, image = Memory(finder.predictor.spec), pixels.transpose(2, 0, 1).astype(np.float32)
    found = people.poses(image, 'people', memory)
    detector.boxes = detector.boxes[::-1]
    again = people.poses(image, 'people', memory)
    assert [(more['number'], more['box']) for _, more in again[::-1]] == [(m['number'], m['box']) for _, m in found]
    # Whoever comes long after all have gone is someone else.
    detector.scores[:] = 0
    for _ in range(memory.tracker.max_missing + 1):
        assert people.poses(image, 'people', memory) == []
    detector.scores[:] = 1
    assert {more['number'] for _, more in people.poses(image, 'people', memory)} == {3, 4}


def test_one_person_anywhere_is_looked_for_where_the_detector_finds_people(finder: PoseFinder) -> None:
    helped = PoseFinder(PeoplePredictor(finder.predictor, FixedBoxes((100, 110, 140, 140))))
    for memory in (None, Memory(finder.predictor.spec)):
        seen = helped.find(spot(120, 125), Settings('anywhere'), 10 ** 6, memory)['people'][0]['seen']
        assert seen['x0'] < 125 < seen['x1'] < seen['x0'] + 90
        assert seen['y0'] < 120 < seen['y1']


@pytest.mark.parametrize(('values', 'reason'), [
    ({'mode': 'all'}, "mode is 'all'"), ({'heatmap': ['all']}, 'heatmap is'), ({'flip': '1'}, "'flip'")])
def test_settings_that_make_no_sense(finder: PoseFinder, values: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        finder.settings(values)


def test_the_page_gets_limbs_and_colours(finder: PoseFinder) -> None:
    description = finder.description()
    assert description['joints'] == list(finder.joint_set.joints)
    of_person_2 = limb_colours(finder.joint_set, PERSON_COLOURS[1])
    for limb, alone, second in zip(description['limbs'], limb_colours(finder.joint_set), of_person_2, strict=True):
        assert limb[:2] == [*alone[:2]]
        assert [limb[2][k] for k in (0, 2)] == ['#{:02x}{:02x}{:02x}'.format(*shade[2]) for shade in (alone, second)]
    assert [description['joints'][i] for i in description['heads']] == ['head top', 'upper neck']
    assert json.loads(json.dumps(description)) == description
