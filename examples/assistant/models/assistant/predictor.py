"""What stands in for vLLM on this machine: the same addresses, a small model."""

from typing import Any, ClassVar

from workaday_server.generation import TextGenerator


class Predictor(TextGenerator):
    """SmolLM2, by OpenAI's protocol like vLLM."""

    example: ClassVar[Any] = {"messages": [{"role": "user", "content": "What is the capital of France?"}]}

    def load(self, path: str | None) -> tuple[Any, Any]:
        """Return the network and its tokenizer; without weights, SmolLM2's from its Python package."""
        if path is None:
            import smollm2

            path = str(smollm2.weights())
        return super().load(path)
