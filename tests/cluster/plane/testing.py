"""What the fixtures hand to tests, as types."""

from __future__ import annotations

from collections.abc import Callable

Need = Callable[..., None]
Apply = Callable[..., str]
WaitReady = Callable[..., None]
