"""The HTTP server of the page and of scripts.

======  ============  =============================================================================================
method  path          what
======  ============  =============================================================================================
GET     ``/``         the page; its other files are in ``/page``
GET     ``/live``     WebSocket: frames one way, joints the other (:class:`demos.webcam.live.LiveConnection`)
POST    ``/pose``     one picture file as the body; the query may have ``mode`` and ``heatmap``.  Answers what
                      :meth:`demos.webcam.finder.PoseFinder.find` returns
======  ============  =============================================================================================

Errors are JSON, ``{"error": reason}``: 400 a picture that cannot be used or a wrong setting, 403 another site's page,
404, 405, 408 sent too slowly, 413 more bytes than are accepted, 503 too many requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from demos.webcam.finder import PoseFinder
from demos.webcam.guard import add_headers, guard
from demos.webcam.live import MAX_BYTES, LiveConnection
from hourglass.errors import InputError
from hourglass.options import MIN_SCORE

from aiohttp import WSCloseCode, web

_PAGE = Path(__file__).with_name('page')

#: Largest number of pictures of scripts that arrive or wait.
MAX_REQUESTS = 32

#: Seconds that the upload of a picture may take.
UPLOAD_TIME = 60.0

#: Largest picture, in pixels: as floating-point numbers it takes 600 MB.
MAX_PIXELS = 50_000_000


class PoseServer:
    """Answers the page and scripts.

    The predictor runs in one thread.  Its clients take turns: an ``asyncio.Lock`` serves in the order of asking, so a
    page that sends many frames gets no more turns than one that sends few.  Scripts together are one client.

    Args:
        finder: finds the poses.
        host: the address to listen on, for :func:`demos.webcam.guard.guard`.
        max_bytes: largest picture file.
        threshold: limbs with a joint that scores less are left out, until the user of the page changes that.
    """

    def __init__(self, finder: PoseFinder, host: str = '127.0.0.1', max_bytes: int = 20_000_000,
                 threshold: float = MIN_SCORE) -> None:
        self.finder = finder
        self.host = host
        self.max_bytes = max_bytes
        self.threshold = threshold
        self._executor = ThreadPoolExecutor(1, 'poses')
        self._turn, self._turn_of_scripts = asyncio.Lock(), asyncio.Lock()
        self._n_requests = 0
        self._sockets: set[web.WebSocketResponse] = set()

    def app(self) -> web.Application:
        """Return the application; it ends this server's thread when it is cleaned up."""
        app = web.Application(middlewares=[guard(self.host)], client_max_size=self.max_bytes)
        app.router.add_get('/', self._page)
        app.router.add_static('/page', _PAGE)
        app.router.add_get('/live', self._live, allow_head=False)
        app.router.add_post('/pose', self._pose)
        app.on_response_prepare.append(add_headers)
        app.on_shutdown.append(self._close_sockets)
        app.on_cleanup.append(self._end)
        return app

    async def _page(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(_PAGE / 'index.html')

    async def _live(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(max_msg_size=MAX_BYTES + 4, heartbeat=20, compress=False, timeout=2)
        self._sockets.add(socket)
        try:
            await socket.prepare(request)
            await socket.send_json({'hello': {**self.finder.description(), 'threshold': self.threshold,
                                              'max_bytes': self.max_bytes}})
            await LiveConnection(socket, self.finder, self._turn, self._run).run()
        except ConnectionError:
            pass  # the page has gone in the middle of a message
        finally:
            self._sockets.discard(socket)
        return socket

    async def _pose(self, request: web.Request) -> web.Response:
        try:
            settings = self.finder.settings(request.query)
        except ValueError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        if self._n_requests >= MAX_REQUESTS:
            raise web.HTTPServiceUnavailable(text=f'{MAX_REQUESTS} pictures are waiting already',
                                             headers={'Retry-After': '1'})
        self._n_requests += 1
        try:
            data = await asyncio.wait_for(request.read(), UPLOAD_TIME)
            async with self._turn_of_scripts, self._turn:
                return web.json_response(await self._run(partial(self.finder.find, data, settings, MAX_PIXELS)))
        except asyncio.TimeoutError:
            raise web.HTTPRequestTimeout(text=f'the picture took longer than {UPLOAD_TIME:g} s to arrive') from None
        except InputError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        finally:
            self._n_requests -= 1

    async def _run(self, call: Callable[[], Any]) -> Any:
        """Run the predictor in its thread."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)

    async def _close_sockets(self, _: web.Application) -> None:
        closing = [socket.close(code=WSCloseCode.GOING_AWAY, message=b'the server ends') for socket in self._sockets]
        await asyncio.gather(*closing, return_exceptions=True)

    async def _end(self, _: web.Application) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)
