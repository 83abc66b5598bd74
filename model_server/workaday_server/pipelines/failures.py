"""A step's failure, and what becomes of it: the pipeline's own, with the step's name, or null where it is optional."""

from __future__ import annotations

from workaday_server.errors import DeadlineExceeded, ServerError

# What the caller can mend, or may try again; all else that a step answers is the pipeline's trouble with it: 502.
PASSED_ON = {400: "client", 413: "client", 415: "client", 422: "client", 429: "overload", 503: "unavailable"}
AGAIN = ("overload", "unavailable")  # the model has not begun; after anything else it may have
BAD_GATEWAY = 502
ANSWER = "answer"


class StepError(Exception):
    """A step that gave no answer.

    Args:
        status: what the pipeline answers for it.
        cause: client, overload, unavailable, deadline, predictor, or answer for one that cannot be used.
        message: what the step's model said, or what was wrong with it.
        retry_after: seconds after which it may be tried again, as it said.
    """

    def __init__(self, status: int, cause: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.cause = cause
        self.message = message
        self.retry_after = retry_after


class StepFailed(ServerError):
    """The pipeline's failure by one of its steps."""

    def __init__(self, step: str, error: StepError) -> None:
        super().__init__(f"step {step}: {error.message}", retry_after=error.retry_after)
        self.step = step
        self.status = error.status
        self.cause = "predictor" if error.cause == ANSWER else error.cause


def of_error(error: ServerError) -> StepError:
    """Return the failure of a step whose model is in this process."""
    if isinstance(error, DeadlineExceeded):
        return too_late()
    return of_status(error.status, error.message, error.retry_after)


def of_status(status: int, message: str, retry_after: float | None = None) -> StepError:
    """Return the failure that an HTTP status is."""
    cause = PASSED_ON.get(status)
    if cause is not None:
        return StepError(status, cause, message or f"answered {status}", retry_after)
    if status == DeadlineExceeded.status:
        return too_late()
    cause = "predictor" if status >= 500 else "client"
    return StepError(BAD_GATEWAY, cause, message if status == 500 and message else f"answered {status}")


def too_late() -> StepError:
    """Return the failure of a step that took too long."""
    return StepError(DeadlineExceeded.status, "deadline", "no answer in time")


def unusable(what: str) -> StepError:
    """Return the failure of a step that answered something that cannot be used."""
    return StepError(BAD_GATEWAY, ANSWER, what)
