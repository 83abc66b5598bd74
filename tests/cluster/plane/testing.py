"""What the fixtures hand to tests, as types."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

Need = Callable[..., None]
Apply = Callable[..., str]
WaitReady = Callable[..., None]
LeftOut = Callable[[str], NoReturn]
