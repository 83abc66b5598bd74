"""A conversation: SmolLM2 on this machine, whatever `weights` names elsewhere. OpenAI's clients speak to it."""

from pathlib import Path
from typing import Any, ClassVar

from workaday_server.generation import TextGenerator


class Predictor(TextGenerator):
    """The model, and the page that a browser gets at its route."""

    example: ClassVar[Any] = {"messages": [{"role": "user", "content": "What is the capital of France?"}]}
    page = (Path(__file__).parent / "page.html").read_text(encoding="utf-8")

    def load(self, path: str | None) -> tuple[Any, Any]:
        """Return the network and its tokenizer; without weights, SmolLM2's from its Python package."""
        if path is None:
            import smollm2

            path = str(smollm2.weights())
        return super().load(path)
