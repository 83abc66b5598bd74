"""The Open Inference Protocol's first version: `{"instances": [...]}` in, `{"predictions": [...]}` out.

Each instance is a payload of its own. A body without `instances` is one payload, and its answer is returned as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workaday_server.errors import ClientError, ServerError
from workaday_server.messages import Request, Response
from workaday_server.protocols import raw


class Exchange:
    """One V1 request: remembers which of its two forms it had."""

    def __init__(self, request: Request, *, whole: bool = False) -> None:
        self._request = request
        self._whole = whole  # the predictor wants the body as it is
        self.listed = False  # it has `instances`

    def decode(self) -> tuple[list[Any], object]:
        """Return the instances.

        Raises:
            ClientError: the body is not a JSON mapping, or `instances` is not a list.
        """
        if self._request.content_type == "application/octet-stream":
            raise ClientError("V1 takes JSON; send other content to the model's own route")
        body = raw.json_body(self._request.body)
        if not isinstance(body, dict):
            raise ClientError('send {"instances": [...]}')
        if self._whole or "instances" not in body:
            return [body], None
        if not isinstance(body["instances"], list):
            raise ClientError("`instances` must be a list")
        self.listed = True
        return body["instances"], None

    def encode(self, outcomes: list[Any]) -> Response:
        """Return the predictions; the first instance that failed fails the request and is named."""
        if not self.listed:
            return raw.encode(outcomes)
        for index, outcome in enumerate(outcomes):
            if isinstance(outcome, ServerError):
                raise type(outcome)(f"instances[{index}]: {outcome.message}", retry_after=outcome.retry_after)
        return Response(raw.answer_json({"predictions": outcomes}))


Decoder = Callable[[], tuple[list[Any], object]]
