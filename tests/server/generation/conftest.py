"""Tiny random networks, and engines that end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny_models import GPT2, LLAMA, Bytes, published

from workaday_server.generation.engine import Engine, Settings


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published(tmp_path_factory.mktemp("llama"), LLAMA)


@pytest.fixture(scope="session")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published(tmp_path_factory.mktemp("gpt2"), GPT2)


@pytest.fixture(params=["llama", "gpt2"])
def folder(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def engines() -> Iterator[Callable[..., Engine]]:
    """Make engines; all end with the test."""
    made: list[Engine] = []

    def make(
        folder: Path, tokens: int = 4096, quantized: bool = False, tokenizer: Any = None, **settings: Any
    ) -> Engine:
        import torch

        from workaday_server.generation.formats import read_network
        from workaday_server.generation.linears import pack, quantize
        from workaday_server.generation.runner import TorchRunner

        network = read_network(folder, torch.float32, torch.device("cpu"))
        runner = TorchRunner(quantize(network) if quantized else pack(network), tokens, 1)
        engine = Engine(runner, tokenizer or Bytes(), Settings(**settings))
        made.append(engine)
        return engine

    yield make
    for engine in made:
        engine.close()
