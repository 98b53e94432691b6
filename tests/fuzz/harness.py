"""Damaged files for every reader: each must be read, or be refused in one line.

    python tests/fuzz/harness.py --count 10000 --seed 1           # all readers together
    python tests/fuzz/harness.py --count 500 --readers npz csv

A reader runs in a process of its own with 2 GB for data. Running a program, opening a connection or writing a file ends
it. Prints, for each reader, how many files were read and refused, the seconds of processor time of the slowest, and the
largest memory in MB; exit status 1 if a reader failed.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib
import io
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from hourglass.errors import InputError  # noqa: E402

import numpy as np  # noqa: E402

MAX_BYTES = 2_000_000_000


def _npz() -> bytes:
    from hourglass.spec import ModelSpec
    from pretrained.weights_file import save_model

    spec = ModelSpec(out_channels=14, n_stack=1, width=4, layer_num=1, joints='lsp', input_size=(32, 32), crop='pad')
    with tempfile.TemporaryDirectory() as folder:
        save_model(Path(folder) / 'w.npz', spec.build_network(), spec)
        return (Path(folder) / 'w.npz').read_bytes()


def _pytorch(form: str) -> bytes:
    from hourglass.spec import ModelSpec
    from tests.pretrained.ports import bearpaw_state
    from tests.pretrained.pytorch.writer import TorchWriter

    state: Any = bearpaw_state(ModelSpec('PreActivationHG', n_stack=1, width=4, layer_num=1, wide_stem=True))
    if form != 'safetensors':  # with objects that become placeholders
        state = {'state_dict': state, 'epoch': 3, 'best': np.float64(.5), 'list': [1, {2}, argparse.Namespace(a=1)]}
    with tempfile.TemporaryDirectory() as folder:
        getattr(TorchWriter, f'write_{form}')(Path(folder) / 'w.pth', state)
        return (Path(folder) / 'w.pth').read_bytes()


def _torch7(kind: str, ascii: bool) -> bytes:
    from tests.pretrained.torch7 import writer

    net = writer.Net(np.random.RandomState(0), cuda=not ascii)
    return writer.dump(getattr(net, kind)(w=4, n_stack=1, levels=1), ascii)


def _picture(kind: str) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (40, 30, 3), np.uint8)
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def _coco() -> bytes:
    people = [{'id': i, 'image_id': 1, 'category_id': 1, 'bbox': [1, 2, 30, 40], 'area': 1200, 'iscrowd': 0,
               'num_keypoints': 17, 'keypoints': [3 + i, 4, 2] * 17} for i in range(3)]
    from hourglass.joints import COCO

    category = {'id': 1, 'name': 'person', 'skeleton': [[1, 2]],
                'keypoints': [joint.replace(' ', '_') for joint in COCO.joints]}
    return json.dumps({'images': [{'id': 1, 'file_name': '1.jpg', 'width': 40, 'height': 50}], 'annotations': people,
                       'categories': [category]}).encode()


def _boxes() -> bytes:
    return json.dumps([{'image_id': 'a.jpg', 'category_id': 1, 'bbox': [1, 2, 3, 4], 'score': 0.5}] * 3).encode()


def _csv() -> bytes:
    return b'image,split,nose_x,nose_y,nose_visible,l_eye_x,l_eye_y\n1.jpg,train,3.5,4,1,7,8\n2.jpg,val,3,4,0,,\n'


def _joints() -> bytes:
    return (b'name: face\njoints: [nose, l_eye, r_eye]\npairs: [[l_eye, r_eye]]\nlimbs: [[nose, l_eye]]\n'
            b'sigmas: {nose: 0.1}\n')


def _config() -> bytes:
    return json.dumps({'dataset': ['lsp'], 'epoch': 7, 'lr': 1e-3, 'freeze': ['a/*'], 'validation': False}).encode()


def _spec() -> bytes:
    from hourglass.spec import ModelSpec

    return ModelSpec().to_json().encode()


def _onnx() -> bytes:
    from hourglass.engine.graph import Graph

    graph = Graph()
    graph.relu('image', 'out')
    return graph.model(['n', 3, 32, 32], {'out': ['n', 3, 32, 32]}, {'names': "{0: 'person'}"}).SerializeToString()


def _matlab() -> bytes:
    import scipy.io

    file = io.BytesIO()
    scipy.io.savemat(file, {'joints': np.random.default_rng(0).random((3, 14, 5))})
    return file.getvalue()


def _hdf5() -> bytes:
    import h5py

    file = io.BytesIO()
    with h5py.File(file, 'w') as content:
        content['preds'] = np.random.default_rng(0).random((4, 16, 2))
    return file.getvalue()


#: For each reader the name of files, what makes a sound one, and the function as ``module:name``.
READERS: dict[str, tuple[str, Callable[[], bytes], str]] = {
    'npz': ('w.npz', _npz, 'pretrained.formats:load_any'),
    'pytorch': ('w.pth', lambda: _pytorch('zip'), 'pretrained.formats:load_any'),
    'pytorch-legacy': ('w.pth', lambda: _pytorch('legacy'), 'pretrained.formats:load_any'),
    'safetensors': ('w.safetensors', lambda: _pytorch('safetensors'), 'pretrained.formats:load_any'),
    'torch7': ('w.t7', lambda: _torch7('hg', False), 'pretrained.formats:load_any'),
    'torch7-ascii': ('w.t7', lambda: _torch7('demo', True), 'pretrained.formats:load_any'),
    'png': ('p.png', lambda: _picture('PNG'), 'hourglass.image:read_image'),
    'jpeg': ('p.jpg', lambda: _picture('JPEG'), 'hourglass.image:read_image'),
    'webp': ('p.webp', lambda: _picture('WEBP'), 'hourglass.image:read_image'),
    'tiff': ('p.tif', lambda: _picture('TIFF'), 'hourglass.image:read_image'),
    'gif': ('p.gif', lambda: _picture('GIF'), 'hourglass.image:read_image'),
    'bmp': ('p.bmp', lambda: _picture('BMP'), 'hourglass.image:read_image'),
    'coco': ('people.json', _coco, 'data.coco.annotations:read_annotations'),
    'coco-json': ('people.json', _coco, 'data.custom.coco_file:read_coco_file'),
    'boxes': ('boxes.json', _boxes, 'hourglass.detection.boxes_file:BoxesFile'),
    'csv': ('people.csv', _csv, 'data.custom.csv_table:read_csv'),
    'joints': ('joints.yaml', _joints, 'hourglass.joint_table:read_joint_set'),
    'config': ('run.json', _config, 'training.options:parse_config'),
    'spec': ('spec.json', _spec, 'hourglass.spec:ModelSpec'),
    'onnx': ('d.onnx', _onnx, 'hourglass.detection.onnx_file:read_onnx'),
    'matlab': ('joints.mat', _matlab, 'data.matlab_file:read_joints_variable'),
    'hdf5': ('preds.h5', _hdf5, 'data.mpii.hdf5:parse_predictions'),
}
#: Readers whose library is C code that may crash: every file gets a process, as in the software.
IN_CHILD = ('matlab', 'hdf5')


def damage(rng: np.random.Generator, content: bytes) -> bytes:
    """Change bits, numbers, lengths or places anywhere."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        if not data:
            break
        at, length = int(rng.integers(len(data))), int(rng.integers(1, 40))
        kind = rng.integers(8)
        if kind == 0:
            data[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            del data[at:]
        elif kind == 2:
            del data[at:at + length]
        elif kind == 3:
            data[at:at] = rng.bytes(length)
        elif kind == 4:
            data[at:at + length] = b'\xff' * len(data[at:at + length])
        elif kind == 5:
            other = int(rng.integers(len(data)))
            data[at:at + length] = data[other:other + length]
        elif kind == 6:
            data[at:at + 4] = struct.pack('<i', int(rng.choice([0, -1, 1, 255, 65536, 2 ** 31 - 1])))
        else:
            data[at:at] = rng.choice([b'[' * 2000, b'9' * 300, b'-', b'\0', b'null', b'NaN', b'1e999', b'"'])
    return bytes(data)


def _read(name: str, path: Path) -> None:
    reader = READERS[name][2]
    if name in IN_CHILD:
        from hourglass.sandbox import read_in_child

        read_in_child(reader, path)
        return
    module, _, function = reader.partition(':')
    call: Any = getattr(importlib.import_module(module), function)
    if name == 'config':
        call(['--config', str(path)])
    elif name == 'spec':
        call.from_json(path.read_text('utf-8', 'replace'))
    elif name == 'joints':
        call(str(path))
    else:
        call(path)


#: Events of a program that is run or a file that is changed; and of code, in the readers of weights.
FORBIDDEN = ('os.system', 'os.exec', 'os.posix_spawn', 'os.fork', 'subprocess.Popen', 'socket.connect', 'os.remove')
FORBIDDEN_IN_WEIGHTS = ('exec', 'compile', 'import', 'pickle.find_class', 'marshal.loads', 'ctypes.dlopen')


def _watch(forbidden: tuple[str, ...], event: str, arguments: tuple[Any, ...]) -> None:
    if event in forbidden or (event == 'open' and isinstance(arguments[1], str) and set(arguments[1]) & set('wax+')):
        sys.stderr.write(f'forbidden: {event} {arguments}\n')
        sys.stderr.flush()
        os._exit(3)


def _child(name: str, folder: Path) -> None:
    """Read all files of a folder; the last line printed describes what happened."""
    import resource

    paths = sorted(folder.iterdir())
    with contextlib.suppress(InputError):  # it may be a sound file of something else than a network
        _read(name, paths[0])  # all imports are done after it
    if name not in IN_CHILD:
        # NumPy compiles the header of an array to read it.
        of_weights = READERS[name][2] == 'pretrained.formats:load_any' and name != 'npz'
        sys.addaudithook(functools.partial(_watch, FORBIDDEN + FORBIDDEN_IN_WEIGHTS * of_weights))
        resource.setrlimit(resource.RLIMIT_DATA, (MAX_BYTES, MAX_BYTES))
    counts, slowest = {'read': 0, 'refused': 0}, 0.0
    for path in paths[1:]:
        print(path.name, file=sys.stderr, flush=True)  # so that a crash names its file
        start = sum(os.times()[:4])  # its own time and that of its children
        try:
            _read(name, path)
            counts['read'] += 1
        except InputError as error:
            counts['refused'] += 1
            text = str(error)
        else:
            text = ''
        assert '\n' not in text, f'{path}: more than one line'
        assert len(text) < 3000, f'{path}: a message of {len(text)} characters'
        slowest = max(slowest, sum(os.times()[:4]) - start)
    largest = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps({**counts, 'seconds': round(slowest, 2), 'MB': largest // 1024}))


def run_reader(name: str, count: int, seed: int, folder: Path) -> dict[str, float]:
    """Give a reader damaged files.

    Returns:
        How many were ``read`` and ``refused``, the ``seconds`` of processor time of the slowest, and the largest
        memory in ``MB``.

    Raises:
        AssertionError: the reader failed; the text names the file, which stays in ``folder``.
    """
    file_name, make, _ = READERS[name]
    sound, rng = make(), np.random.default_rng([seed, *name.encode()])
    folder.mkdir(parents=True)
    (folder / f'{0:06}_{file_name}').write_bytes(sound)
    for i in range(count):
        (folder / f'{i + 1:06}_{file_name}').write_bytes(damage(rng, sound))
    environment = {**os.environ, 'OPENBLAS_NUM_THREADS': '1', 'OMP_NUM_THREADS': '1', 'PYTHONDONTWRITEBYTECODE': '1'}
    child = subprocess.run([sys.executable, __file__, '--child', name, str(folder)], cwd=ROOT, env=environment,
                           capture_output=True, text=True, check=False)
    assert child.returncode == 0, f'{name}: exit status {child.returncode}: {child.stderr[-1500:]}'
    return json.loads(child.stdout.splitlines()[-1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--count', type=int, default=2000, help='damaged files, shared out among the readers')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--readers', nargs='+', choices=READERS, default=list(READERS), metavar='NAME')
    parser.add_argument('--child', nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _child(options.child[0], Path(options.child[1]))
        return 0
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in options.readers:
            try:
                print(name, run_reader(name, options.count // len(options.readers), options.seed, Path(folder) / name),
                      flush=True)
            except AssertionError as error:
                failed += 1
                print(f'FAILED {error}', flush=True)
    return int(failed > 0)


if __name__ == '__main__':
    sys.exit(main())
