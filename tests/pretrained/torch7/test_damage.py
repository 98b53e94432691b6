"""Random damage: whatever happens to a file, it is refused in one line or is a network, in little memory."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]

# Loads every file of a folder, in 2 GB of address space, and ends at once where anything is run or imported.
CHILD = '''
import json, os, resource, sys
from pathlib import Path
import numpy as np
from hourglass.errors import InputError
from pretrained.torch7 import load_torch7

def load(path):
    try:
        model = load_torch7(path)
    except InputError as error:
        text = str(error)
        assert text.startswith(str(path) + ': ') and text.isprintable() and len(text) < 2000, text
        return text[len(str(path)) + 2:]
    assert all(np.isfinite(array).all() for array in model.arrays.values())
    return None

def peak_memory():
    # VmHWM and not ru_maxrss, which on Linux starts at the parent's own peak.
    status = Path('/proc/self/status')
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line, = (line for line in status.read_text().splitlines() if line.startswith('VmHWM'))
    return int(line.split()[1]) * 1024

folder = Path(sys.argv[1])
for sound in folder.parent.glob('*.t7'):
    assert load(sound) is None  # everything that is imported late is there now
forbidden = ('exec', 'compile', 'import', 'os.system', 'os.exec', 'os.posix_spawn', 'os.fork', 'subprocess.Popen',
             'pickle.find_class', 'ctypes.dlopen', 'socket.connect', 'marshal.loads', 'os.remove', 'os.rename')
def watch(event, arguments):
    if event in forbidden or event == 'open' and set(arguments[1] or '') & set('wax+'):
        sys.stderr.write(f'{event} {arguments}')
        sys.stderr.flush()
        os._exit(3)
sys.addaudithook(watch)
resource.setrlimit(resource.RLIMIT_AS, (2 * 1024 ** 3,) * 2)

loaded, reasons = 0, []
for path in sorted(folder.iterdir()):
    reason = load(path)
    loaded += reason is None
    if reason:
        reasons.append(reason)
peak = peak_memory()
print(json.dumps({'loaded': loaded, 'reasons': reasons, 'peak': peak}))
'''


def damaged(rng: np.random.RandomState, content: bytes, other: bytes) -> bytes:
    """Damage anything anywhere."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at = int(rng.randint(len(data))) if data else 0
        length = int(rng.randint(1, 40))
        kind = rng.randint(7)
        if kind == 0 and data:
            data[at] ^= 1 << int(rng.randint(8))
        elif kind == 1:
            del data[at:]
        elif kind == 2:
            del data[at:at + length]
        elif kind == 3:
            data[at:at] = rng.bytes(length)
        elif kind == 4:
            data[at:at + length] = b'\xff' * len(data[at:at + length])
        elif kind == 5:  # a part of another file
            start = int(rng.randint(len(other)))
            data[at:at + length] = other[start:start + 10 * length]
        else:
            data = data[:at] + bytearray(other[at:])
    return bytes(data)


def with_other_integer(rng: np.random.RandomState, content: bytes, ascii: bool) -> bytes:
    """Change a tag, a number of an object, a length or a size: what random damage mostly misses."""
    values = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 50, 300, -1, 2 ** 31 - 1, -2 ** 31, 65536, int(rng.randint(2000))]
    data = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        value = values[rng.randint(len(values))]
        if ascii:
            start = int(rng.randint(len(data)))
            match = re.compile(rb'\n(-?\d+)\n').search(data, start)
            if match:
                data[match.start(1):match.end(1)] = str(value).encode()
        else:
            # Small integers have three bytes of zero.
            starts = [m.start() for m in re.finditer(rb'[\1-\x20]\0\0\0', data)]
            start = starts[rng.randint(len(starts))]
            data[start:start + 4] = value.to_bytes(4, 'little', signed=True)
    return bytes(data)


