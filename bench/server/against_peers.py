"""The same small network in JSON, and one image's tensor in V2's binary form, here and in the peers."""

from __future__ import annotations

import json
from pathlib import Path

from bench.server.harness import PEERS, Contender, Load, Rates, alternate, lua, ours, peer, report

ROW = [round(number / 128, 4) for number in range(128)]
SHAPE = [1, 3, 224, 224]
V1, V2 = "/v1/models/mlp:predict", "/v2/models/mlp/infer"
PREDICTOR = str(PEERS / "predictor.py")
BATCH = {"BATCH": "16"}


def mlp(folder: Path) -> None:
    """JSON in and out, 128-256-10."""
    row = lua(folder, "row", [json.dumps({"instances": [ROW]}).encode()], {"Content-Type": "application/json"})
    mosec = peer("mosec_server.py", "--address", "127.0.0.1", "--port", "port")
    litserve = peer("litserve_server.py", "port")
    bentoml = peer("-m", "bentoml", "serve", "bentoml_service:Mlp", "--host", "127.0.0.1", "--port", "port")
    batching = {"max_size": 16, "max_wait_seconds": 0.002}
    contenders = [
        ours(folder, "mlp", "batching 16, 2 ms", V1, predictor=PREDICTOR, batching=batching),
        ours(folder, "mlp", "unbatched", V1, predictor=PREDICTOR),
        Contender("kserve", "logging off", kserve(), V1),
        Contender("mosec", "unbatched", mosec, "/inference"),
        Contender("mosec", "batching 16, 2 ms", mosec, "/inference", BATCH),
        Contender("litserve", "unbatched", litserve, "/predict"),
        Contender("litserve", "batching 16, 2 ms", litserve, "/predict", BATCH),
        Contender("bentoml", "unbatched", bentoml, "/predict"),
        Contender("bentoml", "adaptive batching, at most 16", bentoml, "/predict", BATCH),
    ]
    loads = [Load(row, 1), Load(row, 16)]
    report("MLP 128-256-10, JSON", alternate(contenders, loads, folder), loads)


def tensor(folder: Path) -> None:
    """602 kB in, its sum out."""
    size = 4 * 3 * 224 * 224
    entry = {"name": "x", "shape": SHAPE, "datatype": "FP32", "parameters": {"binary_data_size": size}}
    head = json.dumps({"inputs": [entry]}).encode()
    headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}
    image = lua(folder, "tensor", [head + bytes(size)], headers)
    asgi = peer("-m", "uvicorn", "bare_asgi:app", "--port", "port", "--no-access-log", "--log-level", "error")
    contenders = [
        ours(folder, "mlp", "unbatched", V2, predictor=PREDICTOR),
        Contender("bare ASGI", "uvicorn", asgi, V2),
        Contender("kserve", "logging off", kserve(), V2),
    ]
    loads = [Load(image, 1), Load(image, 4)]
    costs: Rates = {}
    rates = alternate(contenders, loads, folder, costs=costs)
    report("1x3x224x224 float32, V2 binary", rates, loads, costs)


def kserve() -> list[str]:
    return peer("kserve_sdk.py", "--http_port", "port", "--enable_grpc", "false")
