"""Ask a price list over HTTP for JSON: a few tries, then a named error."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from workaday.execute.prices import refused

TIMEOUT_SECONDS = 30.0
TRIES = 4
FIRST_PAUSE_SECONDS = 0.5
BUSY = (429, 500, 502, 503, 504)


def get_json(url: str, headers: Mapping[str, str] | None = None) -> Any:
    """Return what a URL answers, as JSON.

    Raises:
        ProjectError: X131 where it is refused, X132 where it cannot be had.
    """
    host = urllib.request.Request(url).host
    pause = FIRST_PAUSE_SECONDS
    for remaining in reversed(range(TRIES)):
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, headers=dict(headers or {})), timeout=TIMEOUT_SECONDS
            ) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            said = error.read(2000).decode("utf-8", "replace").strip()
            if error.code in (401, 403):
                raise refused("X131", f"{host} refused: {error.code}: {first_line(said)}", "") from None
            if error.code not in BUSY or not remaining:
                raise refused("X132", f"{host} answered {error.code}: {first_line(said)}", "try again later") from None
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            if not remaining:
                why = getattr(error, "reason", error)
                hint = "is there a way out to the internet?"
                raise refused("X132", f"cannot ask {host} for prices: {why}", hint) from None
        except ValueError:
            raise refused("X132", f"{host} did not answer with JSON", "try again later") from None
        time.sleep(pause)
        pause *= 2
    raise AssertionError("the last try either answers or raises")


def first_line(said: str) -> str:
    """Return what an error says, cut to a line; Google's and Azure's are JSON with a message."""
    try:
        found = json.loads(said)["error"]
        said = found["message"] if isinstance(found, dict) else str(found)
    except (ValueError, KeyError, TypeError):
        pass
    return (said.splitlines() or [""])[0][:200]
