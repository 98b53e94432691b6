from __future__ import annotations

from dataclasses import fields

import demos
import eval
import hourglass
import pretrained
import training

import pytest


@pytest.mark.parametrize('settings', [
    demos.PersonConfig, demos.PicturesConfig, demos.VideoConfig, eval.EvalConfig, training.TrainConfig])
def test_help_explains_every_setting(settings: type) -> None:
    assert [field.name for field in fields(settings) if f'\n    {field.name}: ' not in str(settings.__doc__)] == []


@pytest.mark.parametrize('package', [demos, eval, hourglass, pretrained, training])
def test_public_names_are_there(package: object) -> None:
    for name in package.__all__:  # type: ignore[attr-defined]
        assert getattr(package, name).__name__ == name
    with pytest.raises(AttributeError, match='no_such_name'):
        package.no_such_name  # type: ignore[attr-defined]  # noqa: B018
