"""Ask a cloud's REST API: a token, a time limit, a few tries, then a named error."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

from workaday.execute.clouds import CONNECT_SECONDS, READ_SECONDS
from workaday.execute.sdks import sdk
from workaday.project.diagnostics import mistake

TRIES = 4
FIRST_PAUSE_SECONDS = 0.5
BUSY = (408, 429, 500, 502, 503, 504)


class Rest:
    """One cloud's REST API.

    Args:
        cloud: its name, for messages.
        token: gives a valid bearer token each time.
    """

    def __init__(self, cloud: str, token: Callable[[], str]) -> None:
        self.cloud = cloud
        self._token = token
        self._lock = threading.Lock()
        self._session = sdk("requests", f"{cloud} is asked").Session()

    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        expected: tuple[int, ...] = (200,),
        tries: int = TRIES,
        data: bytes | None = None,
        **what: Any,
    ) -> Any:
        """Return the answer, a `requests.Response`, whose status is one of those expected.

        Args:
            method, url, headers: as in HTTP; `what` are further arguments of `requests`.
            expected: statuses that are answers: with 404, what is not there is no error.
            data: a body of bytes.
            tries: how often in all it is asked, while the cloud is busy or the connection breaks.

        Raises:
            ProjectError: X150 where it is refused, X151 where it cannot be had.
        """
        from requests import RequestException

        pause = FIRST_PAUSE_SECONDS
        for remaining in reversed(range(tries)):
            try:
                answer = self._asked(method, url, headers or {}, data, what)
            except RequestException as error:
                if not remaining:
                    hint = "is there a way out to the internet?"
                    raise mistake("X151", f"cannot ask {self.cloud}: {spoken(error)}", hint) from None
            else:
                if answer.status_code in expected:
                    return answer
                if answer.status_code not in BUSY or not remaining:
                    raise self._refusal(answer)
            time.sleep(pause)
            pause *= 2
        raise AssertionError("the last try either answers or raises")

    def _asked(
        self, method: str, url: str, headers: Mapping[str, str], data: bytes | None, what: Mapping[str, Any]
    ) -> Any:
        with self._lock:  # of many threads one renews the token
            bearer = {"Authorization": f"Bearer {self._token()}"}
        return self._session.request(
            method,
            url,
            headers={**bearer, **headers},
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            # A body given whole must be on its way within the time limit; a file's blocks each have their own.
            data=BytesIO(data) if data else data,
            **what,
        )

    def get(self, url: str, **what: Any) -> Any:
        """Return the JSON that a URL answers with, or None where `expected` has 404 and nothing is there."""
        answer = self.ask("GET", url, **what)
        return None if answer.status_code == 404 else answer.json()

    def _refusal(self, answer: Any) -> Exception:
        said, host = sentence(answer.text), answer.url.split("/")[2]
        if answer.status_code in (401, 403):
            return mistake("X150", f"{self.cloud} refuses ({host}, {answer.status_code}): {said}")
        return mistake("X151", f"{self.cloud} answers {answer.status_code} ({host}): {said}", "try again later")


def sentence(said: str) -> str:
    """Return what an error says, cut to a line: Google's and Azure's are JSON with a message, storage's are XML."""
    try:
        found = json.loads(said)["error"]
        said = found["message"] if isinstance(found, dict) else str(found)
    except (ValueError, KeyError, TypeError):
        if "<Message>" in said:
            said = said.partition("<Message>")[2].partition("<")[0]
    return (said.strip().splitlines() or ["(nothing)"])[0][:300]


def spoken(error: BaseException) -> str:
    """Return the innermost reason of a chain of errors, in one line."""
    reason: Any = error
    while inner := getattr(reason, "reason", None) or (
        reason.args[0] if reason.args and isinstance(reason.args[0], BaseException) else None
    ):
        reason = inner
    return (str(reason).splitlines() or [type(reason).__name__])[0][:300]
