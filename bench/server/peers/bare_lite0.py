"""EfficientNet-Lite0 in a loop, over batch sizes and threads: prints `{set-up: images a second}`."""

from __future__ import annotations

import json
import os
import sys
from time import perf_counter

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, sys.argv[1])
import lite0_weights
import torch

SECONDS = 1.5

model = lite0_weights.load(lite0_weights.weights())
rates = {}
with torch.inference_mode():
    for threads in sorted({1, len(os.sched_getaffinity(0))}):
        torch.set_num_threads(threads)
        for size in (1, 2, 4, 8, 16):
            pixels = torch.randint(0, 256, (size, 224, 224, 3), dtype=torch.uint8)
            model(pixels).argmax(dim=1)
            done, began = 0, perf_counter()
            while perf_counter() - began < SECONDS:
                model(pixels).argmax(dim=1)
                done += size
            rates[f"batch {size}, {threads} threads"] = done / (perf_counter() - began)
print(json.dumps(rates))
