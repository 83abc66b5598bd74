"""Loads the blueprint's predictors the way the server does: by file, with their own folder importable."""

import importlib.util
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from workaday_server.config import Limits, ModelConfig

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture(scope="session", autouse=True)
def fresh_cache() -> Iterator[Path]:
    """An empty cache, so that every run converts the models anew."""
    with tempfile.TemporaryDirectory(prefix="workaday-models-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", folder)
        yield Path(folder)


@pytest.fixture(scope="session", autouse=True)
def model_folders() -> Iterator[None]:
    """Every model's own modules importable by bare name; only `predictor` exists more than once."""
    with pytest.MonkeyPatch.context() as patch:
        for folder in sorted(MODELS.iterdir()):
            if (folder / "predictor.py").exists():
                patch.syspath_prepend(str(folder))
        yield


@pytest.fixture(scope="session")
def story() -> Iterator[Any]:
    """The story model, its engine running, as the server would have it."""
    made = predictor_module("story").Predictor({"max_new_tokens": 24, "threads": 1})  # more wait for each other
    limits = Limits(concurrency=8)
    config = ModelConfig(name="story", revision="1", predictor=MODELS / "story" / "predictor.py", limits=limits)
    made.start_engine(made.load(None), config)
    yield made
    made.close()


@pytest.fixture(scope="session")
def classifier() -> Any:
    return predictor_module("classifier").Predictor({})


@pytest.fixture(scope="session")
def embedder() -> Any:
    return predictor_module("embedder").Predictor({})


@pytest.fixture(scope="session")
def flower() -> bytes:
    return (MODELS / "classifier" / "flower.jpg").read_bytes()


def predictor_module(model: str) -> ModuleType:
    name = f"{model}_predictor"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, MODELS / model / "predictor.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]
