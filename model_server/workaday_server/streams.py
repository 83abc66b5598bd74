"""Pieces of an answer on their way from a worker's thread to the event loop, a bounded number at a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

from workaday_server.errors import DeadlineExceeded

AHEAD = 16
_END = object()


class Stream:
    """A bounded pipe. The worker's thread calls `push` and `end`; the event loop iterates and calls `close`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, encode: Callable[[Any], bytes], stall_seconds: float) -> None:
        self._loop = loop
        self._encode = encode
        self._stall_seconds = stall_seconds
        self._pieces: asyncio.Queue[Any] = asyncio.Queue()
        self._room = threading.Semaphore(AHEAD)
        self._closed = False

    def push(self, value: Any) -> bool:
        """Hand over one piece; waits while the reader is behind. False once nobody reads any more."""
        piece = self._encode(value)
        self._room.acquire()
        if self._closed:
            return False
        self._loop.call_soon_threadsafe(self._pieces.put_nowait, piece)
        return True

    def end(self, error: Exception | None = None) -> None:
        """Say that no piece follows."""
        self._loop.call_soon_threadsafe(self._pieces.put_nowait, error or _END)

    def close(self) -> None:
        """Stop reading: the reader is gone."""
        self._closed = True
        self._room.release()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await asyncio.wait_for(self._pieces.get(), self._stall_seconds)
        except TimeoutError:
            self.close()
            raise DeadlineExceeded("the predictor stopped sending") from None
        if piece is _END:
            raise StopAsyncIteration
        if isinstance(piece, Exception):
            raise piece
        self._room.release()
        return bytes(piece)


def close(stream: object) -> None:
    """Close a stream, a predictor's own perhaps, which may have no `close`."""
    closing = getattr(stream, "close", None)
    if closing is not None:
        closing()
