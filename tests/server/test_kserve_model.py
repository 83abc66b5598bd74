"""A subclass of the KServe SDK's Model; the SDK itself is stood in for by the few names that the adapter uses."""

from __future__ import annotations

STAND_IN = """
class InvalidInput(ValueError):
    pass
class InferInput:
    def __init__(self, name, shape, datatype):
        self.name, self.shape, self.datatype = name, shape, datatype
    def set_data_from_numpy(self, tensor, binary_data=True):
        self.tensor = tensor
    def as_numpy(self):
        return self.tensor
InferOutput = InferInput
class InferRequest:
    def __init__(self, model_name, inputs, request_id=None):
        self.inputs, self.id = inputs, request_id
class InferResponse:
    def __init__(self, outputs):
        self.outputs = outputs
class Model:
    def __init__(self, name):
        self.name, self.ready = name, False
    def get_input_types(self):
        return [{"name": "x", "datatype": "FP32", "shape": [-1]}]
    def get_output_types(self):
        return []
    def load(self):
        self.ready = True
        return True
    def stop(self):
        pass
    async def __call__(self, body, headers=None):
        return self.predict(body, headers), {}
"""
MODEL = """
import kserve
class Predictor(kserve.Model):
    def predict(self, payload, headers=None):
        if isinstance(payload, kserve.InferRequest):
            output = kserve.InferOutput("y", [2], "FP32")
            output.set_data_from_numpy(payload.inputs[0].as_numpy() * 2)
            return kserve.InferResponse([output])
        if "instances" not in payload:
            raise kserve.InvalidInput("no instances")
        return {"predictions": len(payload["instances"])}
"""


def test_it_is_served_as_it_is(server) -> None:
    (server.folder / "sdk").mkdir()
    (server.folder / "sdk" / "kserve.py").write_text(STAND_IN)
    server.model("a", MODEL)
    server.start(PYTHONPATH=str(server.folder / "sdk"))
    assert server.post("/v1/models/a:predict", {"instances": [1, 2, 3]}).json() == {"predictions": 3}
    refused = server.post("/v1/models/a:predict", {"x": 1})
    assert (refused.status_code, refused.json()) == (400, {"error": "no instances"})
    tensor = {"name": "x", "shape": [2], "datatype": "FP32", "data": [1, 2]}
    outputs = server.post("/v2/models/a/infer", {"inputs": [tensor]}).json()["outputs"]
    assert outputs == [{"name": "y", "shape": [2], "datatype": "FP32", "data": [2.0, 4.0]}]
    assert server.get("/v2/models/a").json()["inputs"][0]["name"] == "x"


def test_the_openapi_document_lists_the_models_addresses(server) -> None:
    server.model("a")
    server.start()
    paths = server.get("/openapi.json").json()["paths"]
    assert {"/a", "/v1/models/a:predict", "/v2/models/a/infer", "/v2/health/ready", "/metrics"} <= set(paths)
    gets = [path for path, methods in paths.items() if "get" in methods]
    assert [server.get(path).status_code for path in gets] == [200] * len(gets)
