"""The server's OpenAPI document: its addresses, and each model's with the example that its predictor gives."""

from __future__ import annotations

from typing import Any

from workaday_server.models import Model, Models
from workaday_server.pipelines.settings import PipelineConfig

ERRORS = {
    "400": "the request is wrong",
    "413": "the body is too large",
    "429": "the queue is full; see Retry-After",
    "500": "the predictor failed",
    "503": "the model is not ready; see Retry-After",
    "504": "the answer did not come in time",
}


def document(models: Models, version: str) -> dict[str, Any]:
    """Return the document of the models as they are now."""
    paths: dict[str, Any] = {
        "/v2": {"get": _get("The server's name and version")},
        "/v2/health/live": {"get": _get("The process answers")},
        "/v2/health/ready": {"get": _get("Every model is ready", unready=True)},
        "/v1/models": {"get": _get("The models' names")},
        "/metrics": {"get": _get("Metrics in Prometheus' text form", content="text/plain")},
    }
    for name in sorted(models.by_name):
        paths |= _model_paths(models.by_name[name])
    paths |= _openai_paths(models)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Workaday model server", "version": version},
        "paths": paths,
        "components": {"schemas": SCHEMAS},
    }


def _model_paths(model: Model) -> dict[str, Any]:
    name = model.name
    paths: dict[str, Any] = {
        f"/v1/models/{name}": {"get": _get(f"Whether {name} is ready")},
        f"/v1/models/{name}:predict": {"post": _post(f"Ask {name}, V1", "V1Request", "V1Answer")},
        f"/v2/models/{name}": {"get": _get(f"What {name} is")},
        f"/v2/models/{name}/ready": {"get": _get(f"Whether {name} is ready", unready=True)},
        f"/v2/models/{name}/infer": {"post": _post(f"Ask {name}, V2", "V2Request", "V2Answer")},
    }
    if isinstance(model.config, PipelineConfig):
        del paths[f"/v2/models/{name}/infer"]
    if model.config.route:
        paths[model.config.route] = {"post": _route(model)}
        if model.queue and model.queue.predictor.page is not None:
            paths[model.config.route]["get"] = _get(f"The page of {name}", content="text/html")
    return paths


def _openai_paths(models: Models) -> dict[str, Any]:
    """Return OpenAI's addresses, where some model answers there."""
    ready = [model.queue for model in models.by_name.values() if model.queue]
    paths: dict[str, Any] = {}
    if writers := sorted(queue.name for queue in ready if queue.predictor.engine):
        paths["/v1/chat/completions"] = _openai("Go on with a conversation", "ChatRequest", writers, stream=True)
        paths["/v1/completions"] = _openai("Go on with a text", "CompletionRequest", writers, stream=True)
    if embedders := sorted(queue.name for queue in ready if queue.predictor.embeds):
        paths["/v1/embeddings"] = _openai("Texts' vectors", "EmbeddingRequest", embedders)
    return paths


def _openai(summary: str, request: str, models: list[str], *, stream: bool = False) -> dict[str, Any]:
    schema = {"allOf": [_reference(request), {"properties": {"model": {"enum": models}}}]}
    content: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
    if stream:
        content["text/event-stream"] = {}
    return {
        "post": {
            "summary": f"{summary}, as OpenAI's clients ask",
            "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
            "responses": _responses(content, "OpenAIError") | {"404": _refused("no such model", "OpenAIError")},
        }
    }


def _get(summary: str, *, content: str = "application/json", unready: bool = False) -> dict[str, Any]:
    responses: dict[str, Any] = {"200": {"description": "so it is", "content": {content: {}}}}
    if unready:
        responses["503"] = {"description": "not now"}
    return {"summary": summary, "responses": responses}


def _post(summary: str, request: str, answer: str) -> dict[str, Any]:
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": {"schema": _reference(request)}}},
        "responses": _responses({"application/json": {"schema": _reference(answer)}}),
    }


