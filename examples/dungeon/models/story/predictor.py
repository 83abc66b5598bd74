"""A text adventure: the story so far and what the player does, as one prompt for a model that goes on with it."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from workaday_server import ClientError
from workaday_server.generation import TextGenerator

REMEMBERED = 2400  # characters of the story: some 600 tokens of the 1,024 that GPT-2 has room for


class Predictor(TextGenerator):
    """GPT-2 XL where `weights` says so, SmolLM2 on this machine.

    A payload is `{"story": the story so far, "action": what the player does}`, or whatever `TextGenerator` takes.
    """

    example: ClassVar[Any] = {"story": "You are a knight before a closed castle gate.", "action": "knock on the gate"}

    def load(self, path: str | None) -> tuple[Any, Any]:
        """Return the network and its tokenizer; without weights, SmolLM2's from its Python package."""
        if path is None:
            import smollm2

            path = str(smollm2.weights())
        return super().load(path)

    def predict(self, payload: Any) -> Any:
        """Return how the story goes on."""
        return super().predict(prompted(payload))

    def predict_batch(self, payloads: Sequence[Any]) -> list[Any]:
        """Return how several stories go on."""
        return super().predict_batch([prompted(each) for each in payloads])


def prompted(payload: Any) -> Any:
    """Return a move as a prompt that has to go on, "You knock on the gate, and"; anything else as it is.

    Raises:
        ClientError: the story or the action is not text.
    """
    if not isinstance(payload, Mapping) or "action" not in payload:
        return payload
    rest = dict(payload)
    story, action = rest.pop("story", ""), rest.pop("action")
    if not isinstance(story, str) or not isinstance(action, str) or not action.strip():
        raise ClientError("`story` and `action` must be text")
    return {**rest, "prompt": f"{story[-REMEMBERED:]} You {action.strip().rstrip('.')}, and".lstrip()}
