"""The page, as a user meets it.  See conftest.py for the browser."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.synthetic import RenderedPerson, demo_scene
from hourglass.draw import limb_colours
from hourglass.image import read_image
from hourglass.joints import MPII_COCO
from tests.stand_ins import picture_bytes

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.browser


def _photo(person: RenderedPerson) -> bytes:
    return picture_bytes(person.image.transpose(1, 2, 0), 'JPEG', quality=95)


def _share(overlay: np.ndarray, colour: tuple[int, int, int]) -> float:
    """Return how much of an overlay has a colour."""
    return float(((overlay[:, :, :3] == colour).all(axis=2) & (overlay[:, :, 3] == 255)).mean())


def test_the_skeleton_lies_over_the_live_picture(page: Any, check_joints: Callable[..., None]) -> None:
    assert page.shows == 'nothing'
    page.start_camera()
    page.more_answers(3)
    joints = page.joints()
    check_joints(joints)
    # Along a limb the overlay has the limb's colour, and where there is no person it is clear.
    overlay = page.overlay()
    colours = {(MPII_COCO.joints[a], MPII_COCO.joints[b]): colour for a, b, colour in limb_colours(MPII_COCO)}
    for a, b in (('left knee', 'left ankle'), ('left elbow', 'left shoulder'), ('thorax', 'pelvis')):
        x, y = np.mean([joints[a], joints[b]], axis=0)
        around = overlay[int(y) - 4:int(y) + 5, int(x) - 4:int(x) + 5]
        assert _share(around, colours[next(pair for pair in colours if {*pair} == {a, b})]) > 0.3, a
    assert overlay[:, :100].max() == 0
    # Below it is the camera's picture, in the same place and of the same size.
    boxes = page.run('return ["video", "overlay"].map((one) => document.getElementById(one).getBoundingClientRect()'
                     '.toJSON())')
    assert boxes[0] == boxes[1]
    # The numbers.
    page.wait(lambda: page.text('fps').strip('0123456789.') == '')
    assert float(page.text('fps')) > 0
    # Of one answer: the page writes both at once.
    predictor, latency = page.run(
        'return ["predictor", "latency"].map((one) => document.getElementById(one).textContent)')
    assert 0 < float(predictor) <= float(latency)


def test_heatmaps_modes_mirror_threshold_and_stop(page: Any, check_joints: Callable[..., None]) -> None:
    page.start_camera()
    x, y = (round(v) for v in page.joints()['left wrist'])
    place = (slice(y + 10, y + 20), slice(x + 7, x + 11))  # beside the joint: no limb there
    assert page.overlay()[place][..., 3].max() == 0
    page.choose('heatmap', 'left wrist')
    page.wait(lambda: page.overlay()[place][..., 3].min() > 30)
    assert page.overlay()[-150:, :100, 3].max() <= 3
    page.choose('heatmap', '')
    page.wait(lambda: page.overlay()[place][..., 3].max() == 0)

    assert page.run('return [...document.getElementById("mode").options].map((one) => one.value)') == [
        'middle', 'anywhere', 'people']
    page.choose('mode', 'anywhere')
    page.more_answers(4)
    check_joints(page.joints())

    transform = 'return getComputedStyle(document.getElementById(arguments[0])).transform'
    for element in ('video', 'overlay'):
        assert page.run(transform, element) == 'matrix(-1, 0, 0, 1, 0, 0)'
    page.element('mirror').click()
    for element in ('video', 'overlay'):
        assert page.run(transform, element) == 'none'

    assert page.text('threshold-value') == '0.2'  # as the program was started
    page.run('const one = document.getElementById("threshold"); one.value = 1; one.dispatchEvent(new Event("input"))')
    page.choose('mode', 'middle')
    page.wait(lambda: page.overlay().max() == 0)

    page.element('camera').click()
    page.wait(lambda: page.shows == 'nothing')
    assert page.text('camera') == 'Start camera'
    before = page.n_answers
    time.sleep(0.3)
    assert page.n_answers == before


def test_picture_and_json_are_saved(page: Any, downloads: Path, check_joints: Callable[..., None]) -> None:
    assert not page.element('save').is_enabled()
    page.start_camera()
    page.element('save').click()
    page.wait(lambda: len([*downloads.glob('pose-*.jpg'), *downloads.glob('pose-*.json')]) == 2)
    file, = downloads.glob('*.json')
    pose = page.wait(lambda: file.read_text() and json.loads(file.read_text()))
    joints = pose['people'][0]['joints']
    check_joints({joint['name']: (joint['x'], joint['y']) for joint in joints})
    assert (pose['width'], pose['height']) == (640, 480)
    picture = read_image(downloads / pose['image'])
    assert picture.shape == (3, 480, 640)
    knee, ankle = joints[4], joints[5]
    x, y = int((knee['x'] + ankle['x']) / 2), int((knee['y'] + ankle['y']) / 2)
    assert picture[2, y - 3:y + 4, x - 3:x + 4].max() > 200  # the leg's blue
    assert picture[0, y - 3:y + 4, x - 3:x + 4].min() < 60


def test_the_page_recovers_when_the_server_comes_back(
    page: Any, server: Any, person: RenderedPerson, check_joints: Callable[..., None],
) -> None:
    page.start_camera()
    server.stop()
    try:
        page.wait(lambda: page.state == 'lost')
        assert 'trying again' in page.text('connection')
        # Poses of an earlier picture are gone.
        assert page.overlay().max() == 0
    finally:
        server.start()
    page.wait(lambda: page.state == 'connected')
    page.more_answers(2)
    check_joints(page.joints())
    # A photo waits for the server.
    server.stop()
    try:
        page.wait(lambda: page.state == 'lost')
        page.drop(_photo(person), 'me.jpg', 'image/jpeg')
        page.wait(lambda: 'cannot be reached' in page.message)
    finally:
        server.start()
    page.wait(lambda: page.element('save').is_enabled())
    assert page.message == ''


def test_a_photo_can_be_dropped_or_chosen(page: Any, person: RenderedPerson, tmp_path: Path,
                                          check_joints: Callable[..., None]) -> None:
    page.start_camera()
    page.drop(_photo(person), 'me.jpg', 'image/jpeg')
    page.wait(lambda: page.shows == 'photo' and page.element('save').is_enabled())
    assert page.text('camera') == 'Start camera'
    check_joints(page.joints())
    assert _share(page.overlay(), limb_colours(MPII_COCO)[14][2]) > 0.001
    assert page.run('return getComputedStyle(document.getElementById("overlay")).transform') == 'none'
    # One that is stored lying on its side.
    exif = Image.Exif()
    exif[274] = 6
    lying = Image.open(io.BytesIO(_photo(person))).transpose(Image.Transpose.ROTATE_90)
    lying.save(tmp_path / 'lying.jpg', quality=95, exif=exif)
    before = page.n_answers
    page.element('file').send_keys(str(tmp_path / 'lying.jpg'))
    page.wait(lambda: page.n_answers > before)
    assert page.run('const one = document.getElementById("photo"); return [one.width, one.height]') == [640, 480]
    check_joints(page.joints())
    # A heatmap asks for the photo again.
    page.choose('heatmap', 'all')
    page.wait(lambda: (page.overlay()[..., 3] > 0).mean() > 0.1)


def test_all_people_are_found(page: Any) -> None:
    picture = demo_scene().astype(np.uint8).transpose(1, 2, 0)
    page.choose('mode', 'people')
    page.drop(picture_bytes(np.hstack([picture, picture]), 'JPEG', quality=90), 'two.jpg', 'image/jpeg')
    page.wait(lambda: page.element('save').is_enabled())
    assert page.run('return document.getElementById("overlay").dataset.people') == '2'
    assert page.run('return document.getElementById("overlay").getAttribute("aria-label")') == 'The poses of 2 people'
    joints = page.joints()
    assert len(joints) == 2 * len(MPII_COCO)
    heads = sorted(joints[f'{i}: head top'][0] for i in (1, 2))
    assert heads[1] - heads[0] == pytest.approx(480, abs=30)


def test_files_that_are_no_photo(page: Any) -> None:
    page.drop(b'no picture', 'letter.txt', 'text/plain')
    page.wait(lambda: page.message == 'letter.txt is not a picture that this browser can show.')
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8)
    page.drop(picture_bytes(noise), 'noise.png', 'image/png')
    page.wait(lambda: page.message == 'noise.png is larger than 0.4 MB.')
    assert page.shows == 'nothing'


def test_a_phone_shows_everything(page: Any) -> None:
    page.driver.execute_cdp_cmd('Emulation.setDeviceMetricsOverride',
                                {'width': 360, 'height': 740, 'deviceScaleFactor': 2, 'mobile': True})
    try:
        page.start_camera()
        assert page.run('return document.scrollingElement.scrollWidth') <= 360
        boxes = page.run('return [...document.querySelectorAll("button, .button, select, #stage, summary")]'
                         '.filter((one) => one.checkVisibility()).map((one) => {'
                         'const box = one.getBoundingClientRect(); return [one.id, box.left, box.right, box.height] })')
        assert len(boxes) >= 6
        for name, left, right, height in boxes:
            assert 0 <= left < right <= 360, name
            assert height >= 32, name
    finally:
        page.driver.execute_cdp_cmd('Emulation.clearDeviceMetricsOverride', {})


def test_everything_can_be_done_with_the_keyboard(page: Any) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    def press(key: str) -> str:
        ActionChains(page.driver).send_keys(key).perform()
        return page.run('return document.activeElement.id || document.activeElement.tagName')

    assert press(Keys.TAB) == 'camera'
    assert page.run('return getComputedStyle(document.activeElement).outlineStyle') == 'solid'
    press(Keys.SPACE)
    page.wait(lambda: page.n_answers >= 1)
    visited = [press(Keys.TAB) for _ in range(7)]
    assert visited == ['file', 'save', 'mode', 'heatmap', 'threshold', 'mirror', 'SUMMARY']
    press(Keys.ENTER)
    assert page.wait(page.joints)


def test_without_a_camera_the_page_says_so_and_photos_work(page_without_camera: Any, person: RenderedPerson,
                                                           check_joints: Callable[..., None]) -> None:
    page = page_without_camera
    page.element('camera').click()
    page.wait(lambda: 'No camera was found' in page.message)
    assert page.shows == 'nothing'
    assert page.text('camera') == 'Start camera'
    page.run('navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("it is busy", "AbortError"))')
    page.element('camera').click()
    page.wait(lambda: 'it is busy' in page.message)
    # As on a page that does not come from this computer.
    page.run('Object.defineProperty(navigator, "mediaDevices", {value: undefined})')
    page.element('camera').click()
    page.wait(lambda: 'pages of this computer' in page.message)
    page.drop(_photo(person), 'me.jpg', 'image/jpeg')
    page.wait(lambda: page.element('save').is_enabled())
    assert page.message == ''
    check_joints(page.joints())
