"""transformers' own `generate` over a static batch: a line of JSON in, {"prompts", "tokens"}; a line out, its seconds.

Arguments: the folder with the converted SmolLM2, and how many of torch's threads it may use.
"""

import json
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM


def model(folder: Path) -> LlamaForCausalLM:
    sizes = json.loads((folder / "config.json").read_bytes())
    config = LlamaConfig(
        num_hidden_layers=sizes["layers"],
        hidden_size=sizes["hidden"],
        intermediate_size=sizes["intermediate"],
        num_attention_heads=sizes["heads"],
        num_key_value_heads=sizes["kv_heads"],
        vocab_size=sizes["vocabulary"],
        max_position_embeddings=sizes["context"],
        rope_theta=sizes["rope_base"],
        rms_norm_eps=sizes["rms_epsilon"],
        tie_word_embeddings=True,
    )
    made = LlamaForCausalLM(config)
    state, size = {}, sizes["hidden"] // sizes["heads"]
    ours = load_file(folder / "model.safetensors")
    state["model.embed_tokens.weight"] = state["lm_head.weight"] = ours["embedding"]
    state["model.norm.weight"] = ours["norm.weight"]
    for index in range(sizes["layers"]):
        old, new = f"layers.{index}", f"model.layers.{index}"
        widths = [each * size for each in (sizes["heads"], sizes["kv_heads"], sizes["kv_heads"])]
        for name, part in zip("qkv", ours[f"{old}.query_key_value.weight"].split(widths), strict=True):
            state[f"{new}.self_attn.{name}_proj.weight"] = part
        gate, up = ours[f"{old}.gate_up.weight"].chunk(2)
        state |= {
            f"{new}.self_attn.o_proj.weight": ours[f"{old}.attention_output.weight"],
            f"{new}.mlp.gate_proj.weight": gate,
            f"{new}.mlp.up_proj.weight": up,
            f"{new}.mlp.down_proj.weight": ours[f"{old}.down.weight"],
            f"{new}.input_layernorm.weight": ours[f"{old}.attention_norm.weight"],
            f"{new}.post_attention_layernorm.weight": ours[f"{old}.feed_forward_norm.weight"],
        }
    made.load_state_dict(state)
    return made.eval()


def main() -> None:
    torch.set_num_threads(int(sys.argv[2]))
    made = model(Path(sys.argv[1]))
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        longest = max(map(len, asked["prompts"]))
        rows = [[0] * (longest - len(each)) + each for each in asked["prompts"]]
        mask = [[0] * (longest - len(each)) + [1] * len(each) for each in asked["prompts"]]
        begun = time.perf_counter()
        with torch.inference_mode():
            found = made.generate(
                torch.tensor(rows),
                attention_mask=torch.tensor(mask),
                max_new_tokens=asked["tokens"],
                min_new_tokens=asked["tokens"],
                do_sample=False,
                pad_token_id=0,
                eos_token_id=None,
            )
        seconds = time.perf_counter() - begun
        print(json.dumps({"seconds": seconds, "tokens": found[:, longest:].tolist()}), flush=True)


main()
