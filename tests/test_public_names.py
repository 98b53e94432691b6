from __future__ import annotations

import subprocess
import sys

import demos
import eval
import hourglass
import pretrained
import training

import pytest


@pytest.mark.parametrize('package', [demos, eval, hourglass, pretrained, training])
def test_public_names_are_there(package: object) -> None:
    for name in package.__all__:  # type: ignore[attr-defined]
        assert getattr(package, name).__name__ == name
    with pytest.raises(AttributeError, match='no_such_name'):
        package.no_such_name  # type: ignore[attr-defined]  # noqa: B018


def test_a_name_costs_nothing_that_it_does_not_use() -> None:
    code = ('import sys, hourglass, demos, pretrained; demos.VideoConfig, demos.PicturesConfig, demos.PersonConfig; '
            'print(*{"chainer", "av", "cv2", "PIL"} & set(sys.modules))')
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []
