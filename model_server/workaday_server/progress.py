"""How far a model's loading is, in bytes of its weights: counted where they are read, shown in state.json."""

from __future__ import annotations

from contextvars import ContextVar


class Progress:
    """Bytes read of bytes to be read. Written by the loading thread, read by the event loop."""

    def __init__(self) -> None:
        self.read_bytes = 0
        self.total_bytes = 0

    def record(self) -> dict[str, int] | None:
        """Return the counts, or None while nothing is known of them."""
        return {"read_bytes": self.read_bytes, "total_bytes": self.total_bytes} if self.total_bytes else None


# Of the model that the current thread loads; its own outside a server, where no one looks.
current: ContextVar[Progress | None] = ContextVar("progress", default=None)
