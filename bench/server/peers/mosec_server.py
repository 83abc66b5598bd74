"""mosec: one worker; with `BATCH` set, its dynamic batching of 16 and 2 ms."""

from __future__ import annotations

import os
from typing import Any

import torch
from mosec import Server, Worker
from network import answer, network

BATCH = int(os.environ.get("BATCH", "1"))


class Mlp(Worker):
    def __init__(self) -> None:
        super().__init__()
        torch.set_num_threads(1)
        self.model = network()

    def forward(self, data: Any) -> Any:
        if BATCH == 1:
            return {"predictions": answer(self.model, data["instances"])}
        rows = answer(self.model, [each["instances"][0] for each in data])
        return [{"predictions": [row]} for row in rows]


if __name__ == "__main__":
    server = Server()
    server.append_worker(Mlp, num=1, max_batch_size=BATCH, max_wait_time=2 if BATCH > 1 else 0)
    server.run()
