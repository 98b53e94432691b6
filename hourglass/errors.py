"""User errors, reported on one line.

Every error of the user (a missing file, a wrong option, a damaged download) is raised as an :class:`InputError`, whose
text names the file and the reason.  :func:`run` prints it as one line on stderr and exits with status 2.  Errors of the
operating system about a file are treated in the same way.  Any other exception is a defect of this software and keeps
its traceback.
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import re
import sys
import textwrap
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from hourglass.version import __version__

#: What ``--version`` prints.
_VERSION = f'stacked-hourglass-chainer {__version__}'


class InputError(Exception):
    """An input that cannot be used; the text is for the user."""


class _Verbose(argparse.Action):
    """``--verbose``, which leaves nothing in the parser's result."""

    def __call__(self, *_: Any) -> None:
        ArgumentParser.is_verbose = True


class _Completion(argparse.Action):
    """``--print-completion``: print a script that completes options and file names in a shell, and end."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option: Any = None) -> NoReturn:
        import shtab

        for action in parser._actions:
            shown = str(action.metavar)
            if re.search('FILE|DIR', shown):
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            elif shown.startswith('{'):  # of an option as a dataclass has it
                action.choices = shown.strip('{}').split(',')
        print(shtab.complete(parser, values))
        parser.exit()


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of a text, and wraps a text of one line."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if '\n' not in text:
            text = textwrap.fill(text, width - len(indent))
        return super()._fill_text(text, width, indent)


class ArgumentParser(argparse.ArgumentParser):
    """A parser with options that all programs have; it raises its errors as :class:`InputError`.

    Attributes:
        is_verbose: whether :func:`run` also prints the traceback of an error.
    """

    is_verbose = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{'prog': program_name(), 'formatter_class': _Formatter, **options})
        self.add_argument('--verbose', action=_Verbose, nargs=0, dest=argparse.SUPPRESS, default=argparse.SUPPRESS,
                          help='also print the traceback of an error')
        if not self.prog.startswith('python '):  # shells choose what completes a line by its first word
            self.add_argument('--print-completion', action=_Completion, choices=('bash', 'zsh', 'tcsh'),
                              dest=argparse.SUPPRESS, default=argparse.SUPPRESS,
                              help='print a script that completes options in a shell, and end (extra "completion")')
        self.add_argument('--version', action='version', version=_VERSION)

    def error(self, message: str) -> NoReturn:
        raise InputError(f'{message} (--help explains the options)')


#: Optional packages by the name of their module, with the extra of pyproject.toml that installs them.
_EXTRAS = {
    'chainer': 'chainer', 'chainercv': 'chainer', 'h5py': 'chainer', 'scipy': 'chainer', 'pycocotools': 'chainer',
    'matplotlib': 'chainer', 'yaml': 'chainer', 'gdown': 'chainer', 'threadpoolctl': 'chainer', 'aiohttp': 'webcam',
    'openvino': 'openvino', 'mpi4py': 'distributed', 'shtab': 'completion', 'av': 'video',
}


def missing_package(error: ModuleNotFoundError) -> str | None:
    """Return one line about an optional package that is not installed; ``None`` if it is no optional package."""
    package = (error.name or '').partition('.')[0]
    if package not in _EXTRAS:
        return None
    return f'this needs the package {package}, which is not installed (extra "{_EXTRAS[package]}"; docs/install.md)'


#: What the system reports where there is no space left.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def program_name() -> str:
    """Return the name of the running program: ``demo.py``, ``hourglass-demo`` or ``python -m pretrained``."""
    path = Path(sys.argv[0])
    return f'python -m {path.parent.name}' if path.name == '__main__.py' else path.name


def _prepare_streams() -> None:
    """Let the standard streams write any text: characters that they cannot show become escapes such as ``\\xfc``."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors='backslashreplace')


def discard(descriptor: int) -> None:
    """Redirect an open file to the null device, so that writing to it no longer fails."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _fail(message: str, status: int) -> NoReturn:
    if ArgumentParser.is_verbose:
        traceback.print_exc()
    print(f'{program_name()}: {message}', file=sys.stderr)
    sys.exit(status)


def run(main: Callable[[], None]) -> NoReturn:
    """Call a script's ``main`` and end the process with the right status."""
    _prepare_streams()
    ArgumentParser.is_verbose = False
    status: Any = 0
    try:
        try:
            if sys.argv[1:] == ['--version']:  # also where packages are missing that the other options need
                print(_VERSION)
            else:
                main()
        except SystemExit as end:  # --help
            status = end.code
        if sys.stdout is not None:
            sys.stdout.flush()
    except InputError as error:
        _fail(' '.join(str(error).split()), 2)
    except ModuleNotFoundError as error:
        if (package := missing_package(error)) is None:
            raise
        _fail(package, 2)
    except KeyboardInterrupt:
        _fail('interrupted', 130)
    except BrokenPipeError:
        # The reader has closed the pipe (`... | head`).
        discard(sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        # A folder without permission, a name that is too long: the user can correct what the system reports about a
        # file, wherever it occurs.
        if error.filename is None and error.errno in _FULL:
            # An error of a file names it (or is an InputError), so this one is of standard output.
            discard(sys.stdout.fileno())
            _fail(f'standard output: {error.strerror}', 2)
        if error.filename is None:
            raise
        _fail(f'{error.filename}: {error.strerror}', 2)
    sys.exit(status)
