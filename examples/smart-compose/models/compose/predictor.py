"""The rest of a sentence: `config` says how short and how sure; the engine takes everyone's next word together."""

from typing import Any, ClassVar

from workaday_server.generation import TextGenerator


class Predictor(TextGenerator):
    """SmolLM2 on this machine, whatever `weights` names elsewhere."""

    example: ClassVar[Any] = {"prompt": "Dear Ann, thank you for"}

    def load(self, path: str | None) -> tuple[Any, Any]:
        """Return the network and its tokenizer; without weights, SmolLM2's from its Python package."""
        if path is None:
            import smollm2

            path = str(smollm2.weights())
        return super().load(path)
