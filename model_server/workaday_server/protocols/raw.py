"""A model's own route: a payload by content type in, the predictor's answer as it is out."""

from __future__ import annotations

import email.parser
import email.policy
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson

from workaday_server.errors import ClientError, PredictorError, ServerError
from workaday_server.messages import Request, Response, to_json

Payload = Any
FORM = "application/x-www-form-urlencoded"


def decode(request: Request) -> tuple[list[Payload], object]:
    """Return the body as what its content type says: JSON, text, a form, or bytes. Without one it is JSON."""
    kind = request.content_type
    if kind in ("", "application/json") or kind.endswith("+json"):
        return [json_body(request.body)], None
    if kind.startswith("text/"):
        return [_text(bytes(request.body), _charset(request.headers["content-type"]))], None
    if kind == FORM:
        return [dict(parse_qsl(_text(bytes(request.body), "utf-8"), keep_blank_values=True))], None
    if kind == "multipart/form-data":
        return [_multipart(request.headers["content-type"], bytes(request.body))], None
    return [bytes(request.body)], None


def encode(outcomes: list[Any]) -> Response:
    """Return the only outcome as a response: text, bytes, or anything else as JSON."""
    outcome = outcomes[0]
    if isinstance(outcome, ServerError):
        raise outcome
    if isinstance(outcome, Response):
        return outcome
    if isinstance(outcome, str):
        return Response(outcome.encode("utf-8", "replace"), content_type="text/plain; charset=utf-8")
    if isinstance(outcome, bytes | bytearray | memoryview):
        return Response(bytes(outcome), content_type="application/octet-stream")
    return Response(answer_json(outcome))


def json_body(body: bytes | memoryview) -> Any:
    """Return parsed JSON.

    Raises:
        ClientError: it is not JSON, or nested too deeply.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ClientError(f"the body is not JSON: {error.msg} at line {error.lineno} column {error.colno}") from None


def answer_json(value: object) -> bytes:
    """Return an answer as JSON.

    Raises:
        PredictorError: JSON cannot say it; the message names the type.
    """
    try:
        return to_json(value)
    except (TypeError, ValueError) as error:
        raise PredictorError(f"the predictor's answer is not JSON: {error}") from None


def _text(body: bytes, charset: str) -> str:
    try:
        return body.decode(charset)
    except (LookupError, UnicodeDecodeError):
        raise ClientError(f"the body is not text in {charset[:40]}") from None


def _charset(content_type: str) -> str:
    for part in content_type.split(";")[1:]:
        key, _, value = part.strip().partition("=")
        if key.lower() == "charset":
            return value.strip('"') or "utf-8"
    return "utf-8"


def _multipart(content_type: str, body: bytes) -> Mapping[str, str | bytes]:
    """Return a form's fields: text, or bytes where a part is a file or says another type."""
    head = b"content-type: " + content_type.encode("latin-1") + b"\r\n\r\n"
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    if not message.is_multipart():
        raise ClientError("the body is not a multipart form")
    fields: dict[str, str | bytes] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(content, bytes):
            raise ClientError("a part of the form has no name")
        is_text = part.get_filename() is None and part.get_content_maintype() == "text"
        fields[name] = _text(content, "utf-8") if is_text else content
    return fields
