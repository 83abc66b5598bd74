"""Text generation: `python -m bench generation`, or some of it: `python -m bench.generation throughput int8`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from bench.generation.callers import (
    CALLERS,
    HERE,
    PEERS,
    ROUNDS,
    TOKENS,
    VENV,
    Served,
    prompts,
    rate,
    serving,
    spread,
    stream,
    together,
)

LONG_TOKENS = 2000


def throughput(folder: Path) -> None:
    """Sixteen callers beside one at a time, and beside transformers' static batch; in turns, round after round."""
    texts = prompts(CALLERS)
    figures: dict[str, list[float]] = {"16 callers": [], "one at a time": [], "transformers, static 16": []}
    with serving(folder, CALLERS) as many, serving(folder, 1) as one, static() as generate:
        tokens = tokenized(texts)
        for served in (many, one):
            served.ask(texts[0], 4)
        generate(tokens, 4)
        for _ in range(ROUNDS):
            figures["16 callers"].append(asyncio.run(rate(many, texts, TOKENS)))
            figures["one at a time"].append(asyncio.run(rate(one, texts[:3], TOKENS)))
            figures["transformers, static 16"].append(CALLERS * TOKENS / generate(tokens, TOKENS)["seconds"])
    print(f"\nSmolLM2, {TOKENS} tokens each: tokens a second")
    for name, found in figures.items():
        print(f"  {name}: {spread(found, 1)}")
    for name in ("one at a time", "transformers, static 16"):
        pairs = zip(figures["16 callers"], figures[name], strict=True)
        print(f"  16 callers to {name}: {spread([mine / other for mine, other in pairs])}")


@contextlib.contextmanager
def static() -> Iterator[Callable[[list[list[int]], int], dict[str, Any]]]:
    """Start transformers in its own environment; call it with prompts and a number of tokens."""
    import smollm2

    python = VENV / "bin/python"
    if not python.exists():
        subprocess.run(["uv", "venv", "-q", "--python", sys.executable, str(VENV)], check=True)
        wanted = ["-r", str(PEERS / "requirements.txt")]
        subprocess.run(["uv", "pip", "install", "-q", "--python", str(python), *wanted], check=True)
    command = [str(python), str(PEERS / "static_generate.py"), str(smollm2.weights()), str(os.cpu_count())]
    env = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
    assert process.stdin
    assert process.stdout
    pipe_in, pipe_out = process.stdin, process.stdout

    def generate(tokens: list[list[int]], count: int) -> dict[str, Any]:
        pipe_in.write(json.dumps({"prompts": tokens, "tokens": count}) + "\n")
        pipe_in.flush()
        found: dict[str, Any] = json.loads(pipe_out.readline())
        return found

    try:
        pipe_out.readline()
        yield generate
    finally:
        process.kill()
        process.wait()


def tokenized(texts: list[str]) -> list[list[int]]:
    import smollm2

    from workaday_server.generation.tokenizer import read_tokenizer

    tokenizer = read_tokenizer(smollm2.weights())
    return [tokenizer.encode(each) for each in texts]


