"""A small torch model server: the Open Inference Protocol, batching, honest readiness, nothing lost on shutdown.

What a `predictor.py` may import: the errors below, and `Response` for an answer with its own status or content type.
"""

from workaday_server.errors import (
    ClientError,
    DeadlineExceeded,
    NotFound,
    Overloaded,
    ServerError,
    TooLarge,
    Unavailable,
    Unprocessable,
)
from workaday_server.messages import Response
from workaday_server.version import __version__

__all__ = [
    "ClientError",
    "DeadlineExceeded",
    "NotFound",
    "Overloaded",
    "Response",
    "ServerError",
    "TooLarge",
    "Unavailable",
    "Unprocessable",
    "__version__",
]
