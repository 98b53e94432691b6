"""A server on this machine that delivers a weights file, well or badly; and a writer of PyTorch's files."""

from __future__ import annotations

import struct
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from hourglass.spec import ModelSpec
from pretrained.weights_file import save_model

import numpy as np
import pytest

SMALL = ModelSpec(out_channels=14, n_stack=1, width=4, layer_num=1, joints='lsp', input_size=(32, 32), crop='pad')


@dataclass
class FileServer:
    """What the server does, and what it was asked for.

    Attributes:
        content: the file.
        cuts: after how many bytes of the answer the connection is closed, for the first answers.
        ranges: whether the server can send a part of the file.
        status: the status of an answer.
        says_length: whether the length is announced; without it the end of the connection is the end of the file.
        delay: seconds before an answer.
        location: where requests are sent on to.
        requested: the Range header of every request, '' without one.
    """

    content: bytes
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    status: int = 200
    says_length: bool = True
    delay: float = 0.0
    location: str | None = None
    requested: list[str] = field(default_factory=list)
    url: str = ''


def _handler(plan: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            requested = self.headers.get('Range', '')
            plan.requested.append(requested)
            time.sleep(plan.delay)
            start = int(requested.removeprefix('bytes=').rstrip('-')) if requested and plan.ranges else 0
            if start and start >= len(plan.content):
                self.send_response(416)
                self.send_header('Content-Range', f'bytes */{len(plan.content)}')
                self.send_header('Content-Length', '0')
                self.end_headers()
                return
            self.send_response(206 if start else plan.status)
            if start:
                self.send_header('Content-Range', f'bytes {start}-{len(plan.content) - 1}/{len(plan.content)}')
            if plan.location:
                self.send_header('Location', plan.location)
            if plan.says_length:
                self.send_header('Content-Length', str(len(plan.content) - start))
            self.end_headers()
            body = plan.content[start:]
            self.wfile.write(body[:plan.cuts.pop(0)] if plan.cuts else body)

    return Handler


@pytest.fixture(scope='session')
def small_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('weights') / 'small.npz'
    save_model(path, SMALL.build_network(), SMALL)
    return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv('HOURGLASS_CACHE', str(tmp_path / 'cache'))
    # A proxy of the machine would not reach a server in this process.
    for name in ('http_proxy', 'https_proxy', 'all_proxy'):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return tmp_path / 'cache'


@pytest.fixture
def server(small_weights: Path) -> Iterator[FileServer]:
    plan = FileServer(small_weights.read_bytes())
    http = ThreadingHTTPServer(('127.0.0.1', 0), _handler(plan))
    thread = threading.Thread(target=http.serve_forever, kwargs={'poll_interval': 0.01}, daemon=True)
    thread.start()
    plan.url = f'http://127.0.0.1:{http.server_address[1]}/weights.npz'
    yield plan
    http.shutdown()
    http.server_close()
    thread.join()


_STORAGE_NAMES = {'f4': 'FloatStorage', 'f8': 'DoubleStorage', 'f2': 'HalfStorage', 'i8': 'LongStorage',
                  'u1': 'ByteStorage', 'b1': 'BoolStorage'}


class TorchWriter:
    """Write what ``torch.save`` writes of dictionaries, lists, numbers, texts and tensors (as NumPy arrays).

    Every array gets a storage of its own, in row-major order.
    """

    def __init__(self) -> None:
        self.storages: list[np.ndarray] = []

    def pickled(self, value: Any, is_legacy: bool = False) -> bytes:
        """Return a pickle; the arrays are appended to ``storages``."""
        return b'\x80\x02' + self._write(value, is_legacy) + b'.'

    def _write(self, value: Any, is_legacy: bool) -> bytes:
        def write(*values: Any) -> bytes:
            return b''.join(self._write(v, is_legacy) for v in values)

        if value is None or isinstance(value, bool):
            return {None: b'N', True: b'\x88', False: b'\x89'}[value]
        if isinstance(value, int):
            return b'J' + struct.pack('<i', value)
        if isinstance(value, float):
            return b'G' + struct.pack('>d', value)
        if isinstance(value, str):
            return b'X' + struct.pack('<I', len(value.encode())) + value.encode()
        if isinstance(value, tuple):
            return b'(' + write(*value) + b't'
        if isinstance(value, list):
            return b'](' + write(*value) + b'e'
        if isinstance(value, dict):
            items = b'(' + write(*(part for item in value.items() for part in item)) + b'u'
            return b'ccollections\nOrderedDict\n)R' + items
        array = np.asarray(value)
        self.storages.append(array)
        kind = _STORAGE_NAMES[array.dtype.str[1:]]
        strides = tuple(s // array.itemsize for s in np.zeros(array.shape, array.dtype).strides)
        storage = b'(' + write('storage') + f'ctorch\n{kind}\n'.encode() + write(
            str(len(self.storages) - 1), 'cpu', array.size) + (b'N' if is_legacy else b'') + b'tQ'
        return (b'ctorch._utils\n_rebuild_tensor_v2\n(' + storage + write(0, array.shape, strides, False, {}) + b'tR')

    @classmethod
    def write_zip(cls, path: Path, value: Any, byte_order: str = 'little') -> None:
        """Write the format of PyTorch 1.6 and later."""
        writer = cls()
        data = writer.pickled(value)
        with zipfile.ZipFile(path, 'w') as file:
            file.writestr('archive/data.pkl', data)
            file.writestr('archive/byteorder', byte_order)
            for i, array in enumerate(writer.storages):
                stored = array.astype(array.dtype.newbyteorder('<' if byte_order == 'little' else '>'))
                file.writestr(f'archive/data/{i}', stored.tobytes())
            file.writestr('archive/version', '3\n')

    @classmethod
    def write_legacy(cls, path: Path, value: Any) -> None:
        """Write the format before that."""
        writer = cls()
        head = b'\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.'
        head += cls().pickled({'protocol_version': 1001, 'little_endian': True, 'type_sizes': {'int': 4}})
        head += writer.pickled(value, is_legacy=True)
        head += cls().pickled([str(i) for i in range(len(writer.storages))])
        with path.open('wb') as file:
            file.write(head)
            for array in writer.storages:
                file.write(struct.pack('<q', array.size) + array.tobytes())


@pytest.fixture(scope='session')
def torch_writer() -> type[TorchWriter]:
    return TorchWriter
