"""Small sound files for every reader, to be damaged."""

from __future__ import annotations

import argparse
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np


def npz() -> bytes:
    from hourglass.spec import ModelSpec
    from pretrained.weights_file import save_model

    spec = ModelSpec(out_channels=14, n_stack=1, width=4, layer_num=1, joints='lsp', input_size=(32, 32), crop='pad')
    with tempfile.TemporaryDirectory() as folder:
        save_model(Path(folder) / 'w.npz', spec.build_network(), spec)
        return (Path(folder) / 'w.npz').read_bytes()


def pytorch(form: str) -> bytes:
    from hourglass.spec import ModelSpec
    from tests.pretrained.ports import bearpaw_state
    from tests.pretrained.pytorch.writer import TorchWriter

    state: Any = bearpaw_state(ModelSpec('PreActivationHG', n_stack=1, width=4, layer_num=1, wide_stem=True))
    if form != 'safetensors':  # with objects that become placeholders
        state = {'state_dict': state, 'epoch': 3, 'best': np.float64(.5), 'list': [1, {2}, argparse.Namespace(a=1)]}
    with tempfile.TemporaryDirectory() as folder:
        getattr(TorchWriter, f'write_{form}')(Path(folder) / 'w.pth', state)
        return (Path(folder) / 'w.pth').read_bytes()


def torch7(network: str, ascii: bool) -> bytes:
    from tests.pretrained.torch7.networks import save, spec_of
    from tests.pretrained.torch7.writer import dump

    return dump(save(spec_of(network, n_stack=1, width=4, layer_num=1), cuda=not ascii)[0], ascii)


def picture(kind: str) -> bytes:
    from tests.stand_ins import picture_bytes

    return picture_bytes(np.random.default_rng(0).integers(0, 255, (40, 30, 3), np.uint8), kind)


def coco() -> bytes:
    from tests.data.coco_files import make_content

    return json.dumps(make_content()).encode()


def boxes() -> bytes:
    return json.dumps([{'image_id': 'a.jpg', 'category_id': 1, 'bbox': [1, 2, 3, 4], 'score': 0.5}] * 3).encode()


def csv() -> bytes:
    return b'image,split,nose_x,nose_y,nose_visible,l_eye_x,l_eye_y\n1.jpg,train,3.5,4,1,7,8\n2.jpg,val,3,4,0,,\n'


def joints() -> bytes:
    return (b'name: face\njoints: [nose, l_eye, r_eye]\npairs: [[l_eye, r_eye]]\nlimbs: [[nose, l_eye]]\n'
            b'sigmas: {nose: 0.1}\n')


def config() -> bytes:
    return json.dumps({'dataset': ['lsp'], 'epoch': 7, 'lr': 1e-3, 'freeze': ['a/*'], 'validation': False}).encode()


def spec() -> bytes:
    from hourglass.spec import ModelSpec

    return ModelSpec().to_json().encode()


def onnx() -> bytes:
    from hourglass.engine.graph import GraphWriter

    graph = GraphWriter()
    graph.relu('image', 'out')
    return graph.model(['n', 3, 32, 32], {'out': ['n', 3, 32, 32]}, {'names': "{0: 'person'}"}).SerializeToString()


def matlab() -> bytes:
    import scipy.io

    file = io.BytesIO()
    scipy.io.savemat(file, {'joints': np.random.default_rng(0).random((3, 14, 5))})
    return file.getvalue()


def hdf5() -> bytes:
    import h5py

    file = io.BytesIO()
    with h5py.File(file, 'w') as content:
        content['preds'] = np.random.default_rng(0).random((4, 16, 2))
    return file.getvalue()


def snapshot() -> bytes:
    file = io.BytesIO()
    np.savez(file, **{'updater/iteration': np.array(4), 'updater/model/conv0/W': np.ones((4, 3, 7, 7), np.float32),
                      'extensions/RunRecord/run': np.array('{"options": {}}')})
    return file.getvalue()


def packed() -> bytes:
    from data.packed import pack
    from data.synthetic import SyntheticDataset

    with tempfile.TemporaryDirectory() as folder:
        pack({'train': SyntheticDataset(2, size=(64, 64))}, Path(folder) / 'p.h5', 'synthetic', 0.5, 32)
        return (Path(folder) / 'p.h5').read_bytes()


def results() -> bytes:
    return json.dumps([{'image_id': 1, 'category_id': 1, 'keypoints': [3.5, 4, 0.9] * 17, 'score': 0.5}] * 3).encode()


def recipe() -> bytes:
    return (b'packed: {lsp: {dataset: lsp, split: [half-fit, half-val], size: 128}}\ncommon: {width: 64}\n'
            b'stages:\n  - {name: coarse, people: [lsp], options: {epoch: 9}}\nfile: weights.npz\n')


def video() -> bytes:
    from tests.demos.video.clips import moving, write_clip

    with tempfile.TemporaryDirectory() as folder:
        return write_clip(Path(folder) / 'v.mp4', moving(4)).read_bytes()
