import platform

from hourglass.memory import keep_freed_memory

import pytest


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='for the C library glibc')
def test_the_c_library_takes_the_setting() -> None:
    assert keep_freed_memory()
