"""A subclass of the KServe SDK's `Model`, served as it is. Only this module imports the SDK, and only for such a model.

V1 bodies reach the model whole, V2 requests as the SDK's `InferRequest`, as its own server would do. Its `predict`
runs on a loop in a thread of its own: a sync one takes one request at a time, as under the SDK, but stops no one else.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from workaday_server.errors import ClientError, ConfigError, ServerError


class KServePredictor:
    """The predictor contract around a `kserve.Model`."""

    whole_body = True  # V1's `instances` are the model's business

    def __init__(self, model: Any) -> None:
        self.model = model
        self._types = importlib.import_module("kserve")
        self.inputs = model.get_input_types()
        self.outputs = model.get_output_types()

    def load(self, path: str | None) -> None:
        """Load the model, which finds its own weights.

        Raises:
            ConfigError: it says that it is not ready.
        """
        if self.model.load() is False and not self.model.ready:
            raise ConfigError("`load` returned False")

    async def predict(self, payload: Any, headers: Mapping[str, str], request_id: str) -> Any:
        """Return the model's answer: a V1 mapping as it is, V2 outputs as `{name: array}`.

        Raises:
            ServerError: the model raised one of the SDK's errors, with the status it stands for.
        """
        body = self._request(payload, request_id) if _is_tensors(payload) else payload
        try:
            answer = await self.model(body, headers=dict(headers))
        except Exception as error:
            raise _translated(error) from error
        if isinstance(answer, tuple):  # with response headers, which belong to the SDK's server
            answer = answer[0]
        if isinstance(answer, self._types.InferResponse):
            return {output.name: output.as_numpy() for output in answer.outputs}
        return answer

    def close(self) -> None:
        """Stop the model."""
        self.model.stop()

    def _request(self, tensors: Mapping[str, Any], request_id: str) -> Any:
        inputs = []
        for name, tensor in tensors.items():
            given = self._types.InferInput(name, list(tensor.shape), _datatype(tensor))
            given.set_data_from_numpy(tensor, binary_data=True)
            inputs.append(given)
        return self._types.InferRequest(self.model.name, inputs, request_id=request_id)


def adapt(found: type, name: str) -> KServePredictor:
    """Return a predictor around a new object of the class, made with the model's name as the SDK does."""
    return KServePredictor(found(name))


def _is_tensors(payload: Any) -> bool:
    return isinstance(payload, dict) and bool(payload) and all(hasattr(each, "dtype") for each in payload.values())


def _datatype(tensor: Any) -> str:
    from workaday_server.protocols.tensors import NAMES

    if hasattr(tensor, "detach"):
        raise ClientError("models of the KServe SDK take no BF16")
    return NAMES.get(tensor.dtype, "BYTES")


def _translated(error: Exception) -> Exception:
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and 400 <= status < 600:
        refusal = ServerError(str(getattr(error, "detail", "") or error))
        refusal.status, refusal.cause = status, "client" if status < 500 else "predictor"
        return refusal
    return ClientError(str(error)) if type(error).__name__ == "InvalidInput" else error
