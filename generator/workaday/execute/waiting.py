"""Wait for releases side by side with one pair of requests a second, whoever many they are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workaday.execute import existing, kube
from workaday.execute.rollout import Seen, Standing, standing

if TYPE_CHECKING:
    from workaday.execute.existing import OnEvent, Place
    from workaday.execute.rollout import Object

LOOK_SECONDS = 1.0
DEEP_SECONDS = 5.0  # how often is asked why something is not ready
HOPELESS_SECONDS = 60.0  # a registry that was briefly away, a server that crashed once: both mend themselves
SETTLE_SECONDS = 2.0  # how long a release must have been ready: its controllers may not have seen what is new
LOST_SECONDS = 60.0  # how long the API server may be away


@dataclass
class Awaited:
    """A release that is waited for."""

    objects: Sequence[Object]
    done: asyncio.Future[Standing]
    began: float
    end: float
    hopeless_since: float | None = None
    ready_since: float | None = None
    last: Standing | None = None


class Waiting:
    """Waits for the releases of one namespace."""

    def __init__(self, place: Place, on_event: OnEvent) -> None:
        self.place = place
        self.on_event = on_event
        self.awaited: dict[str, Awaited] = {}
        self.looking: asyncio.Task[None] | None = None

    async def until_ready(self, name: str, objects: Sequence[Object], patience: float, began: float) -> Standing:
        """Return how far a release is: once it is ready, or there is no hope, or patience is at its end.

        Args:
            name: the release.
            objects: what it consists of.
            patience: seconds.
            began: when it was begun, on the monotonic clock.

        Raises:
            kube.Unreachable: the API server has been away for too long.
            ProjectError: it may not be asked.
        """
        end = time.monotonic() + patience
        mine = Awaited(objects, asyncio.get_running_loop().create_future(), began, end)
        self.awaited[name] = mine
        if self.looking is None or self.looking.done():
            self.looking = asyncio.create_task(self.look())
        return await mine.done

    async def look(self) -> None:
        """Look until nothing is waited for any more."""
        answered, deep_at = time.monotonic(), time.monotonic() + LOOK_SECONDS
        while self.awaited:
            deep = time.monotonic() >= deep_at
            try:
                seen = await asyncio.to_thread(existing.look, self.place, deep=deep)
            except kube.Unreachable as error:
                if time.monotonic() - answered > LOST_SECONDS:
                    self.give_up(error)
                await asyncio.sleep(LOOK_SECONDS)
                continue
            except Exception as error:
                self.give_up(error)
                return
            answered = time.monotonic()
            deep_at = answered + DEEP_SECONDS if deep else deep_at
            for name in list(self.awaited):
                self.judge(name, seen, deep=deep)
            await asyncio.sleep(LOOK_SECONDS)

    def judge(self, name: str, seen: Seen, *, deep: bool) -> None:
        """Look at one release: tell what is new, and end the wait where there is nothing to wait for."""
        one, now = self.awaited[name], time.monotonic()
        found = standing(one.objects, seen)
        if found.state != "ready" and not deep and one.last:  # only a deep look tells why
            found = Standing(found.state, found.ready, found.wanted, one.last.causes)
        one.ready_since = (one.ready_since or now) if found.state == "ready" else None
        if one.ready_since is not None:
            if now - one.ready_since >= SETTLE_SECONDS:
                self.finish(name, found, "ready")
            return
        if found != one.last:
            one.last = found
            self.on_event(existing.Event(name, "waiting", now - one.began, found))
        if deep:
            hopeless = any(each.hopeless for each in found.causes)
            one.hopeless_since = (one.hopeless_since or now) if hopeless else None
        lost = one.hopeless_since is not None and now - one.hopeless_since >= HOPELESS_SECONDS
        if lost or (now >= one.end and deep):
            self.finish(name, found, "")

    def finish(self, name: str, found: Standing, what: str) -> None:
        """End the wait for one release."""
        one = self.awaited.pop(name)
        if what:
            self.on_event(existing.Event(name, what, time.monotonic() - one.began, found))
        if not one.done.done():
            one.done.set_result(found)

    def give_up(self, error: Exception) -> None:
        """End every wait with an error."""
        for each in self.awaited.values():
            if not each.done.done():
                each.done.set_exception(error)
        self.awaited.clear()
