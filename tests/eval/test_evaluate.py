from __future__ import annotations

from eval.evaluate import default_protocol

import pytest


@pytest.mark.parametrize(('model', 'protocol'), [
    (None, 'one-per-image'), ('published', 'one-per-image'), ('some/file.npz', 'one-per-image'), ('umich', 'all'),
    ('bearpaw-hg8', 'all'),
])
def test_named_weights_are_scored_as_they_were_published(model: str | None, protocol: str) -> None:
    assert default_protocol(model) == protocol
