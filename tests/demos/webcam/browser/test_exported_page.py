"""docs/browser.html, which runs an exported file as a page without a server; a stand-in for ONNX Runtime's library."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pretrained
from hourglass.joints import MPII_COCO
from pretrained.export import export

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.browser

PAGE = Path(__file__).resolve().parents[4] / 'docs' / 'browser.html'
#: Finds joint k in row k and column 47 - k, and notes the input's shape and brightest channel.
LIBRARY = '''
window.ort = {env: {wasm: {}}, Tensor: function (kind, data, dims) { Object.assign(this, {kind, data, dims}); },
  InferenceSession: {create: async (bytes) => ({run: async ({image}) => {
    const data = new Float32Array(21 * 2304);
    for (let k = 0; k < 21; k += 1) { data[2304 * k + 48 * k + 47 - k] = 0.75; }
    window.asked = [bytes.length, image.dims, image.data[0], image.data[2 * 36864 + 96 * 192 + 96]];
    return {heatmaps: {dims: [1, 21, 48, 48], data}};
  }})}};
'''


def test_a_photo_is_drawn_with_its_joints(browser: Any, tmp_path: Path) -> None:
    export(pretrained.load('bundled'), 'bundled', tmp_path / 'mine.onnx')
    for name, content in (('ort.wasm.min.js', LIBRARY), ('ort-wasm-simd-threaded.mjs', ''),
                          ('ort-wasm-simd-threaded.wasm', '')):
        (tmp_path / name).write_text(content)
    Image.new('RGB', (400, 320), (0, 0, 255)).save(tmp_path / 'photo.png')
    browser.get(PAGE.as_uri())
    page = {name: browser.find_element('id', name) for name in ('wanted', 'message', 'files', 'joints')}
    assert 'model.onnx' in page['wanted'].text
    page['files'].send_keys('\n'.join(str(path) for path in sorted(tmp_path.iterdir())))
    browser.execute_async_script('const done = arguments[0]; const wait = () => document.getElementById("joints").'
                                 'textContent || document.getElementById("message").textContent ? done() : '
                                 'setTimeout(wait, 50); wait();')
    assert page['message'].text == ''
    found = re.findall(r'^([a-z ]+?) +x +(\d+) +y +(\d+) +peak 0.75$', page['joints'].text, re.MULTILINE)
    assert [name for name, _, _ in found] == list(MPII_COCO.joints)
    # The crop is 320 pixels high and begins 40 pixels from the left; align_corners: 191 pixels to 47 cells.
    cells = np.arange(21)
    np.testing.assert_allclose([int(x) for _, x, _ in found], 40 + 320 / 192 * (47 - cells) * 191 / 47, atol=0.51)
    np.testing.assert_allclose([int(y) for _, _, y in found], 320 / 192 * cells * 191 / 47, atol=0.51)
    size, shape, *colours = browser.execute_script('return window.asked')
    assert (size, shape, colours) == ((tmp_path / 'mine.onnx').stat().st_size, [1, 3, 192, 192], [0, 1])
