"""Reading files of other programs in a child process.

The C code behind MATLAB and HDF5 files and Python's pickles can crash, hang or need any amount of memory on a damaged
file; a small file of Torch7 can stand for any number of objects. A process of its own, with limits of memory and
processor time, reads such a file and returns plain arrays. Any failure of it becomes an
:class:`~hourglass.errors.InputError`.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from hourglass.errors import InputError
from hourglass.foreign import Damage, printable

import numpy as np

#: Memory of the child in bytes; and seconds of processor time, with more for each 10 MB of the file.
MAX_MEMORY, MAX_SECONDS = 2_000_000_000, 20
_BYTES_PER_SECOND = 10_000_000
#: Largest result in bytes, beside twice the size of the file; a hundred thousand people have 30 MB.
MAX_RESULT = 300_000_000
#: Exit status of a child whose file cannot be used; it prints the reason on standard output.
_REFUSED = 3
_ROOT = Path(__file__).resolve().parents[1]
# Without the current folder, where other people's files may have the names of modules.
_START = ('import sys; sys.path[:] = [sys.argv.pop(1), *filter(None, sys.path)]; '
          'from hourglass.sandbox import main; sys.exit(main(*sys.argv[1:]))')


def read_in_child(reader: str, path: Path, *arguments: str) -> dict[str, np.ndarray]:
    """Call a function on a file in a child process.

    Args:
        reader: ``module:name`` of a function that takes the path and returns arrays by name; it raises ``InputError``
            or ``Damage`` if the file cannot be used, with the name of the file or without.
        path: the file.
        arguments: further ones of the function.

    Raises:
        InputError: the reader refused the file, crashed, or needed too much memory or time.
    """
    environment = {**os.environ, 'OPENBLAS_NUM_THREADS': '1', 'OMP_NUM_THREADS': '1'}
    # In a file and not in a pipe, from which all would be in memory twice.
    with tempfile.TemporaryFile() as result:
        child = subprocess.run([sys.executable, '-c', _START, str(_ROOT), reader, str(path), *arguments],
                               env=environment, check=False, stdin=subprocess.DEVNULL, stdout=result,
                               stderr=subprocess.PIPE)
        result.seek(0)
        if child.returncode == _REFUSED:
            raise InputError(result.read().decode('utf-8', 'surrogatepass'))
        if child.returncode == 0:
            with np.load(result, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
    if b'MemoryError' in child.stderr:
        reason = f'needs more than {MAX_MEMORY / 1e9:g} GB to be read'
    elif child.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        reason = 'takes too long to be read'
    elif child.returncode < 0:
        reason = f'crashes the library that reads it ({signal.Signals(-child.returncode).name})'
    else:
        lines = child.stderr.decode('utf-8', 'replace').splitlines() or ['no reason given']
        reason = f'cannot be read ({printable(lines[-1], 200)})'
    raise InputError(f'{path}: damaged: it {reason}')


def _limit(size: int) -> None:
    """Limit this process to what a file of some size may need."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    seconds = MAX_SECONDS + size // _BYTES_PER_SECOND
    # The data segment and not the address space: libraries reserve much more than they use.
    for what, limit in ((resource.RLIMIT_DATA, MAX_MEMORY + 10 * size), (resource.RLIMIT_CPU, seconds),
                        (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(what, (limit, limit))


def complaint(path: Path, error: InputError | Damage) -> str:
    """Return why a file cannot be used; a reason that does not name the file gets its name."""
    text = f'cannot be used: {error}' if isinstance(error, Damage) else str(error)
    return text if text.startswith(f'{path}: ') else f'{path}: {printable(text, 1000)}'


def main(reader: str, name: str, *arguments: str) -> int:
    """Do the work of the child process; return its exit status."""
    path = Path(name)
    module, _, function_name = reader.partition(':')
    function = getattr(importlib.import_module(module), function_name)
    size = path.stat().st_size if path.is_file() else 0
    _limit(size)
    try:
        arrays = function(path, *arguments)
        if (result := sum(array.nbytes for array in arrays.values())) > MAX_RESULT + 2 * size:
            raise InputError(f'{path}: holds {result:,} bytes of numbers and names, more than are read')
    except (InputError, Damage) as error:
        # A name that is not UTF-8 has surrogates.
        sys.stdout.buffer.write(complaint(path, error).encode('utf-8', 'surrogatepass'))
        return _REFUSED
    np.savez(sys.stdout.buffer, **arrays)
    return 0
