from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from data.synthetic import Annotation, walking_clip
from demos.video.options import add_video_options, check_video_options, output_path, run_video
from demos.video.reader import VideoReader
from demos.video.smoothing import BETA, MIN_CUTOFF
from hourglass.detection.boxes_file import BoxesFile
from hourglass.errors import ArgumentParser, InputError
from hourglass.joints import MPII

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]
WriteClip = Callable[..., Path]


def _parse(*arguments: str) -> argparse.Namespace:
    parser = ArgumentParser()
    for name in ('--image', '--json', '--model', '--snapshot', '--detector', '--line-width'):
        parser.add_argument(name)
    parser.add_argument('--out', default='.')
    parser.add_argument('--threshold', default=0.0)
    add_video_options(parser)
    options = parser.parse_args(arguments)
    check_video_options(options)
    return options


def test_what_is_not_given_has_its_default() -> None:
    for options in (_parse(), _parse('--video', 'a.mp4')):
        assert (options.every, options.max_frames, options.smooth) == (1, None, False)
        assert (options.smooth_cutoff, options.smooth_beta) == (MIN_CUTOFF, BETA)
    options = _parse('--video', 'a.mp4', '--every', '3', '--smooth', '--smooth-beta', '0')
    assert (options.every, options.smooth, options.smooth_beta) == (3, True, 0)


@pytest.mark.parametrize(('arguments', 'reason'), [
    (['--every', '2'], '--every needs --video'),
    (['--smooth'], '--smooth needs --video'),
    (['--video', 'a', '--smooth-cutoff', '1'], '--smooth-cutoff needs --smooth'),
    (['--video', 'a', '--image', 'b'], 'exclude each other'),
    (['--video', 'a', '--every', '0'], '--every must'),
    (['--video', 'a', '--every', 'x'], '--every'),
    (['--video', 'a', '--max-frames', '0'], '--max-frames must'),
    (['--video', 'a', '--smooth', '--smooth-cutoff', '0'], '--smooth-cutoff must'),
    (['--video', 'a', '--smooth', '--smooth-cutoff', 'nan'], '--smooth-cutoff must'),
    (['--video', 'a', '--smooth', '--smooth-beta', '-1'], '--smooth-beta must'),
    (['--video', 'a', '--smooth', '--smooth-beta', 'inf'], '--smooth-beta must'),
])
def test_options_that_make_no_sense(arguments: list[str], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        _parse(*arguments)


def test_a_folder_or_a_file(tmp_path: Path) -> None:
    (tmp_path / 'v1.0').mkdir()
    assert output_path(str(tmp_path / 'v1.0')) == tmp_path / 'v1.0/output.mp4'
    assert output_path('new/folder') == Path('new/folder/output.mp4')
    assert output_path('a/b.WebM') == Path('a/b.WebM')
    with pytest.raises(InputError, match=r"'\.gif' names no video format"):
        output_path('a.gif')


def _must_not_load() -> Any:
    raise AssertionError('the weights were loaded')


@pytest.mark.parametrize(('arguments', 'reason'), [
    (['--video', 'missing.mp4'], 'missing.mp4: no such file'),
    (['--video', 'text.mp4'], 'text.mp4: not a video'),
    (['--video', 'clip.mp4', '--out', 'clip.mp4'], 'would replace'),
    (['--video', 'clip.mp4', '--out', 'a.mp4', '--json', 'a.mp4'], 'would replace'),
    (['--video', 'clip.mp4', '--out', 'a.mp4', '--detector', 'boxes:a.mp4'], 'would replace'),
    (['--video', 'clip.mp4', '--out', 'text.mp4/a.mp4'], 'is not a folder'),
    (['--video', 'clip.mp4', '--out', 'a.txt'], 'names no video format'),
    (['--video', 'clip.mp4', '--json', '.'], 'is a folder'),
])
def test_mistakes_are_found_before_the_weights_are_loaded(
    write_clip: WriteClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'text.mp4').write_text('no video')
    write_clip([np.zeros((32, 32, 3), np.uint8)] * 2)
    with pytest.raises(InputError, match=reason):
        run_video(_parse(*arguments), _must_not_load)
    assert {path.name for path in tmp_path.iterdir()} == {'text.mp4', 'clip.mp4'}


Walk = tuple[Path, Path, list[list[Annotation]]]


@pytest.mark.parametrize(('frame', 'arguments', 'is_told'), [
    (2, [], False), ('0002', [], False), (2, ['--every', '2'], False), (1, ['--every', '2'], True), (3, [], True),
    ('walk.jpg', [], True)])
def test_a_file_without_boxes_of_the_frames_is_told(
    write_clip: WriteClip, tmp_path: Path, capsys: pytest.CaptureFixture[str], frame: int | str, arguments: list[str],
    is_told: bool,
) -> None:
    clip = write_clip([np.zeros((32, 32, 3), np.uint8)] * 3)
    boxes = tmp_path / 'boxes.json'
    boxes.write_text(json.dumps([{'image_id': frame, 'category_id': 1, 'bbox': [1, 1, 9, 9], 'score': 0.9}]))
    predictor: Any = SimpleNamespace(
        predictor=SimpleNamespace(spec=SimpleNamespace(joint_set=MPII), use_device=lambda: None),
        detector=BoxesFile(boxes), predict_boxes=lambda images, found: [[]])
    run_video(_parse('--video', str(clip), '--out', str(tmp_path / 'out.mp4'), *arguments), lambda: predictor)
    *warnings, last = capsys.readouterr().err.splitlines()
    assert warnings == [f'{boxes}: no boxes of any of these frames'] * is_told
    assert '3 frames, 0 tracks' in last


@pytest.fixture(scope='module')
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """A clip of two people who walk, their boxes as a file for ``--detector boxes``, and their annotations."""
    from demos.video.writer import VideoWriter

    folder = tmp_path_factory.mktemp('walk')
    writer, rows, people = VideoWriter(folder / 'walk.avi', (151, 269), 10), [], []
    for i, (image, those) in enumerate(walking_clip((151, 269), 10)):
        writer.write(np.ascontiguousarray(image.transpose(1, 2, 0)))
        people.append(those)
        for y0, x0, y1, x1 in (annotation.box for annotation in those):
            rows.append({'image_id': i, 'category_id': 1, 'bbox': [x0, y0, x1 - x0, y1 - y0], 'score': 0.9})
    writer.close()
    (folder / 'boxes.json').write_text(json.dumps(rows))
    return folder / 'walk.avi', folder / 'boxes.json', people


def _demo(folder: Path, *arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, ROOT / 'demo_multi_person.py', *map(str, arguments)], cwd=folder,
                          check=False, capture_output=True, text=True)


