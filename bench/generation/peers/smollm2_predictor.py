"""SmolLM2 as the blueprint's story model has it, on its way through the engine alone: no template, no defaults."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3] / "models/story"))

import smollm2

from workaday_server.generation import TextGenerator


class Predictor(TextGenerator):
    def load(self, path: str | None) -> tuple[Any, Any]:
        return super().load(str(smollm2.weights()))
