"""A large body of announced size, received straight into its place instead of piece by piece through the parser."""

from __future__ import annotations

LARGE = 64 * 1024  # from here on three copies cost more than a parser of its own for each request
TRUST = 16  # times what has come: how much room an announcement gets; one that nothing follows costs nothing


class LargeBody:
    """Room for `size` bytes, the first of which have come already."""

    def __init__(self, size: int, begun: list[bytes]) -> None:
        self._size = size
        self._buffer = bytearray().join(begun)
        self._at = len(self._buffer)

    def room(self) -> memoryview:
        """Return where the next bytes belong; never more than the body still lacks."""
        if self._at == len(self._buffer):
            grown = bytearray(min(self._size, TRUST * self._at + LARGE))
            grown[: self._at] = self._buffer
            self._buffer = grown
        return memoryview(self._buffer)[self._at :]

    def received(self, count: int) -> bool:
        """Count bytes that came into the room; say whether the body is whole."""
        self._at += count
        return self._at == self._size

    def whole(self) -> memoryview:
        """Return the body, read-only."""
        return memoryview(self._buffer).toreadonly()
