from __future__ import annotations

import socket

from hourglass.errors import InputError
from hourglass.webcam.serve import take_port, url_of

import pytest


def test_a_port_is_taken_at_once_and_only_once() -> None:
    with take_port('127.0.0.1', 0) as sock:
        port = sock.getsockname()[1]
        assert url_of(sock, '127.0.0.1') == f'http://127.0.0.1:{port}/'
        assert url_of(sock, '::1') == f'http://[::1]:{port}/'
        with socket.create_connection(('127.0.0.1', port), timeout=5):
            pass
        with pytest.raises(InputError, match=f'--port {port}: in use'):
            take_port('127.0.0.1', port)
    take_port('127.0.0.1', port).close()


def test_only_this_computer_reaches_it() -> None:
    with take_port('localhost', 0) as sock:
        assert sock.getsockname()[0] in ('127.0.0.1', '::1')


@pytest.mark.parametrize(('host', 'reason'), [
    ('no.such.host.invalid', '--host no.such.host.invalid: no such address'),
    ('x' * 300, 'no such address'), ('', '--host is empty'), ('192.0.2.1', 'not an address of this computer')])
def test_an_address_of_somebody_else(host: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        take_port(host, 0)
