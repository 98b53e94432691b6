from __future__ import annotations

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
