"""Networks small enough to be made on the spot, in the folders in which they would be published."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workaday_server.generation.requests import GenerationRequest, Sampling

LLAMA = {
    "model_type": "llama",
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 259,
    "max_position_embeddings": 512,
    "rope_theta": 10000.0,
    "rms_norm_eps": 1e-5,
    "tie_word_embeddings": True,
    "eos_token_id": 256,
}
GPT2 = {
    "model_type": "gpt2",
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 4,
    "vocab_size": 259,
    "n_positions": 256,
    "eos_token_id": 256,
}
TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'bad' %}{{ raise_exception('no such role') }}{% endif %}"
    "{{ '<|start|>' + m.role + '\n' + m.content + '<|end|>\n' }}{% endfor %}{{ '<|start|>assistant\n' }}"
)


class Bytes:
    """A tokenizer whose tokens are UTF-8's bytes; 256 ends an answer."""

    ends = frozenset({256})

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def decode(self, tokens: Any) -> str:
        return bytes(each for each in tokens if each < 256).decode("utf-8", "replace")


def write_tokenizer(folder: Path) -> None:
    """Byte-level BPE without merges: 256 byte tokens, and three special ones."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({each: index for index, each in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [AddedToken(each, special=True, normalized=False) for each in ("<|end|>", "<|start|>", "<|other|>")]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"chat_template": TEMPLATE, "eos_token": {"content": "<|end|>"}}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def published(folder: Path, config: dict[str, Any], seed: int = 0) -> Path:
    """Write a random network as its family publishes it."""
    import torch
    from safetensors.torch import save_file

    random = torch.Generator().manual_seed(seed)

    def some(*shape: int, scale: float = 0.3) -> Any:
        return torch.randn(*shape, generator=random) * scale

    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    state = _llama(config, some) if config["model_type"] != "gpt2" else _gpt2(config, some)
    save_file(state, folder / "model.safetensors")
    write_tokenizer(folder)
    return folder


def _llama(config: dict[str, Any], some: Callable[..., Any]) -> dict[str, Any]:
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    size = hidden // config["num_attention_heads"]
    state = {"model.embed_tokens.weight": some(config["vocab_size"], hidden), "model.norm.weight": some(hidden) + 1}
    state["model.embed_tokens.weight"][256:] = 0  # the likeliest token is never the end
    if not config["tie_word_embeddings"]:
        state["lm_head.weight"] = some(config["vocab_size"], hidden)
    for index in range(config["num_hidden_layers"]):
        at = f"model.layers.{index}"
        heads, kv = config["num_attention_heads"] * size, config["num_key_value_heads"] * size
        state |= {f"{at}.{each}_layernorm.weight": some(hidden) + 1 for each in ("input", "post_attention")}
        for name, width in (("q", heads), ("k", kv), ("v", kv)):
            state[f"{at}.self_attn.{name}_proj.weight"] = some(width, hidden)
            if config["model_type"] == "qwen2":
                state[f"{at}.self_attn.{name}_proj.bias"] = some(width)
        state[f"{at}.self_attn.o_proj.weight"] = some(hidden, heads)
        state |= {f"{at}.mlp.{each}_proj.weight": some(inner, hidden) for each in ("gate", "up")}
        state[f"{at}.mlp.down_proj.weight"] = some(hidden, inner)
    return state


def _gpt2(config: dict[str, Any], some: Callable[..., Any]) -> dict[str, Any]:
    hidden = config["n_embd"]
    state = {"wte.weight": some(config["vocab_size"], hidden), "wpe.weight": some(config["n_positions"], hidden)}
    state |= {"ln_f.weight": some(hidden) + 1, "ln_f.bias": some(hidden)}
    for index in range(config["n_layer"]):
        for name, shape in (
            ("attn.c_attn", (hidden, 3 * hidden)),
            ("attn.c_proj", (hidden, hidden)),
            ("mlp.c_fc", (hidden, 4 * hidden)),
            ("mlp.c_proj", (4 * hidden, hidden)),
        ):
            state |= {f"h.{index}.{name}.weight": some(*shape), f"h.{index}.{name}.bias": some(shape[1])}
        for name in ("ln_1", "ln_2"):
            state |= {f"h.{index}.{name}.weight": some(hidden) + 1, f"h.{index}.{name}.bias": some(hidden)}
    return state


def ask(prompt: Any = "Once", **sampling: Any) -> GenerationRequest:
    """Return a request, greedy unless the test says otherwise."""
    return GenerationRequest(prompt, Sampling(**{"temperature": 0, "max_tokens": 16, **sampling}))
