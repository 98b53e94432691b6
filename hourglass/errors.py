"""Mistakes of a user, told in one line.

Everything that a user can get wrong (a missing file, a wrong option, a damaged download) is raised as an
:class:`InputError`, whose text names the file and the reason.  The scripts turn it into one line on stderr and
exit status 2, as what the operating system says of a file; any other exception is a defect of this software and keeps
its traceback.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from hourglass.version import __version__


class InputError(Exception):
    """An input that cannot be used; the text is for the user."""


class ArgumentParser(argparse.ArgumentParser):
    """A parser whose complaints are one line, like those about any other mistake; it has ``--version``."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.add_argument('--version', action='version', version=f'stacked-hourglass-chainer {__version__}')

    def error(self, message: str) -> NoReturn:
        raise InputError(f'{message} (--help explains the options)')


#: Packages that not every installation has, by the name of their module; the extra of pyproject.toml that brings them.
_EXTRAS = {
    'chainer': 'chainer', 'chainercv': 'chainer', 'h5py': 'chainer', 'scipy': 'chainer', 'pycocotools': 'chainer',
    'matplotlib': 'chainer', 'yaml': 'chainer', 'gdown': 'chainer', 'threadpoolctl': 'chainer', 'aiohttp': 'webcam',
    'openvino': 'openvino', 'mpi4py': 'distributed',
}


def missing_package(error: ModuleNotFoundError) -> str | None:
    """Return one line about a package that is not installed, or ``None`` if it is none that may be missing."""
    package = (error.name or '').partition('.')[0]
    if package not in _EXTRAS:
        return None
    return f'this needs the package {package}, which is not installed (extra "{_EXTRAS[package]}"; docs/install.md)'


def _program() -> str:
    """Return how the running program is called: ``demo.py``, or ``python -m pretrained``."""
    path = Path(sys.argv[0])
    return f'python -m {path.parent.name}' if path.name == '__main__.py' else path.name


def run(main: Callable[[], None]) -> NoReturn:
    """Call a script's ``main`` and end the process with the right status."""
    try:
        main()
    except InputError as error:
        message = ' '.join(str(error).split())
        print(f'{_program()}: {message}', file=sys.stderr)
        sys.exit(2)
    except ModuleNotFoundError as error:
        if (package := missing_package(error)) is None:
            raise
        print(f'{_program()}: {package}', file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print(f'{_program()}: interrupted', file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # Somebody closed the pipe (`... | head`); there is nobody left to tell.
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        # A folder that may not be looked into, a name that is too long: what the system says of a file is the user's
        # to mend, wherever it shows.
        if error.filename is None:
            raise
        print(f'{_program()}: {error.filename}: {error.strerror}', file=sys.stderr)
        sys.exit(2)
    sys.exit(0)
