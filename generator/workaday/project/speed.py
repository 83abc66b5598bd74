"""What makes one short run shorter: no garbage collection of what lives to its end, no search for plugins."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_LOADER = "pydantic.plugin._loader"


@contextmanager
def without_collection() -> Iterator[None]:
    """Keep the garbage collector away: it doubles the time of building many small objects."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def without_plugins() -> Iterator[None]:
    """Keep pydantic from searching every installed package for plugins, which takes longer than a project's validation.

    None may change what a project means, either. Where pydantic loads them otherwise, this does nothing.
    """
    if _LOADER in sys.modules:
        yield
        return
    stand_in = ModuleType(_LOADER)
    vars(stand_in)["get_plugins"] = lambda: ()
    sys.modules[_LOADER] = stand_in
    try:
        yield
    finally:
        del sys.modules[_LOADER]
