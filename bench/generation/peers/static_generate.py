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
    made = LlamaForCausalLM(LlamaConfig.from_pretrained(folder))
    state = load_file(folder / "model.safetensors")
    made.load_state_dict(state | {"lm_head.weight": state["model.embed_tokens.weight"]})
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
