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
import gc
import importlib
import io
import json
import os
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from hourglass.errors import InputError  # noqa: E402
from tests.fuzz import sound  # noqa: E402
from tests.same_process import read_here  # noqa: E402

import numpy as np  # noqa: E402

MAX_BYTES = 2_000_000_000


#: For each reader the name of files, what makes a sound one, and the function as ``module:name``.
READERS: dict[str, tuple[str, Callable[[], bytes], str]] = {
    'npz': ('w.npz', sound.npz, 'pretrained.formats:load_any'),
    'pytorch': ('w.pth', lambda: sound.pytorch('zip'), 'pretrained.formats:load_any'),
    'pytorch-legacy': ('w.pth', lambda: sound.pytorch('legacy'), 'pretrained.formats:load_any'),
    'safetensors': ('w.safetensors', lambda: sound.pytorch('safetensors'), 'pretrained.formats:load_any'),
    'torch7': ('w.t7', lambda: sound.torch7('PreActivationHG', False), 'pretrained.formats:load_any'),
    'torch7-ascii': ('w.t7', lambda: sound.torch7('StackedHG', True), 'pretrained.formats:load_any'),
    **{kind: (f'p.{kind}', functools.partial(sound.picture, kind.upper()), 'hourglass.image:read_image')
       for kind in ('png', 'jpeg', 'webp', 'tiff', 'gif', 'avif', 'bmp')},
    'coco': ('people.json', sound.coco, 'data.coco.annotations:read_annotations'),
    'coco-json': ('people.json', sound.coco, 'data.custom.coco_file:read_coco_file'),
    'boxes': ('boxes.json', sound.boxes, 'hourglass.detection.boxes_file:BoxesFile'),
    'csv': ('people.csv', sound.csv, 'data.custom.csv_table:read_csv'),
    'joints': ('joints.yaml', sound.joints, 'hourglass.joint_table:read_joint_set'),
    'config': ('run.json', sound.config, 'training.options:parse_config'),
    'spec': ('spec.json', sound.spec, 'hourglass.spec:ModelSpec'),
    'onnx': ('d.onnx', sound.onnx, 'hourglass.detection.onnx_file:read_onnx'),
    'matlab': ('joints.mat', sound.matlab, 'data.matlab_file:read_joints_variable'),
    'snapshot': ('snapshot_iter_4', sound.snapshot, 'training.snapshot:read_snapshot'),
    'packed': ('p.h5', sound.packed, 'data.packed:PackedDataset'),
    'results': ('results.json', sound.results, 'eval.coco_results:read_results'),
    'recipe': ('recipe.yaml', sound.recipe, 'pretrained.recipe:read_recipe'),
    'video': ('v.mp4', sound.video, 'demos.video.reader:VideoReader'),
    'hdf5': ('preds.h5', sound.hdf5, 'data.mpii.hdf5:parse_predictions'),
}
#: Readers whose library is C code that may crash: every file gets a process, as in the software.
IN_CHILD = ('matlab', 'hdf5')


#: What replaces a value of a JSON file.
VALUES: tuple[Any, ...] = (None, True, -1, 0, 1.5, 1e300, 2 ** 63, 10 ** 400, float('nan'), '', 'x', '7', [], {}, [[]],
                           [None], 'a/../../b', '\0\n')


def _damage_json(rng: np.random.Generator, content: Any) -> bytes:
    """Replace, remove or rename a value somewhere in JSON."""
    place = content
    while True:
        keys = list(place) if isinstance(place, dict) else range(len(place))
        key = keys[int(rng.integers(len(keys)))]
        if isinstance(place[key], (dict, list)) and place[key] and rng.random() < 0.8:
            place = place[key]
            continue
        break
    kind = rng.integers(4)
    if kind == 0:
        del place[key]
    elif kind == 1 and isinstance(place, dict):
        place[f'{key}x'] = place.pop(key)
    else:
        place[key] = VALUES[int(rng.integers(len(VALUES)))]
    return json.dumps(content).encode()


def damage(rng: np.random.Generator, content: bytes) -> bytes:
    """Change bits, numbers, lengths or places anywhere; or, in every second JSON file, a value."""
    if content[:1] in b'[{' and rng.random() < 0.5:
        return _damage_json(rng, json.loads(content))
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


def damage_entry(rng: np.random.Generator, content: bytes) -> bytes:
    """Damage one entry of a zip file; its checksum is that of the damaged content."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(file, 'w') as target:
        victim = rng.choice(source.namelist())
        for name in source.namelist():
            data = source.read(name)
            if name == victim and rng.integers(4) == 0:
                name = damage(rng, name.encode())[:200].decode('latin-1').partition('\0')[0] or 'x'
            elif name == victim:  # mostly the head, which is where a reader can go wrong
                head = 130 if rng.integers(3) else len(data)
                data = damage(rng, data[:head]) + data[head:]
            target.writestr(name, data)
    return file.getvalue()


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
    elif name == 'results':
        call(path, {1: '1.jpg'})
    elif name == 'video':
        with call(path) as frames:
            for _ in frames:
                pass
        del frames
        gc.collect()  # PyAV's objects keep the decoder's threads until then
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

    if READERS[name][2] == 'pretrained.formats:load_any':  # with the limits of this process
        formats: Any = importlib.import_module('pretrained.formats')
        formats.read_in_child = read_here
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
        change = damage_entry if sound.startswith(b'PK') and i % 2 else damage
        (folder / f'{i + 1:06}_{file_name}').write_bytes(change(rng, sound))
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
