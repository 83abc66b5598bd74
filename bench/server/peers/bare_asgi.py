"""The least that ASGI can do with a binary V2 request: join the body, `frombuffer`, sum."""

from __future__ import annotations

import json
from typing import Any

import numpy as np


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    pieces, more = [], True
    while more:
        message = await receive()
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"".join(pieces)
    length = int(dict(scope["headers"]).get(b"inference-header-content-length", b"0"))
    head = json.loads(body[:length]) if length else {"inputs": [{"shape": [0]}]}
    tensor = np.frombuffer(body, np.float32, offset=length).reshape(head["inputs"][0]["shape"])
    output = {"name": "sum", "datatype": "FP32", "shape": [1], "data": [float(tensor.sum())]}
    answer = json.dumps({"model_name": "mlp", "outputs": [output]}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
