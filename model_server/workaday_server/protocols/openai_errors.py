"""OpenAI's form of an error, `{"error": {"message", "type", "param", "code"}}`: its clients make exceptions of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workaday_server.errors import ServerError
from workaday_server.messages import Response, json_response

REQUEST = ("invalid_request_error", None)
KINDS: dict[int, tuple[str, str | None]] = {
    429: ("rate_limit_error", "rate_limit_exceeded"),
    500: ("server_error", None),
    503: ("server_error", "service_unavailable"),
    504: ("timeout_error", "deadline_exceeded"),
}


class Refused(ServerError):
    """A request that cannot be answered, and which of its parameters is why.

    Args:
        message: as of every `ServerError`.
        param: the parameter.
        code: what a program may tell the error by.
        status: the HTTP status.
    """

    status = 400
    cause = "client"

    def __init__(self, message: str, param: str | None = None, code: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.param = param
        self.code = code
        self.status = status


def content(error: ServerError) -> dict[str, Any]:
    """Return an error as OpenAI's clients read it."""
    kind, code = KINDS.get(error.status, REQUEST)
    return {
        "error": {
            "message": error.message,
            "type": kind,
            "param": getattr(error, "param", None),
            "code": getattr(error, "code", None) or code,
        }
    }


def refusal(error: ServerError, headers: Mapping[str, str]) -> Response:
    """Return the response that says an error."""
    return json_response(content(error), error.status, headers)
