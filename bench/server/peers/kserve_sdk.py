"""The KServe SDK's server: V1 in JSON, V2 in binary; logging off as far as its options go."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch
import uvicorn
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer
from kserve.logging import logger
from network import answer, network

configure = uvicorn.Config.__init__


def on_loopback(self: uvicorn.Config, app: Any, **given: Any) -> None:
    configure(self, app, **given | {"host": "127.0.0.1"})


uvicorn.Config.__init__ = on_loopback  # the SDK has no option for the address, and takes them all


class Mlp(Model):
    def __init__(self) -> None:
        super().__init__("mlp")
        torch.set_num_threads(1)
        self.model = network()
        self.ready = True

    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        if not isinstance(payload, InferRequest):
            return {"predictions": answer(self.model, payload["instances"])}
        total = np.atleast_1d(payload.inputs[0].as_numpy().sum())
        output = InferOutput("sum", [1], "FP32")
        output.set_data_from_numpy(total, binary_data=False)
        return InferResponse(payload.id or "1", "mlp", [output])


if __name__ == "__main__":
    logger.setLevel(logging.ERROR)
    logging.getLogger("uvicorn.access").setLevel(logging.ERROR)
    ModelServer(enable_latency_logging=False).start([Mlp()])
