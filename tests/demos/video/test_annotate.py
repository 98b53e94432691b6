from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

from demos.video.annotate import annotate_video
from demos.video.config import VideoConfig
from demos.video.reader import VideoReader
from hourglass.crop import CropBox
from hourglass.detection import Detector
from hourglass.detection.boxes_file import BoxesFile
from hourglass.draw import person_colour
from hourglass.errors import InputError
from hourglass.interruption import StopRequest
from hourglass.joints import LSP
from hourglass.people import PersonPose
from hourglass.predictor import Pose
from tests.child import wait_until
from tests.demos.video.clips import write_clip

import cv2
import numpy as np
import pytest

#: Two people of the fake detector, by colour (RGB): where they are in frame i, (x, y) of the upper left corner.
_PEOPLE: dict[str, tuple[tuple[int, int, int], Callable[[int], tuple[int, int]]]] = {
    'red': ((255, 0, 0), lambda i: (4 + 5 * i, 40)), 'blue': ((0, 0, 255), lambda i: (180 - 5 * i, 50)),
}


def _clip(count: int) -> list[np.ndarray]:
    frames = []
    for i in range(count):
        frame = np.full((121, 220, 3), 40, np.uint8)
        for colour, place in _PEOPLE.values():
            x, y = place(i)
            cv2.rectangle(frame, (x, y), (x + 23, y + 47), colour, cv2.FILLED)
        frames.append(frame)
    return frames


Boxes = list[tuple[np.ndarray, np.ndarray]]


class _Finder(Detector):
    """Finds patches of pure colour and takes them for people; in place of a detector and a network.

    ``at_sixth`` is called before it looks at the sixth frame.
    """

    def __init__(self, at_sixth: Callable[[], object] = lambda: None) -> None:
        self.at_sixth = at_sixth
        self.predictor = SimpleNamespace(spec=SimpleNamespace(joint_set=LSP))
        self.detector: Detector = self
        self.calls = 0
        self.threads: set[str] = set()

    def detect(self, images: Sequence[np.ndarray], names: Sequence[str] | None = None) -> Boxes:
        if self.calls == 5:
            self.at_sixth()
        self.calls += 1
        self.threads.add(threading.current_thread().name)
        boxes = []
        for channel in (0, 2):
            patch = images[0][channel] - images[0][1] > 150
            if patch.sum() > 100:
                ys, xs = np.nonzero(patch)
                boxes.append([ys.min(), xs.min(), ys.max() + 1, xs.max() + 1])
        # In another order from frame to frame.
        found = np.array(boxes[::-1] if self.calls % 2 else boxes, np.float32).reshape(-1, 4)
        return [(found, np.full(len(found), 0.9, np.float32))]

    def predict_boxes(self, images: Sequence[np.ndarray], found: Boxes) -> list[list[PersonPose]]:
        self.threads.add(threading.current_thread().name)
        people = []
        for box in found[0][0].astype(float):
            # Between the first two joints there is nothing but a limb of the right leg.
            places = np.append(0.1, np.linspace(0.5, 0.9, len(LSP) - 1))
            points = box[:2] + places[:, None] * (box[2:] - box[:2])
            pose = Pose(points, np.full(len(LSP), 0.8, np.float32), np.zeros((len(LSP), 2, 2)),
                        CropBox(0, 0, 1, 1), LSP, np.zeros((3, 9, 9), np.float32))
            people.append(PersonPose(pose, tuple(box), 0.9, 0.72))
        return [people]


def _annotate(source: Path, folder: Path, finder: Any = None, stop: StopRequest | None = None,
              **values: Any) -> list[dict[str, Any]]:
    config = VideoConfig(**{'video': source, 'out': folder / 'out.mp4', 'json': folder / 'out.jsonl', **values})
    annotate_video(config, finder or _Finder(), stop)
    return [json.loads(line) for line in (folder / 'out.jsonl').read_text().splitlines()]


def _x(line: dict[str, Any], track: int) -> float:
    person, = (person for person in line['people'] if person['track'] == track)
    return person['joints'][0]['x']


def test_the_whole_way(tmp_path: Path) -> None:
    finder = _Finder()
    lines = _annotate(write_clip(tmp_path / 'clip.mp4', _clip(30)), tmp_path, finder, line_width=3)
    assert [line['frame'] for line in lines] == list(range(30))
    np.testing.assert_allclose([line['time'] for line in lines], np.arange(30) / 25, atol=1e-3)
    first = {person['track']: person for person in lines[0]['people']}
    assert set(first) == {1, 2}
    red = min(first, key=lambda track: first[track]['bbox'][0])
    blue = 3 - red
    for i, line in enumerate(lines):
        if len(line['people']) == 2:
            assert _x(line, red) == pytest.approx(4 + 5 * i + 2.4, abs=3)
            assert _x(line, blue) == pytest.approx(180 - 5 * i + 2.4, abs=3)
    assert {person['track'] for line in lines for person in line['people']} == {1, 2}
    person = lines[0]['people'][0]
    assert [joint['name'] for joint in person['joints']] == list(LSP.joints)
    assert person['bbox'][2:] == pytest.approx([24, 48], abs=3)
    assert person['score'] == pytest.approx(0.72)
    with VideoReader(tmp_path / 'out.mp4') as reader:
        assert reader.size == (122, 220)
        assert reader.rate == 25
        drawn = list(reader)
    assert len(drawn) == 30
    # A person has one colour from the beginning to the end.
    for track, place in ((red, _PEOPLE['red'][1]), (blue, _PEOPLE['blue'][1])):
        for i in (0, 8, 28):
            x, y = place(i)
            shown = drawn[i].pixels[y + 12:y + 17, x + 5:x + 10].reshape(-1, 3).astype(int)
            assert abs(shown - person_colour(track)).max(axis=1).min() < 60
    assert len(finder.threads) == 2  # one for the detector, one for the network


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    end, start = os.pipe()
    with open(start, 'wb') as file:
        file.write(write_clip(tmp_path / 'clip.mkv', _clip(3)).read_bytes())
    assert len(_annotate(f'/dev/fd/{end}', tmp_path)) == 3
    os.close(end)


