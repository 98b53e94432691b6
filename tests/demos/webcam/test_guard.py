from __future__ import annotations

from demos.webcam.guard import Guard, is_loopback

import pytest
from aiohttp.test_utils import make_mocked_request


def _refusal(listens: str, host: str, origin: str | None = None) -> str:
    headers = {'Host': host, **({} if origin is None else {'Origin': origin})}
    return Guard(listens).refusal(make_mocked_request('GET', '/', headers=headers))


@pytest.mark.parametrize('host', ['127.0.0.1:8000', 'localhost:8000', 'LOCALHOST', '[::1]:8000', '127.0.0.2'])
def test_this_computers_own_names_are_good(host: str) -> None:
    assert _refusal('127.0.0.1', host) == ''


@pytest.mark.parametrize('host', ['evil.example:8000', 'localhost.evil.example', '127.0.0.1.evil.example', '',
                                  '192.168.0.7:8000', 'evil@127.0.0.1.x', '[', 'localhost:99999999'])
def test_any_other_name_is_refused_on_loopback(host: str) -> None:
    assert _refusal('127.0.0.1', host)


@pytest.mark.parametrize(('host', 'good'), [
    ('192.168.0.7:8000', True), ('localhost:8000', True), ('[fe80::1]:8000', True), ('evil.example:8000', False)])
def test_an_open_server_is_known_by_its_address_but_by_no_foreign_name(host: str, good: bool) -> None:
    assert (_refusal('0.0.0.0', host) == '') == good


def test_the_name_that_was_given_is_good() -> None:
    assert _refusal('camera.home', 'camera.home:8000') == ''


@pytest.mark.parametrize(('origin', 'good'), [
    (None, True), ('http://127.0.0.1:8000', True), ('http://127.0.0.1:8001', False), ('http://127.0.0.1', False),
    ('http://localhost:8000', False), ('https://127.0.0.1:8000', False), ('null', False), ('', False),
    ('http://evil.example', False), ('http://127.0.0.1:8000.evil.example', False)])
def test_only_the_servers_own_pages_may_ask(origin: str | None, good: bool) -> None:
    assert (_refusal('127.0.0.1', '127.0.0.1:8000', origin) == '') == good


@pytest.mark.parametrize(('host', 'loopback'), [
    ('127.0.0.1', True), ('localhost', True), ('::1', True), ('0.0.0.0', False), ('192.168.0.7', False),
    ('camera.home', False), ('', False)])
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) == loopback
