"""What the API server has of a kind, followed from a thread: each change hands over all of them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
from plane.api import ApiError, Object
from plane.plane import Plane

AGAIN = 0.5  # seconds until a watch that broke off is begun anew


@contextmanager
def following(plane: Plane, path: str, changed: Callable[[list[Object]], None], **query: str) -> Iterator[None]:
    """Follow a collection for the length of a block.

    Args:
        plane: whose API server is asked.
        path: the collection's.
        changed: is called from one thread with every object there is, after each change.
        query: such as `labelSelector`.
    """
    # A client of its own, which is never closed: the thread may be reading from it, and ends with the next change.
    api = Plane(plane.folder).api
    ended = threading.Event()

    def follow() -> None:
        while not ended.is_set():
            try:
                there: dict[str, Object] = {}
                for event, each in api.watch(path, **query):
                    if ended.is_set():
                        return
                    there[each["metadata"]["name"]] = each
                    if event == "DELETED":
                        del there[each["metadata"]["name"]]
                    changed(list(there.values()))
            except (ApiError, httpx.HTTPError) as error:
                if not ended.wait(AGAIN):
                    print(f"{path}: {error}", file=sys.stderr)

    threading.Thread(target=follow, daemon=True).start()
    try:
        yield
    finally:
        ended.set()
