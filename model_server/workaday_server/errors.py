"""What a predictor may raise, what a caller then reads, and how the server names its own refusals.

A message of these errors is sent to the caller; any other exception is logged with its traceback, and the caller
learns only that prediction failed.
"""

from __future__ import annotations


class ServerError(Exception):
    """An error with an HTTP status and a message that may be shown to the caller.

    Args:
        message: one terse sentence, without paths or secrets.
        retry_after: seconds after which trying again makes sense; sent as `Retry-After`.
    """

    status = 500
    cause = "server"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


class ClientError(ServerError):
    """The request's content is wrong: 400."""

    status = 400
    cause = "client"


class NotFound(ServerError):
    """No such model or address: 404."""

    status = 404
    cause = "client"


class MethodNotAllowed(ServerError):
    """The address does not take this method: 405."""

    status = 405
    cause = "client"


class TooLarge(ServerError):
    """The body is larger than the model takes: 413."""

    status = 413
    cause = "client"


class UnsupportedMediaType(ServerError):
    """The body comes in a form that is not taken, such as compressed: 415."""

    status = 415
    cause = "client"


class Unprocessable(ServerError):
    """Well formed, but not something the model can answer: 422. For predictors."""

    status = 422
    cause = "client"


class Overloaded(ServerError):
    """The model's queue is full: 429, with `Retry-After`."""

    status = 429
    cause = "overload"


class PredictorError(ServerError):
    """The predictor failed or answered with something that cannot be sent: 500."""

    cause = "predictor"


class Unavailable(ServerError):
    """The model is not ready, or the server is going away: 503."""

    status = 503
    cause = "unavailable"


class DeadlineExceeded(ServerError):
    """The answer did not come in time: 504."""

    status = 504
    cause = "deadline"


class ConfigError(Exception):
    """A server configuration that cannot be used; one line per finding."""


class StartError(Exception):
    """The server cannot run here: a held lock, a taken port."""