def _route(model: Model) -> dict[str, Any]:
    example = model.queue.predictor.example if model.queue else None
    json_content: dict[str, Any] = {"schema": {}}
    if example is not None and not (isinstance(example, str) and example.startswith("@")):  # "@FILE" is a file's bytes
        json_content["example"] = example
    return {
        "summary": f"Ask {model.name}: JSON, text, a form or bytes, by content type",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": json_content,
                "text/plain": {"schema": {"type": "string"}},
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            },
        },
        "responses": _responses({"*/*": {}}),
    }


def _responses(content: dict[str, Any], error: str = "Error") -> dict[str, Any]:
    refused = {status: _refused(text, error) for status, text in ERRORS.items()}
    return {"200": {"description": "the predictor's answer", "content": content}, **refused}


def _refused(text: str, error: str) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": _reference(error)}}}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


DATATYPES = ["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64"]
DATATYPES += ["FP16", "BF16", "FP32", "FP64", "BYTES"]
_TENSOR = {
    "type": "object",
    "required": ["name", "shape", "datatype"],
    "properties": {
        "name": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        "datatype": {"enum": DATATYPES},
        "data": {"type": "array"},
        "parameters": {"type": "object"},
    },
}
_MODEL = {"type": "string"}
_TEXT = {"type": "string", "minLength": 1}
_WRITING = {
    "max_tokens": {"type": ["integer", "null"], "minimum": 1},
    "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": 2},
    "top_p": {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 1},
    "stop": {"anyOf": [_TEXT, {"type": "array", "maxItems": 16, "items": _TEXT}, {"type": "null"}]},
    "seed": {"type": ["integer", "null"]},
    "n": {"type": ["integer", "null"], "minimum": 1, "maximum": 128},
    "stream": {"type": ["boolean", "null"]},
    "stream_options": {"type": ["object", "null"], "properties": {"include_usage": {"type": "boolean"}}},
}
_MESSAGE = {
    "type": "object",
    "required": ["role", "content"],
    "properties": {
        "role": {"enum": ["system", "developer", "user", "assistant"]},
        "content": {"type": ["string", "array"]},
    },
}
SCHEMAS: dict[str, Any] = {
    "OpenAIError": {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["message", "type", "param", "code"],
                "properties": {
                    "message": {"type": "string"},
                    "type": {"type": "string"},
                    "param": {"type": ["string", "null"]},
                    "code": {"type": ["string", "null"]},
                },
            }
        },
    },
    "ChatRequest": {
        "type": "object",
        "required": ["model", "messages"],
        "properties": {
            "model": _MODEL,
            "messages": {"type": "array", "minItems": 1, "items": _MESSAGE},
            "max_completion_tokens": _WRITING["max_tokens"],
            **_WRITING,
        },
    },
    "CompletionRequest": {
        "type": "object",
        "required": ["model", "prompt"],
        "properties": {"model": _MODEL, "prompt": {"type": ["string", "array"]}, **_WRITING},
    },
    "EmbeddingRequest": {
        "type": "object",
        "required": ["model", "input"],
        "properties": {
            "model": _MODEL,
            "input": {"anyOf": [_TEXT, {"type": "array", "minItems": 1, "maxItems": 2048, "items": _TEXT}]},
            "encoding_format": {"enum": ["float", "base64", None]},
        },
    },
    "Error": {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}},
    "Tensor": _TENSOR,
    "V1Request": {"type": "object", "properties": {"instances": {"type": "array"}}},
    "V1Answer": {},
    "V2Request": {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string"},
            "inputs": {"type": "array", "minItems": 1, "items": _reference("Tensor")},
            "outputs": {"type": "array", "items": {"type": "object"}},
        },
    },
    "V2Answer": {
        "type": "object",
        "required": ["model_name", "outputs"],
        "properties": {
            "model_name": {"type": "string"},
            "model_version": {"type": "string"},
            "id": {"type": "string"},
            "outputs": {"type": "array", "items": _reference("Tensor")},
        },
    },
}
