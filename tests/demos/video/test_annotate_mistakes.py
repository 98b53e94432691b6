from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from demos.video.annotate import annotate_video
from demos.video.config import VideoConfig
from hourglass.errors import InputError

import numpy as np
import pytest


def _must_not_load(_: VideoConfig) -> Any:
    raise AssertionError('the weights were loaded')


@pytest.mark.parametrize(('values', 'reason'), [
    ({'video': 'missing.mp4'}, 'missing.mp4: no such file'),
    ({'video': 'text.mp4'}, 'text.mp4: not a video'),
    ({'out': 'clip.mp4'}, 'would replace'),
    ({'json': 'out.mp4'}, 'would replace'),
    ({'out': 'a.mp4', 'detector': 'boxes:a.mp4'}, 'would replace'),
    ({'out': 'text.mp4/a.mp4'}, 'is not a folder'),
    ({'json': 'text.mp4/a.jsonl'}, 'is not a folder'),
    ({'json': '.'}, 'is a folder'),
])
def test_mistakes_are_found_before_the_weights_are_loaded(
    write_clip: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: dict[str, str],
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(VideoConfig, 'load', _must_not_load)
    (tmp_path / 'text.mp4').write_text('no video')
    write_clip([np.zeros((32, 32, 3), np.uint8)] * 2)
    with pytest.raises(InputError, match=reason):
        annotate_video(VideoConfig(**{'video': 'clip.mp4', 'out': 'out.mp4', **values}))
    assert {path.name for path in tmp_path.iterdir()} == {'text.mp4', 'clip.mp4'}
