from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hourglass.errors import ArgumentParser, InputError, run

import pytest


def _status(main: Callable[[], None]) -> object:
    with pytest.raises(SystemExit) as exit_info:
        run(main)
    return exit_info.value.code


@pytest.mark.parametrize('options', [[], ['--verbose']])
def test_a_users_mistake_is_one_line_and_verbose_a_traceback(
    capsys: pytest.CaptureFixture[str], options: list[str],
) -> None:
    def main() -> None:
        assert vars(ArgumentParser().parse_args(options)) == {}
        raise InputError('a.jpg: no\nsuch file')

    assert _status(main) == 2
    error = capsys.readouterr().err
    assert error.endswith(': a.jpg: no such file\n')
    assert ('Traceback' in error and 'in main' in error) == bool(options)
    assert options or error.count('\n') == 1


def test_a_shell_gets_what_completes_options_and_files(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:
    def main() -> None:
        parser = ArgumentParser(prog='hourglass-x')
        parser.add_argument('--json', metavar='FILE')
        parser.add_argument('--way', metavar='{one,other}')
        parser.parse_args(['--print-completion', 'bash'])

    assert _status(main) == 0
    script = capsys.readouterr().out
    assert '--json' in script
    assert '_choices=(one other)' in script
    assert ' -F _shtab_hourglass_x hourglass-x' in script
    monkeypatch.setitem(sys.modules, 'shtab', None)
    assert _status(main) == 2
    assert 'extra "completion"' in capsys.readouterr().err
    assert '--print-completion' not in ArgumentParser(prog='python -m x').format_help()  # it would be python's


def test_what_the_system_says_of_a_file_is_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> None:
        Path('x' * 300).read_bytes()  # longer than names may be

    assert _status(main) == 2
    assert capsys.readouterr().err.endswith('xxx: File name too long\n')


def test_a_defect_keeps_its_traceback() -> None:
    def main() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(main)

    def without_file() -> None:
        raise OSError(5, 'of no file')

    with pytest.raises(OSError, match='of no file'):
        run(without_file)


@pytest.mark.parametrize(('error', 'status'), [(KeyboardInterrupt, 130), (None, 0)])
def test_other_ends_have_their_status(error: type[BaseException] | None, status: int) -> None:
    def main() -> None:
        if error is not None:
            raise error

    assert _status(main) == status


def _python(code: str, stdout: Any, **variables: str) -> subprocess.CompletedProcess:
    script = f'from hourglass.errors import run\n{code}'
    return subprocess.run([sys.executable, '-c', script], env={**os.environ, **variables}, stdout=stdout,
                          stderr=subprocess.PIPE, text=True, check=False)


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='no /dev/full')
@pytest.mark.parametrize('unbuffered', ['', '1'])
def test_a_full_standard_output_is_one_line(unbuffered: str) -> None:
    with open('/dev/full', 'w') as full:
        result = _python('run(lambda: print("few"))', full, PYTHONUNBUFFERED=unbuffered)
    assert result.returncode == 2, result.stderr
    assert result.stderr.endswith('standard output: No space left on device\n')
    assert result.stderr.count('\n') == 1


def test_a_closed_pipe_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    result = _python('run(lambda: print("few"))', writer)
    os.close(writer)
    assert (result.returncode, result.stderr) == (1, '')


def test_a_name_that_standard_output_cannot_show_is_escaped() -> None:
    result = _python(r'run(lambda: print("g\xfct \u4eba \udcff"))', subprocess.PIPE, PYTHONIOENCODING='ascii')
    assert (result.returncode, result.stdout, result.stderr) == (0, 'g\\xfct \\u4eba \\udcff\n', '')
