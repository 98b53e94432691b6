from __future__ import annotations

from functools import partial

from demos.people_config import PicturesConfig
from demos.person_picture import PersonConfig
from demos.webcam.config import WebcamConfig
from hourglass.detection import DETECTORS, load_detector, parse_detector
from hourglass.errors import InputError

import pytest


def test_every_kind_has_its_module_and_perhaps_a_file() -> None:
    for kind, entry in DETECTORS.items():
        assert callable(entry.load), kind
    assert parse_detector('bundled-fast') == ('bundled-fast', None)
    assert parse_detector('onnx:C:/models/a b.onnx') == ('onnx', 'C:/models/a b.onnx')


@pytest.mark.parametrize(('name', 'reason'), [
    ('SSD512', "no detector 'SSD512'; the detectors are bundled"), ('boxes:', 'must be written as boxes:FILE'),
    ('hog', "no detector 'hog'; the detectors are bundled"), ('onnx', 'must be written as onnx:FILE'),
    ('ssd512:', r'must be written as ssd512\[:FILE\]'),
])
def test_mistakes(name: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        load_detector(name)


def test_only_onnx_files_have_classes_to_choose() -> None:
    with pytest.raises(InputError, match='--detector-class needs --detector onnx:FILE'):
        load_detector(person_class='person')
    for config in (PicturesConfig, partial(PersonConfig, auto=True), WebcamConfig):
        with pytest.raises(InputError, match='--detector-class needs --detector onnx:FILE'):
            config(detector='boxes:a.json', detector_class='person')
        assert config(detector='onnx:a.onnx', detector_class=1).detector_class == '1'
