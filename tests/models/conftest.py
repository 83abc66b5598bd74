"""Loads the blueprint's predictors the way the server does: by file, with their own folder importable."""

import importlib.util
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

MODELS = Path(__file__).parents[2] / "models"


def load_module(model: str, name: str = "predictor") -> ModuleType:
    """The module `name` of a model's folder; its siblings import each other by bare name."""
    folder = MODELS / model
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    # Three folders have a predictor.py; everything else has one name in one folder.
    module_name = f"{model}_predictor" if name == "predictor" else name
    if module_name not in sys.modules:
        spec = importlib.util.spec_from_file_location(module_name, folder / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        spec.loader.exec_module(module)
    return sys.modules[module_name]


@pytest.fixture(scope="session", autouse=True)
def fresh_cache() -> Iterator[Path]:
    """An empty cache, so that every run converts the models anew."""
    with tempfile.TemporaryDirectory(prefix="workaday-models-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", folder)
        yield Path(folder)
