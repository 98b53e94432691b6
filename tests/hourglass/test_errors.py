from __future__ import annotations

from pathlib import Path

from hourglass.errors import InputError, run

import pytest


def test_a_users_mistake_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> None:
        raise InputError('a.jpg: two\nlines')

    with pytest.raises(SystemExit) as exit_info:
        run(main)
    assert exit_info.value.code == 2
    assert capsys.readouterr().err.count('\n') == 1


def test_what_the_system_says_of_a_file_is_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> None:
        Path('x' * 300).read_bytes()  # longer than names may be

    with pytest.raises(SystemExit) as exit_info:
        run(main)
    assert exit_info.value.code == 2
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

    with pytest.raises(SystemExit) as exit_info:
        run(main)
    assert exit_info.value.code == status