def test_from_file_to_file(walk: Walk, tmp_path: Path) -> None:
    video, boxes, people = walk
    result = _demo(tmp_path, '--video', video, '--out', 'out.mp4', '--json', 'out.jsonl', '--model', 'bundled',
                   '--detector', f'boxes:{boxes}', '--nms', '1', '--nms-oks', '1')
    assert result.returncode == 0, result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert '10 frames, 2 tracks' in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {'out.mp4', 'out.jsonl'}
    with VideoReader(tmp_path / 'out.mp4') as reader:
        assert (reader.size, reader.rate, len(list(reader))) == ((152, 270), 10, 10)

    lines = [json.loads(line) for line in (tmp_path / 'out.jsonl').read_text().splitlines()]
    assert [line['frame'] for line in lines] == list(range(10))
    np.testing.assert_allclose([line['time'] for line in lines], np.arange(10) / 10)
    correct = []
    first = lines[0]['people'][0]
    in_front = first['track'] if first['bbox'][0] < 130 else 3 - first['track']
    for line, those in zip(lines, people, strict=True):
        assert {person['track'] for person in line['people']} == {1, 2}
        for person in line['people']:
            annotation = those[0 if person['track'] == in_front else 1]
            y0, x0, y1, x1 = annotation.box
            assert person['bbox'] == pytest.approx([x0, y0, x1 - x0, y1 - y0], abs=0.02)
            true, labelled = annotation.points, annotation.visible
            found = np.array([(joint['y'], joint['x']) for joint in person['joints']])
            correct += (np.linalg.norm(found - true, axis=1) < 0.1 * (y1 - y0))[labelled].tolist()
    # A share of the weights' own on such pictures; joints of somebody else would be far off.
    assert np.mean(correct) > 0.5


def test_a_video_that_breaks_off_is_told_and_drawn(walk: Walk, tmp_path: Path) -> None:
    data = walk[0].read_bytes()
    (tmp_path / 'cut.avi').write_bytes(data[:len(data) // 2])
    result = _demo(tmp_path, '--video', 'cut.avi', '--model', 'bundled', '--detector', f'boxes:{walk[1]}')
    assert result.returncode == 0, result.stderr
    warning, _ = result.stderr.splitlines()
    assert warning.startswith('warning: cut.avi: only ')
    with VideoReader(tmp_path / 'output.mp4') as reader:
        assert 2 <= len(list(reader)) < 9


def test_a_mistake_is_one_line_and_status_2(tmp_path: Path) -> None:
    (tmp_path / 'empty.mp4').touch()
    result = _demo(tmp_path, '--video', 'empty.mp4', '--model', 'bundled')
    assert result.returncode == 2
    assert result.stderr == 'demo_multi_person.py: empty.mp4: the file is empty\n'
    assert {path.name for path in tmp_path.iterdir()} == {'empty.mp4'}


@pytest.mark.skipif(sys.platform == 'win32', reason='no such signals')
@pytest.mark.parametrize('times', [1, 2])
def test_ctrl_c(write_clip: WriteClip, tmp_path: Path, times: int) -> None:
    write_clip([np.zeros((480, 640, 3), np.uint8)] * 300)
    process = subprocess.Popen(
        [sys.executable, ROOT / 'demo_multi_person.py', '--video', 'clip.mp4', '--out', 'out.mp4', '--model', 'bundled',
         '--detector', 'hog'], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not any(path.name.startswith('.partial') for path in tmp_path.iterdir()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.5)
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.05)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, errors
    if times == 1:
        assert 'stopped: out.mp4 has the first ' in errors
        with VideoReader(tmp_path / 'out.mp4') as reader:
            assert 1 <= len(list(reader)) < 300
    else:
        assert errors.splitlines()[-1] == 'demo_multi_person.py: interrupted'
    assert (tmp_path / 'out.mp4').exists() == (times == 1)
    assert not list(tmp_path.glob('.partial*'))