def rearranged(rng: np.random.RandomState, t7: SimpleNamespace, kind: str) -> bytes:
    """Write a sound file of a network with other connections, classes, numbers or missing fields."""
    net = t7.Net(rng)
    root = getattr(net, kind)(w=4, n_stack=1, levels=1)
    data = [node['data'] for node in net.nodes]
    modules = [d['module'] for d in data if 'module' in d]
    for module in modules:  # grows while it is gone through
        modules += [m for m in module.fields.get('modules', []) if isinstance(m, t7.Obj)]
    for _ in range(rng.randint(1, 3)):
        one, other = (modules[rng.randint(len(modules))] for _ in range(2))
        kind_of_change = rng.randint(6)
        if kind_of_change == 0:
            one.name = other.name
        elif kind_of_change == 1:
            one.name, one.fields, one.version = other.name, other.fields, other.version
        elif kind_of_change == 2:
            one.fields, other.fields = other.fields, one.fields
        elif kind_of_change == 3 and one.fields:
            name = sorted(one.fields)[rng.randint(len(one.fields))]
            one.fields[name] = [None, 0, 2, -1, 1e9, .5, True, 'text', {}, [one], root, t7.Tensor()][rng.randint(12)]
        elif kind_of_change == 4:
            first, second = (data[rng.randint(len(data))] for _ in range(2))
            first['mapindex'] = t7.Table([(n, entry) for n, entry in enumerate([second, *data[:rng.randint(3)]], 1)])
        else:
            first, second = (data[rng.randint(len(data))] for _ in range(2))
            first['mapindex'] = second['mapindex']
    return t7.dump(root)


def small_networks(t7: SimpleNamespace) -> Iterator[tuple[bytes, bool]]:
    for seed, kind in enumerate(['hg', 'demo']):
        for ascii in (False, True):
            net = t7.Net(np.random.RandomState(seed), cuda=seed == 0)
            yield t7.dump(getattr(net, kind)(w=4, n_stack=1, levels=1), ascii), ascii


def load_in_child(folder: Path) -> dict[str, Any]:
    environment = {**os.environ, 'OPENBLAS_NUM_THREADS': '1', 'OMP_NUM_THREADS': '1', 'PYTHONDONTWRITEBYTECODE': '1'}
    child = subprocess.run([sys.executable, '-c', CHILD, str(folder)], cwd=ROOT, env=environment, timeout=600,
                           capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr[-2000:]
    return json.loads(child.stdout)


def test_400_damaged_files(tmp_path: Path, t7: SimpleNamespace) -> None:
    rng = np.random.RandomState(0)
    networks = list(small_networks(t7))
    (tmp_path / 'files').mkdir()
    for n in (0, 2):
        (tmp_path / f'sound{n}.t7').write_bytes(networks[n][0])
    count = 400
    for n in range(count):
        content, ascii = networks[n % 4]
        other = networks[rng.randint(4)][0]
        if n % 10 == 0:
            file = rearranged(rng, t7, ('hg', 'demo')[n % 4 // 2])
        else:
            file = with_other_integer(rng, content, ascii) if n % 3 == 0 else damaged(rng, content, other)
        (tmp_path / 'files' / f'{n:04}.t7').write_bytes(file)
    result = load_in_child(tmp_path / 'files')
    # Damage of single values is not always visible, but the most is.
    assert result['loaded'] + len(result['reasons']) == count
    assert 0 < result['loaded'] < count // 2
    assert sum('not a readable Torch7 file' in reason for reason in result['reasons']) > count // 3
    assert sum('not a network that is known here' in reason for reason in result['reasons']) > count // 50
    assert result['peak'] < 500e6


@pytest.mark.parametrize('name', ['hg2s_nograd', 'hg2s_clear_ascii'])
def test_damaged_files_of_torch7(tmp_path: Path, shared: Callable[[str], Path], name: str) -> None:
    content = shared(f'reference/torch7/models/{name}.t7').read_bytes()
    rng = np.random.RandomState(0)
    (tmp_path / 'files').mkdir()
    (tmp_path / 'sound.t7').write_bytes(content)
    for n in range(30):
        file = with_other_integer(rng, content, 'ascii' in name) if n % 3 == 0 else damaged(rng, content, content)
        (tmp_path / 'files' / f'{n:04}.t7').write_bytes(file)
    result = load_in_child(tmp_path / 'files')
    assert result['loaded'] + len(result['reasons']) == 30
    assert result['peak'] < 500e6