def waiting(folder: Path) -> None:
    """The first token of a short request, alone and while a prompt of 2,000 tokens is read."""
    short, long = "Once upon a time", "one two three four five " * (LONG_TOKENS // 5)
    alone, beside = [], []

    async def first(served: Served, *, long_too: bool) -> float:
        async with httpx.AsyncClient(timeout=600) as client:
            other = asyncio.create_task(stream(client, served.url, long, 1)) if long_too else None
            await asyncio.sleep(0.5)
            times = await stream(client, served.url, short, 1)
            if other is not None:
                assert not other.done(), "the long prompt was read before the short request was answered"
                await other
            return times[1] - times[0]

    with serving(folder, CALLERS) as served:
        print(f"\nThe long prompt has {served.ask(long, 1)['prompt_tokens']} tokens")
        for _ in range(ROUNDS):
            alone.append(asyncio.run(first(served, long_too=False)))
            beside.append(asyncio.run(first(served, long_too=True)))
    print("First token of a short request, ms")
    print(f"  alone: {spread([1000 * each for each in alone], 0)}")
    print(f"  while the long prompt is read: {spread([1000 * each for each in beside], 0)}")
    print(f"  ratio: {spread([one / other for one, other in zip(beside, alone, strict=True)])}")


def fairness(folder: Path) -> None:
    """The slowest of sixteen answers beside their mean; one has a prompt of 1,000 tokens."""
    texts = [*prompts(CALLERS - 1), "one two three four five " * 200]
    found = []
    with serving(folder, CALLERS) as served:
        for _ in range(ROUNDS):
            times = asyncio.run(together(served, texts, TOKENS))
            rates = [(len(each) - 2) / (each[-1] - each[1]) for each in times]
            found.append(min(rates) / statistics.mean(rates))
    print(f"\nThe slowest of {CALLERS} answers' tokens a second to their mean: {spread(found)}")


def int8(folder: Path) -> None:
    """What int8 costs in quality, on a fixed text, and what it gains in speed."""
    import smollm2
    import torch

    from workaday_server.generation.formats import read_network
    from workaday_server.generation.linears import quantize
    from workaday_server.generation.tokenizer import read_tokenizer

    published = smollm2.weights()
    exact = read_network(published, torch.float32, torch.device("cpu"))
    text = (HERE / "text.txt").read_text().replace("\n\n", "\f").replace("\n", " ").replace("\f", "\n\n")
    tokens = read_tokenizer(published).encode(text)
    with torch.inference_mode():
        before = log_probabilities(exact, tokens)
        after = log_probabilities(quantize(exact), tokens)
    following = torch.tensor(tokens[1:])
    perplexities = [math.exp(-each.gather(1, following[:, None]).mean()) for each in (before, after)]
    agreement = float((before.argmax(1) == after.argmax(1)).float().mean())
    print(
        f"\nint8 on {len(tokens)} tokens: perplexity {perplexities[0]:.2f} in float32, {perplexities[1]:.2f} in int8;"
    )
    print(f"  the likeliest token is the same at {agreement:.1%} of the places")
    texts, pairs = prompts(CALLERS), []
    with serving(folder, CALLERS) as plain, serving(folder, CALLERS, quantize="int8") as quantized:
        for _ in range(ROUNDS):
            one, other = (asyncio.run(rate(each, texts, TOKENS)) for each in (quantized, plain))
            pairs.append(one / other)
    print(f"  tokens a second of {CALLERS} callers, int8 to float32: {spread(pairs)}")


def log_probabilities(network: Any, tokens: list[int]) -> Any:
    """Return the logarithms of probabilities [tokens - 1, vocabulary] of what follows each token but the last."""
    import torch

    from workaday_server.generation.attention import Cache, Step
    from workaday_server.generation.scheduler import Sequence, Slice

    cpu, known = torch.device("cpu"), len(tokens) - 1
    cache = Cache(network.shape, known, torch.float32, cpu)
    step = Step([Slice(Sequence(tokens[:-1], known, known, span=0), 0, known)], cache, cpu)
    step.last = torch.arange(known)
    return network(step).log_softmax(-1)


ALL: dict[str, Callable[[Path], None]] = {
    "throughput": throughput,
    "waiting": waiting,
    "fairness": fairness,
    "int8": int8,
}


def main(wanted: list[str] | None = None) -> None:
    unknown = [each for each in wanted or () if each not in ALL]
    if unknown:
        sys.exit(f"no benchmark {unknown[0]!r}; there is {', '.join(ALL)}")
    sys.path.insert(0, str(HERE.parents[1] / "models/story"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no server is left behind
    with tempfile.TemporaryDirectory() as made:
        for name in wanted or ALL:
            begun = time.perf_counter()
            ALL[name](Path(made))
            print(f"  ({time.perf_counter() - begun:.0f} s)", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
