"""What goes from step to step: bytes and what they are, parsed only where an expression looks into them.

Steps in this process and steps over HTTP give the same, so that a pipeline answers the same wherever its models run.
"""

from __future__ import annotations

from typing import Any

import orjson

from workaday_server.errors import ServerError
from workaday_server.messages import JSON, Request, to_json
from workaday_server.protocols import raw

BYTES, TEXT = "application/octet-stream", "text/plain; charset=utf-8"
_UNREAD = object()


class Value:
    """A payload or an answer.

    Args:
        body: as it is sent.
        content_type: what it is, as in HTTP's header.
    """

    __slots__ = ("_plain", "body", "content_type")

    def __init__(self, body: bytes | memoryview, content_type: str = JSON) -> None:
        self.body = body
        self.content_type = content_type
        self._plain: Any = _UNREAD

    @classmethod
    def of(cls, plain: Any) -> Value:
        """Return what an expression gave as something to send: bytes as they are, anything else as JSON.

        Raises:
            TypeError: there are bytes inside of it, which JSON cannot say.
        """
        value = cls(plain, BYTES) if isinstance(plain, bytes | memoryview) else cls(to_json(plain))
        value._plain = plain
        return value

    @property
    def media_type(self) -> str:
        """Return the content type without its parameters, in lower case."""
        return self.content_type.partition(";")[0].strip().lower()

    @property
    def is_json(self) -> bool:
        """Say whether it is JSON, which is what nothing said means."""
        return self.media_type in ("", JSON) or self.media_type.endswith("+json")

    def plain(self) -> Any:
        """Return it as an expression sees it: parsed JSON, text, a form's fields, or bytes.

        Raises:
            ServerError: it is not what its content type says.
        """
        if self._plain is _UNREAD:
            self._plain = raw.decode(self.request("", {}))[0][0]
        return self._plain

    def fragment(self) -> Any:
        """Return it as a part of a JSON answer; JSON is not parsed for that.

        Raises:
            ServerError: it is not what its content type says.
        """
        if self.is_json:
            return orjson.Fragment(bytes(self.body))
        plain = self.plain()
        if isinstance(plain, bytes | memoryview):
            raise ServerError("answered bytes, which are no part of JSON: name the step alone in `output`")
        return plain

    def request(self, request_id: str, headers: dict[str, str]) -> Request:
        """Return the request that sends it to a model."""
        made = Request("POST", "/", "", {**headers, "content-type": self.content_type}, 0.0)
        made.body, made.id = self.body, request_id
        return made
