"""The blueprint's own models: what batching gains MiniLM, and how near Lite0 comes to torch alone."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

from bench.server.harness import PEERS, ROUNDS, Load, Rates, alternate, lua, ours

MODELS = Path(__file__).parents[2] / "models"
QUERIES = (
    "a red summer dress",
    "return label",
    "waterproof hiking boots",
    "stainless steel bottle",
    "gift card for a friend",
    "warm white bulb for a lamp",
    "size 43 wide fit",
    "chair with armrests",
)
MIXED = (
    *QUERIES[:2],
    "waterproof hiking boots with a wide fit, size 43",
    "the parcel arrived a day late, and the box was torn at one corner, but everything in it was whole",
    "does the lamp come with a bulb, and is it warm white?",
    "stainless steel bottle, keeps drinks hot for twelve hours, fits most cup holders, with a lid that does not leak",
    QUERIES[4],
    "my order has two of the same chair and I only wanted one; how do I send the other back without paying for it?",
)
BATCHING = "batching 32, 5 ms"
LITE0 = {"name": "x", "shape": [1, 224, 224, 3], "datatype": "UINT8", "parameters": {"binary_data_size": 150528}}
CALLERS = 16


def embedder(folder: Path) -> None:
    """MiniLM, 32 callers: the same server with batching and without."""
    predictor = str(MODELS / "embedder/predictor.py")
    batching = {"max_size": 32, "max_wait_seconds": 0.005}
    contenders = [
        ours(folder, "embedder", BATCHING, "/embed", predictor=predictor, route="/embed", batching=batching),
        ours(folder, "embedder", "unbatched", "/embed", predictor=predictor, route="/embed"),
    ]
    loads = []
    for name, texts in (("queries", QUERIES), ("mixed", MIXED)):
        bodies = [json.dumps({"text": text}).encode() for text in texts]
        loads.append(Load(lua(folder, name, bodies, {"Content-Type": "application/json"}), 32))
    costs: Rates = {}
    rates = alternate(contenders, loads, folder, costs=costs)
    for index, name in enumerate(("short queries", "texts of mixed length")):
        batched, alone = (rates["workaday", setup][index] for setup in (BATCHING, "unbatched"))
        print(f"\nMiniLM, 32 callers, {name}: texts a second")
        print(f"  {BATCHING}: {statistics.median(batched):.1f}; unbatched: {statistics.median(alone):.1f}")
        for what, figures in (("batching to unbatched", rates), ("the same for each second computed", costs)):
            pairs = zip(*(figures["workaday", setup][index] for setup in (BATCHING, "unbatched")), strict=True)
            _print_ratio(what, [one / other for one, other in pairs])


def classifier(folder: Path) -> None:
    """Lite0 as a tensor over V2, 16 callers, against a loop around the network over batch sizes and threads."""
    head = json.dumps({"inputs": [LITE0]}).encode()
    headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}
    image = bytes(index * 37 % 256 for index in range(150528))
    load = Load(lua(folder, "image", [head + image], headers), CALLERS)
    model = {"predictor": str(PEERS / "lite0_predictor.py"), "env": {"LITE0": str(MODELS / "classifier")}}
    path = "/v2/models/lite0/infer"
    contenders = [ours(folder, "lite0", "unbatched", path, **model)]
    for size in (4, 8):
        batching = {"max_size": size, "max_wait_seconds": 0.01}
        contenders.append(ours(folder, "lite0", f"batching {size}, 10 ms", path, **model, batching=batching))
    served: list[dict[str, float]] = []
    bare: list[dict[str, float]] = []
    for _ in range(ROUNDS):  # the loop between the servers, so that neither has the quieter machine
        bare.append(_bare_loop())
        rates = alternate(contenders, [load], folder, rounds=1)
        served.append({setup: figures[0][0] for (_, setup), figures in rates.items()})
    print(f"\nEfficientNet-Lite0, {CALLERS} callers: images a second")
    for name, figures in (("served", served), ("torch alone", bare)):
        for setup in figures[0]:
            print(f"  {name}, {setup}: {statistics.median(each[setup] for each in figures):.1f}")
    best = [max(one.values()) / max(other.values()) for one, other in zip(served, bare, strict=True)]
    _print_ratio("best served to best alone", best)


def _bare_loop() -> dict[str, float]:
    said = subprocess.run(
        [sys.executable, str(PEERS / "bare_lite0.py"), str(MODELS / "classifier")],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(said.stdout)
    return found


def _print_ratio(what: str, ratios: list[float]) -> None:
    print(f"  {what}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})", flush=True)
