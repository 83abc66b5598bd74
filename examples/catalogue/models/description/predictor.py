"""A sentence about a product, from what the other steps found."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from workaday_server import ClientError
from workaday_server.generation import TextGenerator


class Predictor(TextGenerator):
    """SmolLM2 on this machine; a payload is `{"what", "colour", "tags"}`, or whatever `TextGenerator` takes."""

    example: ClassVar[Any] = {"what": "wall clock", "colour": "red", "tags": ["time", "kitchen"]}

    def load(self, path: str | None) -> tuple[Any, Any]:
        """Return the network and its tokenizer; without weights, SmolLM2's from its Python package."""
        if path is None:
            import smollm2

            path = str(smollm2.weights())
        return super().load(path)

    def predict(self, payload: Any) -> Any:
        """Return the sentence."""
        return super().predict(prompted(payload))

    def predict_batch(self, payloads: Sequence[Any]) -> list[Any]:
        """Return several sentences."""
        return super().predict_batch([prompted(each) for each in payloads])


def prompted(payload: Any) -> Any:
    """Return what is known of a product as the beginning of a sentence about it; anything else as it is.

    Raises:
        ClientError: `what` is no text.
    """
    if not isinstance(payload, Mapping) or "what" not in payload:
        return payload
    what, colour, tags = payload["what"], payload.get("colour"), payload.get("tags") or []
    if not isinstance(what, str) or not what:
        raise ClientError("`what` must be text")
    words = ", ".join(each["tag"] if isinstance(each, Mapping) else str(each) for each in tags)
    named = f"{colour} {what}" if isinstance(colour, str) else what
    about = f"Product: {named}. Keywords: {words}. " if words else f"Product: {named}. "
    return {"prompt": f"{about}Description: This {named} is"}
