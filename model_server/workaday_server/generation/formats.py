"""Networks from the folders in which they are published: `config.json` beside safetensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from workaday_server import weights
from workaday_server.errors import ConfigError
from workaday_server.generation.networks import GPT2, GPT2Config, Llama, LlamaConfig, LlamaScaling
from workaday_server.generation.tokenizer import read_json

PREFIXES = ("model.", "transformer.")


def read_network(folder: Path, dtype: torch.dtype, device: torch.device) -> Llama | GPT2:
    """Return a network from a folder with `config.json` and its safetensors.

    Raises:
        ConfigError: the family is not known, a key or a tensor is missing, or it has a feature that is not computed.
        WeightsError: the weights cannot be read.
    """
    written = read_json(folder / "config.json")
    if not written:
        raise ConfigError("no config.json beside the weights")
    family = written.get("model_type")
    if family not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise ConfigError(
            f"config.json: model_type {family!r} is not known; known are {known}. Return your own in `load`"
        )
    build, rename = FAMILIES[family]
    try:
        network = build(written)
        state = rename(_plain(weights.load(folder)), network)
    except KeyError as error:
        raise ConfigError(f"the model's files lack {error.args[0]!r}") from None
    placed = {name: tensor.to(device, dtype) for name, tensor in state.items()}
    try:
        network.load_state_dict(placed, assign=True)
    except RuntimeError as error:
        raise ConfigError(f"the weights do not fit config.json: {' '.join(str(error).split())[:300]}") from None
    if network.head.weight.shape == network.embedding.shape and "head.weight" not in state:
        network.head.weight = network.embedding
    return network.requires_grad_(False).eval()


def _plain(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors without what some publishers write before their names."""
    found = {}
    for name, tensor in state.items():
        prefix = next((each for each in PREFIXES if name.startswith(each)), "")
        found[name[len(prefix) :]] = tensor
    return found


def _llama(written: Mapping[str, Any]) -> Llama:
    heads, hidden = written["num_attention_heads"], written["hidden_size"]
    _refuse(written, "hidden_act", ("silu",))
    _refuse(written, "mlp_bias", (False,))
    if written["model_type"] != "qwen2":
        _refuse(written, "attention_bias", (False,))
    rope = written.get("rope_parameters") or written
    context = written["max_position_embeddings"]
    if written.get("sliding_window") and written.get("use_sliding_window", True):
        context = min(context, written["sliding_window"])
    config = LlamaConfig(
        layers=written["num_hidden_layers"],
        hidden=hidden,
        intermediate=written["intermediate_size"],
        heads=heads,
        kv_heads=written.get("num_key_value_heads") or heads,
        head_size=written.get("head_dim") or hidden // heads,
        vocabulary=written["vocab_size"],
        context=context,
        rope_base=rope.get("rope_theta", 10000.0),
        epsilon=written.get("rms_norm_eps", 1e-6),
        attention_bias=written["model_type"] == "qwen2",
        tied=written.get("tie_word_embeddings", False),
        scaling=_scaling(written.get("rope_parameters") or written.get("rope_scaling") or {}),
    )
    with torch.device("meta"):
        return Llama(config)


def _scaling(written: Mapping[str, Any]) -> LlamaScaling | None:
    kind = written.get("rope_type") or written.get("type") or "default"
    if kind == "default":
        return None
    if kind != "llama3":
        raise ConfigError(f"config.json: rotary positions of type {kind!r} are not computed; default and llama3 are")
    return LlamaScaling(
        factor=written["factor"],
        low=written["low_freq_factor"],
        high=written["high_freq_factor"],
        original=written["original_max_position_embeddings"],
    )


def _llama_state(state: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    assert isinstance(network, Llama)
    config = network.config
    found = {"embedding": state["embed_tokens.weight"], "norm.weight": state["norm.weight"]}
    found["head.weight"] = state["embed_tokens.weight"] if config.tied else state["lm_head.weight"]
    for index in range(config.layers):
        old, new = f"layers.{index}", f"layers.{index}"
        for kind in ("weight", "bias") if config.attention_bias else ("weight",):
            parts = [state[f"{old}.self_attn.{each}_proj.{kind}"] for each in "qkv"]
            found[f"{new}.query_key_value.{kind}"] = torch.cat(parts)
        gate, up = state[f"{old}.mlp.gate_proj.weight"], state[f"{old}.mlp.up_proj.weight"]
        found |= {
            f"{new}.attention_norm.weight": state[f"{old}.input_layernorm.weight"],
            f"{new}.attention_output.weight": state[f"{old}.self_attn.o_proj.weight"],
            f"{new}.feed_forward_norm.weight": state[f"{old}.post_attention_layernorm.weight"],
            f"{new}.gate_up.weight": torch.cat((gate, up)),
            f"{new}.down.weight": state[f"{old}.mlp.down_proj.weight"],
        }
    return found


def _gpt2(written: Mapping[str, Any]) -> GPT2:
    _refuse(written, "activation_function", ("gelu_new", "gelu_pytorch_tanh"))
    _refuse(written, "scale_attn_by_inverse_layer_idx", (False,))
    config = GPT2Config(
        layers=written["n_layer"],
        hidden=written["n_embd"],
        intermediate=written.get("n_inner") or 4 * written["n_embd"],
        heads=written["n_head"],
        vocabulary=written["vocab_size"],
        context=written["n_positions"],
        epsilon=written.get("layer_norm_epsilon", 1e-5),
    )
    with torch.device("meta"):
        return GPT2(config)


GPT2_NAMES = {
    "ln_1": "attention_norm",
    "attn.c_attn": "query_key_value",
    "attn.c_proj": "attention_output",
    "ln_2": "feed_forward_norm",
    "mlp.c_fc": "up",
    "mlp.c_proj": "down",
}


def _gpt2_state(state: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    assert isinstance(network, GPT2)
    found = {
        "embedding": state["wte.weight"],
        "head.weight": state["wte.weight"],
        "position_embedding": state["wpe.weight"],
        "norm.weight": state["ln_f.weight"],
        "norm.bias": state["ln_f.bias"],
    }
    for index in range(network.config.layers):
        for old, new in GPT2_NAMES.items():
            weight = state[f"h.{index}.{old}.weight"]
            # Published as [inputs, outputs], where a linear layer has them the other way.
            found[f"layers.{index}.{new}.weight"] = weight.t().contiguous() if weight.dim() == 2 else weight
            found[f"layers.{index}.{new}.bias"] = state[f"h.{index}.{old}.bias"]
    return found


def _refuse(written: Mapping[str, Any], key: str, taken: tuple[object, ...]) -> None:
    if written.get(key, taken[0]) not in taken:
        raise ConfigError(f"config.json: {key} {written[key]!r} is not computed; {taken[0]!r} is")


Build = Callable[[Mapping[str, Any]], Llama | GPT2]
Rename = Callable[[Mapping[str, Tensor], nn.Module], dict[str, Tensor]]
FAMILIES: dict[str, tuple[Build, Rename]] = {
    "llama": (_llama, _llama_state),
    "mistral": (_llama, _llama_state),
    "qwen2": (_llama, _llama_state),
    "gpt2": (_gpt2, _gpt2_state),
}
