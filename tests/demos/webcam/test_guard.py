from __future__ import annotations

from demos.webcam.guard import refusal

import pytest
from aiohttp.test_utils import make_mocked_request


def _refusal(listens: str, host: str, origin: str | None = None) -> str:
    headers = {'Host': host, **({} if origin is None else {'Origin': origin})}
    return refusal(make_mocked_request('GET', '/', headers=headers), listens)


#: By the address that the server listens on: hosts that are good, and hosts that are refused.
HOSTS = {
    '127.0.0.1': (['127.0.0.1:8000', 'LOCALHOST', '[::1]:8000'],
                  ['evil.example:8000', '127.0.0.1.evil.example', '', '192.168.0.7:8000', '[', 'localhost:99999999']),
    '0.0.0.0': (['192.168.0.7:8000', 'localhost:8000', '[fe80::1]:8000'], ['evil.example:8000']),
    'camera.home': (['camera.home:8000'], []),
}


@pytest.mark.parametrize('listens', HOSTS)
def test_no_foreign_name_is_this_server(listens: str) -> None:
    good, refused = HOSTS[listens]
    assert [host for host in good if _refusal(listens, host)] == []
    assert [host for host in refused if not _refusal(listens, host)] == []


@pytest.mark.parametrize(('origin', 'good'), [
    (None, True), ('http://127.0.0.1:8000', True), ('http://127.0.0.1:8001', False), ('http://localhost:8000', False),
    ('https://127.0.0.1:8000', False), ('null', False), ('http://127.0.0.1:8000.evil.example', False)])
def test_only_the_servers_own_pages_may_ask(origin: str | None, good: bool) -> None:
    assert (_refusal('127.0.0.1', '127.0.0.1:8000', origin) == '') == good
