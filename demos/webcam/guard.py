"""Refuse requests from pages of other sites; those of the page itself and of programs are answered."""

from __future__ import annotations

import ipaddress
import logging
import socket

from aiohttp import web
from aiohttp.http import HttpProcessingError
from aiohttp.typedefs import Handler, Middleware
from yarl import URL

#: Nothing is loaded from any other host, and no other page may frame this one.
HEADERS = {
    'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
                               "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(self), microphone=(), geolocation=()',
    'Cache-Control': 'no-store',
}


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Return whether a host is this computer under an address that no other computer reaches."""
    address = _address(host)
    return host == 'localhost' if address is None else address.is_loopback


def refusal(request: web.Request, listens: str) -> str:
    """Return why a request to a server that listens on an address is refused; an empty text if it is not.

    A page of another site can make a browser send requests to this server, also under a name of that site that leads
    here (DNS rebinding).  Such a request has a foreign name as its Host, or another page as its Origin; both are
    refused.  A numeric address cannot be the name of another site, so all numeric addresses are accepted if the server
    is open to other computers.
    """
    try:
        url = URL(f'http://{request.headers.getone("Host")}')
        name = (url.host or '').lower()
    except (KeyError, ValueError):
        return 'the request has no usable Host'
    is_local, own = is_loopback(listens), socket.gethostname().lower()
    names = {'localhost', listens.lower(), *(() if is_local else (own, f'{own}.local'))}
    address = _address(name)
    if not (name in names if address is None else address.is_loopback or not is_local):
        return f'the host {name!r} is not this server'
    origin = request.headers.get('Origin')
    if origin is not None and origin.lower() != str(url.origin()).lower():
        return f'the page {origin!r} may not use this server'
    return ''


def guard(listens: str) -> Middleware:
    """Return a middleware that refuses requests by :func:`refusal`, and answers every error with JSON."""
    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if reason := refusal(request, listens):
            return error_response(403, reason)
        try:
            return await handler(request)
        except web.HTTPException as error:
            kept = {name: value for name, value in error.headers.items() if name in ('Allow', 'Retry-After')}
            return error_response(error.status, ' '.join((error.text or error.reason).split()), kept)
        except (ConnectionError, HttpProcessingError, web.RequestPayloadError):
            return error_response(400, 'the body of the request is damaged, or the client has gone')
        except Exception:
            logging.getLogger(__name__).exception('%s %s', request.method, request.path)
            return error_response(500, 'a defect of the server; its terminal says more')

    return check


def error_response(status: int, reason: str, headers: dict[str, str] | None = None) -> web.Response:
    """Return an error as JSON: ``{"error": reason}``."""
    return web.json_response({'error': reason}, status=status, headers=headers)


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Give every response :data:`HEADERS`."""
    response.headers.update(HEADERS)
