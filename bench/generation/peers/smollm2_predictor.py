"""SmolLM2 as the blueprint's story model has it, on its way through the engine alone: no template, no defaults."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "models/story"))

import smollm2
import torch

from workaday_server.generation import TextGenerator
from workaday_server.generation.networks import Llama, LlamaConfig


def network(folder: Path) -> tuple[Llama, object]:
    """Return SmolLM2 and its tokenizer from the folder that the story model converts it into."""
    story, tokenizer = smollm2.load(folder)
    sizes = story.config
    config = LlamaConfig(
        layers=sizes.layers,
        hidden=sizes.hidden,
        intermediate=sizes.intermediate,
        heads=sizes.heads,
        kv_heads=sizes.kv_heads,
        head_size=sizes.head_size,
        vocabulary=sizes.vocabulary,
        context=sizes.context,
        rope_base=sizes.rope_base,
        epsilon=sizes.rms_epsilon,
    )
    with torch.device("meta"):
        made = Llama(config)
    state = story.state_dict()
    made.load_state_dict(state | {"head.weight": state["embedding"]}, assign=True)
    return made.requires_grad_(False).eval(), tokenizer


class Predictor(TextGenerator):
    def load(self, path: str | None) -> tuple[Llama, object]:
        return network(smollm2.weights())
