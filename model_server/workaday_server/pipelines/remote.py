"""Steps over HTTP: connections that are kept, and what may go wrong on the way.

Imported only where a pipeline has such a step: aiohttp takes a fifth of a second.
"""

from __future__ import annotations

from time import perf_counter
from types import SimpleNamespace

import aiohttp

from workaday_server.pipelines import failures
from workaday_server.pipelines.calls import ANSWER_BYTES, Asked, judged, left
from workaday_server.pipelines.values import BYTES, Value

IDLE_SECONDS = 30.0  # shorter than servers keep a connection (ours 75 s), so that few close one that is just used
CALLS_PER_CONNECTION = 200  # then another is made: it may lead to a replica that was not there before
CONNECT_SECONDS = 5.0
# So soon after a kept connection was taken up again, its end is that of an idle one; later the model may be at work.
RACE_SECONDS = 0.1


class OverHttp:
    """The address of a model elsewhere."""

    protocol = "http"

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session
        self._calls = 0

    async def call(self, payload: Value, asked: Asked, deadline: float) -> Value:
        """See `Caller`; a kept connection that the other side has just closed is replaced once."""
        try:
            return await self._call(payload, asked, deadline)
        except _Closed:
            pass
        try:
            return await self._call(payload, asked, deadline)
        except _Closed:
            raise failures.StepError(503, "unavailable", "the connection was closed") from None

    async def _call(self, payload: Value, asked: Asked, deadline: float) -> Value:
        seconds = left(deadline)
        headers = {
            **asked.headers,
            "content-type": payload.content_type,
            "x-request-id": asked.id,
            "x-request-timeout": f"{seconds:.6f}",
        }
        self._calls += 1
        if self._calls % CALLS_PER_CONNECTION == 0:
            headers["connection"] = "close"
        seen, began = SimpleNamespace(kept=False), perf_counter()
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=min(seconds, CONNECT_SECONDS))
        try:
            async with self._session.post(
                self._url,
                data=bytes(payload.body),
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                trace_request_ctx=seen,
            ) as response:
                body = await _body(response)
                kind = response.headers.get("content-type", BYTES)
                return judged(response.status, kind, body, response.headers.get("retry-after"))
        except aiohttp.ServerDisconnectedError:
            if seen.kept and perf_counter() - began < RACE_SECONDS:
                raise _Closed from None
            raise failures.unusable("closed the connection without an answer") from None
        except aiohttp.ConnectionTimeoutError:
            raise failures.StepError(503, "unavailable", "does not take connections") from None
        except TimeoutError:
            raise failures.too_late() from None
        except aiohttp.ClientConnectorError:
            raise failures.StepError(503, "unavailable", "cannot be reached") from None
        except aiohttp.ClientOSError:
            if seen.kept and perf_counter() - began < RACE_SECONDS:
                raise _Closed from None
            raise failures.unusable("the connection broke") from None
        except (aiohttp.ClientError, ValueError):
            raise failures.unusable("answered what is not HTTP, or half of it") from None


class _Closed(Exception):
    """A kept connection was closed while it was taken up again."""


async def _body(response: aiohttp.ClientResponse) -> bytes:
    pieces, size = [], 0
    async for piece in response.content.iter_any():
        pieces.append(piece)
        size += len(piece)
        if size > ANSWER_BYTES:
            raise failures.unusable(f"answered more than {ANSWER_BYTES} bytes")
    return b"".join(pieces)


def session() -> aiohttp.ClientSession:
    """Return the connections of one pipeline; to be made on the event loop, and closed."""

    async def kept(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx.kept = True

    watch = aiohttp.TraceConfig()
    watch.on_connection_reuseconn.append(kept)
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS)
    # no proxy, cookies or netrc of this machine's: a step's address is meant as it is written
    return aiohttp.ClientSession(
        connector=connector,
        trace_configs=[watch],
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("user-agent", "accept-encoding"),
        trust_env=False,
    )
