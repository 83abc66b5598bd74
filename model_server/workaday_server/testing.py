"""Unit-test a predictor without a server: `with loaded("models/story/predictor.py") as model: model.predict(...)`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workaday_server.config import ModelConfig
from workaday_server.predictor import Predictor, load


class LoadedModel:
    """A predictor as the server would hold it: loaded, warmed up, called with the same arguments."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    @property
    def instance(self) -> Any:
        """Return the predictor's own object."""
        return self._predictor.instance

    def predict(
        self,
        payload: Any,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        request_id: str = "test",
        path: str = "/",
    ) -> Any:
        """Return the answer to one payload; a streamed one as the list of its pieces.

        Raises:
            Exception: whatever the predictor raises, `ClientError` included.
        """
        context = {"headers": headers or {}, "query": query or {}, "request_id": request_id, "path": path}
        answer = self._predictor.predict({"payload": payload, **context})
        if isinstance(answer, Iterator | AsyncIterator):
            return list(self._predictor.iterate(answer))
        return answer

    def predict_batch(self, payloads: Sequence[Any]) -> list[Any]:
        """Return an answer, or the error that stands for it, per payload.

        Raises:
            PredictorError: the predictor did not return one per payload.
        """
        return self._predictor.predict_batch(payloads)


@contextmanager
def loaded(
    predictor: str | Path,
    *,
    config: Mapping[str, Any] | None = None,
    weights: str | Path | None = None,
    env: Mapping[str, str] | None = None,
    class_name: str = "Predictor",
) -> Iterator[LoadedModel]:
    """Load a predictor in a namespace of its own, and close it at the end.

    Raises:
        ConfigError: the file or its class does not keep the contract.
    """
    made = load(
        ModelConfig(
            name="test",
            revision="test",
            predictor=Path(predictor).absolute(),
            class_name=class_name,
            config=config or {},
            weights=Path(weights).absolute() if weights is not None else None,
            env=env or {},
        )
    )
    try:
        yield LoadedModel(made)
    finally:
        made.close()