def test_every_nth_frame(tmp_path: Path) -> None:
    finder = _Finder()
    lines = _annotate(write_clip(tmp_path / 'clip.mp4', _clip(6)), tmp_path, finder, frame_stride=2)
    assert [line['frame'] for line in lines] == [0, 2, 4]
    assert finder.calls == 3
    assert {person['track'] for line in lines for person in line['people']} == {1, 2}
    with VideoReader(tmp_path / 'out.mp4') as reader:
        assert len(list(reader)) == 6


def test_smoothed_joints_follow_a_little_later(tmp_path: Path) -> None:
    source, places = write_clip(tmp_path / 'clip.mp4', _clip(9)), []
    for values in ({}, {'smooth': True}, {'smooth': True, 'smooth_beta': 0}):
        lines = _annotate(source, tmp_path, **values)
        assert {person['track'] for line in lines for person in line['people']} == {1, 2}
        places.append(_x(lines[8], 1))  # of the one who goes to the left
    assert places[0] + 0.3 < places[1] < places[0] + 3 < places[2] - 10


@pytest.mark.parametrize(('values', 'reason'), [
    ({'video': 'missing.mp4'}, 'missing.mp4: cannot be opened'),
    ({'out': 'clip.mp4'}, 'would replace'),
    ({'out': 'a.mp4', 'detector': 'boxes:a.mp4'}, 'would replace'),
    ({'json': 'out.mp4'}, 'would replace'),
])
def test_mistakes_are_found_before_the_weights_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: dict[str, str], reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(VideoConfig, 'load', lambda _: pytest.fail('the weights were loaded'))
    write_clip(tmp_path / 'clip.mp4', _clip(2))
    with pytest.raises(InputError, match=reason):
        annotate_video(VideoConfig(**{'video': 'clip.mp4', 'out': 'out.mp4', **values}))
    assert _files(tmp_path) == {'clip.mp4'}


def _files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_an_error_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / 'out.mp4').write_text('from yesterday')
    source, before = write_clip(tmp_path / 'clip.mp4', _clip(20)), threading.active_count()
    with pytest.raises(RuntimeError, match='a defect'):
        _annotate(source, tmp_path, _Finder(Mock(side_effect=RuntimeError('a defect'))))
    assert _files(tmp_path) == {'clip.mp4', 'out.mp4'}
    assert (tmp_path / 'out.mp4').read_text() == 'from yesterday'
    assert threading.active_count() == before


@pytest.mark.skipif(sys.platform == 'win32', reason='no such signals')
def test_ctrl_c_keeps_the_frames_so_far(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stop, out = StopRequest(''), tmp_path / 'out.mp4'

    def interrupt() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        wait_until(lambda: stop.requested)

    source = write_clip(tmp_path / 'clip.mp4', _clip(36))
    config = VideoConfig(video=str(source), out=str(out), json=str(tmp_path / 'out.jsonl'))
    summary = annotate_video(config, _Finder(interrupt), stop)
    assert summary.status == 130
    assert 6 <= summary.n_frames <= 20
    assert capsys.readouterr().err == f'stopped: {out} has the first {summary.n_frames} frames\n'
    assert len((tmp_path / 'out.jsonl').read_text().splitlines()) == summary.n_frames
    with VideoReader(out) as reader:
        assert len(list(reader)) == summary.n_frames


def test_a_stop_before_the_first_frame_writes_nothing(tmp_path: Path) -> None:
    stop = StopRequest()
    stop.signal = 2
    with pytest.raises(KeyboardInterrupt):
        _annotate(write_clip(tmp_path / 'clip.mp4', _clip(3)), tmp_path, stop=stop)
    assert _files(tmp_path) == {'clip.mp4'}


def test_what_is_wrong_with_video_or_boxes_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip, boxes = write_clip(tmp_path / 'clip.avi', _clip(20)), tmp_path / 'boxes.json'
    clip.write_bytes(clip.read_bytes()[:clip.stat().st_size // 2])
    for frame in ('walk.jpg', '0002'):
        boxes.write_text(json.dumps([{'image_id': frame, 'category_id': 1, 'bbox': [1, 1, 9, 9], 'score': 0.9}]))
        predictor = _Finder()
        predictor.detector = BoxesFile(boxes)
        lines = _annotate(clip, tmp_path, predictor)
        assert 2 < len(lines) < 15
        first, *others, last = capsys.readouterr().err.splitlines()
        assert first.startswith(f'warning: {clip}: only {len(lines)} of the 20 frames')
        assert len(others) == (frame == 'walk.jpg')
        assert all(line.startswith(f'warning: {boxes}: ') for line in others)
        assert f'{len(lines)} frames, ' in last


def test_people_who_come_back(tmp_path: Path) -> None:
    there, empty = _clip(1), [np.full((121, 220, 3), 40, np.uint8)]
    source = write_clip(tmp_path / 'clip.mp4', there * 3 + empty * 4 + there * 2 + empty * 30 + there)
    tracks = [{person['track'] for person in line['people']} for line in _annotate(source, tmp_path, smooth=True)]
    assert tracks[:3] == [{1, 2}] * 3
    assert tracks[3:9] == [set()] * 4 + [{1, 2}] * 2
    assert tracks[-1] == {3, 4}
