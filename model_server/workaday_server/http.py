"""HTTP/1.1 over asyncio: one connection, its limits and its timeouts.

A server of its own rather than an ASGI one, because what this server promises is decided here: the body's limit is
checked before the body is read, a slow client cannot hold a slot, a caller that leaves cancels its work, and on
shutdown no request that was taken is dropped. docs/decisions/server-http.md has the figures.
"""
# ruff: noqa: D102 -- the callbacks' names are asyncio's and httptools' own

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from functools import partial
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any

import httptools

from workaday_server.bodies import LARGE, LargeBody
from workaday_server.errors import ServerError
from workaday_server.heads import KNOWN, ONCE, address, head
from workaday_server.messages import Request, Response, json_response
from workaday_server.streams import close

if TYPE_CHECKING:
    from workaday_server.connections import Connections

log = logging.getLogger("workaday_server.http")

HEADER_BYTES = 32 * 1024
HEADER_COUNT = 100
PIPELINED = 8
WRITE_BUFFER = 256 * 1024


class Connection(asyncio.BufferedProtocol):
    """One client. Requests are answered one at a time, in their order."""

    def __init__(self, server: Connections) -> None:
        self._server = server
        self._parser: Any = httptools.HttpRequestParser(self)
        self._transport: Any = None
        self._waiting: deque[Request] = deque()
        self._busy = False  # a request is being answered
        self._forget: Callable[[], None] | None = None
        self._task: asyncio.Task[None] | None = None  # of an answer that is sent piece by piece, or read slowly
        self._writable: asyncio.Event | None = None
        self._reading_paused = False
        self._ended = False  # nothing more is taken
        self.expires = 0.0
        self.fresh = True  # no request has come yet
        self._reset()

    def _reset(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._header_bytes = 0
        self._header_count = 0
        self._pieces: list[bytes] = []
        self._size = 0
        self._limit = 0
        self._length = 0
        self._large: LargeBody | None = None
        self._began = 0.0
        self._request: Request | None = None

    # --- what the event loop calls ---

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.set_write_buffer_limits(high=WRITE_BUFFER)
        self._server.open.add(self)
        self.expires = monotonic() + self._server.timeouts.headers

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.open.discard(self)
        self._transport = None
        self._large = None
        self._waiting.clear()
        if self._forget is not None:
            self._forget()
            self._forget = None
        if self._task is not None:
            self._task.cancel()
        if self._writable is not None:
            self._writable.set()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._server.incoming if self._large is None else self._large.room()

    def buffer_updated(self, nbytes: int) -> None:
        if self._ended:
            return
        if self._request is not None and not self._busy:
            self.expires = monotonic() + self._server.timeouts.progress
        if self._large is None:
            self._feed(self._server.incoming[:nbytes])
        elif self._large.received(nbytes):
            body, self._large = self._large.whole(), None
            self._complete(body)
            self._parser = httptools.HttpRequestParser(self)  # the old one still waits for this body

    def _feed(self, data: memoryview) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            self._refuse(cause.args[0] if isinstance(cause, _Refused) else 400, _words(cause))
        except httptools.HttpParserUpgrade:
            self._refuse(400, "upgrading is not supported")
        except httptools.HttpParserError:
            self._refuse(400, "not HTTP/1.1")
        else:
            if self._request is not None and self._length > LARGE and not self._parser.should_upgrade():
                self._large, self._pieces = LargeBody(self._length, self._pieces), []

    def eof_received(self) -> bool:
        # A client that only closes its sending half looks the same as one that is gone; taken for gone, so that no work
        # is done for nobody.
        return False

    def pause_writing(self) -> None:
        self._writable = asyncio.Event()
        self.expires = monotonic() + self._server.timeouts.progress

    def resume_writing(self) -> None:
        if self._writable is not None:
            self._writable.set()
            self._writable = None
        self.expires = float("inf") if self._busy else monotonic() + self._server.timeouts.idle

    # --- what the parser calls ---

    def on_message_begin(self) -> None:
        self._reset()
        self.fresh = False
        self._began = perf_counter()
        if not self._busy:
            self.expires = monotonic() + self._server.timeouts.headers

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._header_bytes += len(url)
        if self._header_bytes > HEADER_BYTES:
            raise _Refused(414, "the address is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        self._header_count += 1
        if self._header_bytes > HEADER_BYTES or self._header_count > HEADER_COUNT:
            raise _Refused(431, "too many or too large headers")
        key = KNOWN.get(name) or name.decode("latin-1").lower()
        if key in self._headers:
            if key in ONCE:
                raise _Refused(400, f"more than one {key} header")
            if key == "tracestate":  # one list, W3C says, however many lines it comes in
                value = self._headers[key].encode("latin-1") + b"," + value
        self._headers[key] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        method = self._parser.get_method().decode("latin-1")
        path, query = address(self._url)
        headers = self._headers
        self._limit = self._server.application.body_limit(method, path)
        length = headers.get("content-length")
        if length is not None and (not length.isdigit() or int(length) > self._limit):
            raise _Refused(413, f"the body may have {self._limit} bytes")
        self._length = int(length) if length is not None and "transfer-encoding" not in headers else 0
        self._request = Request(method, path, query, headers, self._began)
        if self._busy:  # what is owed comes first; such a client sends its body after a while anyway
            return
        self.expires = monotonic() + self._server.timeouts.progress
        if "expect" in headers and headers["expect"].lower() == "100-continue" and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size > self._limit:
            raise _Refused(413, f"the body may have {self._limit} bytes")
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        self._complete(self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces))

    def _complete(self, body: bytes | memoryview) -> None:
        request, self._request = self._request, None
        if request is None or self._ended:
            return
        request.body = body
        request.keep_alive = self._parser.should_keep_alive()
        request.http_1_1 = self._parser.get_http_version() == "1.1"
        self._pieces = []
        self._waiting.append(request)
        if not self._busy:
            self._next()
        elif len(self._waiting) >= PIPELINED and self._transport and not self._reading_paused:
            self._transport.pause_reading()
            self._reading_paused = True

    # --- answering ---

    @property
    def idle(self) -> bool:
        """Say whether nothing is begun and nothing is owed."""
        return not self._busy and self._request is None and not self._pieces and not self._waiting

    def _next(self) -> None:
        if self._busy or self._ended or not self._waiting:
            return
        request = self._waiting.popleft()
        self._busy = True
        self.expires = float("inf")  # from here on it is our time, limited by the model's deadline
        self._forget = self._server.application.answer(request, partial(self._reply, request))

    def _reply(self, request: Request, response: Response) -> None:
        self._forget = None
        try:
            keep = request.keep_alive and not response.close and not self._server.closing and not self._ended
            if response.stream is not None:
                self._task = asyncio.get_running_loop().create_task(self._stream(request, response, keep))
                # Not in the task itself: one that is cancelled before its first step runs nothing.
                self._task.add_done_callback(lambda _: close(response.stream))
                return
            self._write(request, response, keep)
        except Exception:  # a predictor's own Response may hold anything
            log.exception("request %s: its answer cannot be sent", request.id)
            keep = False
            self._write(request, json_response({"error": "the server failed"}, 500), keep)
        if self._writable is None:
            self._done(keep)
        else:
            self._task = asyncio.get_running_loop().create_task(self._drain(keep))

    async def _stream(self, request: Request, response: Response, keep: bool) -> None:
        try:
            keep = await self._write_stream(request, response, keep)
        except Exception:
            log.exception("request %s: its answer cannot be sent", request.id)
            keep = False
        await self._drain(keep)

    async def _drain(self, keep: bool) -> None:
        if self._writable is not None:
            await self._writable.wait()
        self._task = None
        self._done(keep)

    def _done(self, keep: bool) -> None:
        self._busy = False
        if self._transport is None:
            return
        now = monotonic()
        if not keep:
            self._ended = True
            self.expires = now + self._server.timeouts.progress
            self._transport.close()
            return
        self.expires = now + self._server.timeouts.idle
        if self._waiting:  # in a turn of its own: what many requests came together is not answered one inside another
            asyncio.get_running_loop().call_soon(self._next)
        if self._reading_paused and len(self._waiting) < PIPELINED:
            self._transport.resume_reading()
            self._reading_paused = False

    def _write(self, request: Request, response: Response, keep: bool) -> None:
        if self._transport is None:
            return
        top = head(response, request.id, keep, f"content-length: {len(response.body)}\r\n")
        body = b"" if request.method == "HEAD" else response.body
        if len(body) < WRITE_BUFFER // 4:
            self._transport.write(top + body)
        else:
            self._transport.writelines((top, body))

    async def _write_stream(self, request: Request, response: Response, keep: bool) -> bool:
        """Send the pieces as they come; a stream that fails ends without its last chunk, so that the client knows."""
        assert response.stream is not None
        chunked = request.http_1_1
        keep = keep and chunked
        framing = "transfer-encoding: chunked\r\n" if chunked else ""
        whole = False
        try:
            async for piece in response.stream:
                if self._transport is None:
                    return False
                if framing is not None:
                    self._transport.write(head(response, request.id, keep, framing))
                    framing = None  # type: ignore[assignment]
                if piece:
                    self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                if self._writable is not None:
                    await self._writable.wait()
            whole = True
        except ServerError as error:
            if framing is not None:
                self._write(request, json_response({"error": error.message}, error.status), False)
            return False
        if self._transport is not None:
            if framing is not None:
                self._transport.write(head(response, request.id, keep, framing))
            if chunked:
                self._transport.write(b"0\r\n\r\n")
        return keep and whole

    def _refuse(self, status: int, message: str) -> None:
        """Answer what never became a request, and hang up; what follows cannot be trusted to be one."""
        self._ended = True
        if self._transport is None or self._busy:
            return  # the answer under way is the connection's last
        response = self._server.application.refusal(address(self._url)[0], status, message)
        self._transport.write(head(response, "", False, f"content-length: {len(response.body)}\r\n") + response.body)
        self._linger()

    def _linger(self) -> None:
        """Close once the client has had time to read the answer: closing on unread input would reset it away."""
        transport = self._transport
        if transport.can_write_eof():
            with contextlib.suppress(OSError, RuntimeError):
                transport.write_eof()
        self.expires = monotonic() + 2

    def expire(self) -> None:
        """Hang up on a client that took too long; one that is in the middle of a request is told why."""
        if self._transport is None:
            return
        if self._request is not None and not self._busy and not self._ended:
            self._refuse(408, "the request did not come in time")
            self.expires = monotonic() + 1
        elif self._writable is not None or self._ended:
            self._transport.abort()
        else:
            self._transport.close()

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


class _Refused(Exception):
    """A request that is refused while it is being read: a status and a message."""


def _words(cause: BaseException | None) -> str:
    return cause.args[1] if isinstance(cause, _Refused) else "not HTTP/1.1"
