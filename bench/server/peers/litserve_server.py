"""LitServe: one worker, ZeroMQ between it and the HTTP server; with `BATCH` set, its batching of 16 and 2 ms."""

import os
import sys
from typing import Any

import litserve
import torch
from network import answer, network

BATCH = int(os.environ.get("BATCH", "1"))


class Mlp(litserve.LitAPI):
    def setup(self, device: str) -> None:
        torch.set_num_threads(1)
        self.model = network()

    def decode_request(self, request):  # noqa: ANN001, ANN201 -- annotated, it would be a query parameter
        return request["instances"][0]

    def predict(self, x: Any) -> Any:
        rows = answer(self.model, x if BATCH > 1 else [x])
        return rows if BATCH > 1 else rows[0]

    def batch(self, inputs: list[Any]) -> list[Any]:
        return inputs

    def unbatch(self, output: list[Any]) -> list[Any]:
        return output

    def encode_response(self, output: Any) -> Any:
        return {"predictions": [output]}


if __name__ == "__main__":
    api = Mlp(max_batch_size=BATCH, batch_timeout=0.002 if BATCH > 1 else 0.0)
    server = litserve.LitServer(api, accelerator="cpu", fast_queue=True)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), log_level="error", access_log=False, generate_client_file=False)
