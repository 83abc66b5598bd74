"""The gRPC side of the server: Open Inference Protocol's service, before the same queues as HTTP's.

Imported only where the configuration has a `grpc_port`. Plain text like the HTTP port: TLS is the mesh's or the
ingress's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Any

import grpc

from workaday_server.app import App, Target, server_metadata
from workaday_server.config import ServerConfig
from workaday_server.errors import ServerError, StartError
from workaday_server.messages import Request, Response
from workaday_server.protocols import messages_pb as pb
from workaday_server.protocols.v2_grpc import Envelope, parsed
from workaday_server.streams import Stream

METHOD = f"/{pb.SERVICE}/ModelInfer"
ENVELOPE_BYTES = 64 * 1024  # what a message may have beside the largest model's body
IDENTITY_ONLY = 1  # the set of compressions taken: none. A few bytes may unpack to gigabytes
CODES = {
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    405: grpc.StatusCode.UNIMPLEMENTED,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,  # as gRPC itself says of a message that is too large
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
Context = Any  # grpc.aio.ServicerContext; grpcio has no types of its own


class RpcServer:
    """Listens on the configuration's `grpc_port`.

    Raises:
        StartError: the port cannot be had.
    """

    def __init__(self, app: App, config: ServerConfig) -> None:
        self._app = app
        largest = max((model.limits.body_bytes for model in config.models), default=0)
        options = [
            ("grpc.so_reuseport", 0),  # a taken port is an error, not a share of its callers
            ("grpc.max_receive_message_length", largest + ENVELOPE_BYTES),
            ("grpc.max_send_message_length", -1),
            ("grpc.compression_enabled_algorithms_bitset", IDENTITY_ONLY),
        ]
        self._server = grpc.aio.server(options=options)
        methods: dict[str, Callable[[bytes, Context], Awaitable[bytes]]] = {
            "ServerLive": self._live,
            "ServerReady": self._ready,
            "ModelReady": self._model_ready,
            "ServerMetadata": self._metadata,
            "ModelMetadata": self._model_metadata,
            "ModelInfer": self._infer,
        }
        handlers = {name: grpc.unary_unary_rpc_method_handler(method) for name, method in methods.items()}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(pb.SERVICE, handlers),))
        host = f"[{config.host}]" if ":" in config.host else config.host
        try:
            self._server.add_insecure_port(f"{host}:{config.grpc_port}")
        except RuntimeError:
            raise StartError(f"cannot listen for gRPC on {host}:{config.grpc_port}") from None

    async def start(self) -> None:
        """Take calls."""
        await self._server.start()

    async def stop(self, seconds: float) -> None:
        """Take no new call, and wait until those under way have ended, or time runs out."""
        await self._server.stop(max(0.0, seconds))

    async def _live(self, data: bytes, context: Context) -> bytes:
        return _bytes(pb.ServerLiveResponse(live=True))

    async def _ready(self, data: bytes, context: Context) -> bytes:
        return _bytes(pb.ServerReadyResponse(ready=self._app.ready))

    async def _metadata(self, data: bytes, context: Context) -> bytes:
        return _bytes(pb.ServerMetadataResponse(**server_metadata()))

    async def _model_ready(self, data: bytes, context: Context) -> bytes:
        async def answer() -> bytes:
            asked = parsed(pb.ModelReadyRequest, data)
            model = self._app.model(asked.name, asked.version or None)
            return _bytes(pb.ModelReadyResponse(ready=self._app.is_ready(model)))

        return await _refused_by_code(answer, context)

    async def _model_metadata(self, data: bytes, context: Context) -> bytes:
        async def answer() -> bytes:
            asked = parsed(pb.ModelMetadataRequest, data)
            about = self._app.describe(self._app.model(asked.name, asked.version or None))
            return _bytes(pb.ModelMetadataResponse(**about))

        return await _refused_by_code(answer, context)

    async def _answer(self, request: Request, target: Target) -> Response:
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

        def reply(response: Response) -> None:
            if not future.done():
                future.set_result(response)

        forget = self._app.answer_for(request, target, _plain, reply)
        try:
            return await future
        except asyncio.CancelledError:
            if forget is not None:
                forget()
            raise

    async def _infer(self, data: bytes, context: Context) -> bytes:
        async def answer() -> bytes:
            envelope = Envelope(data)
            headers = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
            request = Request("POST", METHOD, "", headers, perf_counter())
            request.body = data
            remaining = context.time_remaining()
            request.timeout = float("inf") if remaining is None else remaining
            target = Target("grpc", "predict", envelope.model, envelope.version or None)
            response = await self._answer(request, target)
            trailing = [(key, value) for key, value in response.headers.items() if key == "retry-after"]
            context.set_trailing_metadata((*trailing, ("x-request-id", request.id)))
            return await _sent(response, context)

        return await _refused_by_code(answer, context)


async def _sent(response: Response, context: Context) -> bytes:
    if response.stream is not None:
        if isinstance(response.stream, Stream):
            response.stream.close()
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "this answer is a stream; ask for it over HTTP")
    if response.status >= 400:
        await context.abort(_code(response.status), response.body.decode("utf-8", "replace"))
    return response.body


async def _refused_by_code(answer: Callable[[], Awaitable[bytes]], context: Context) -> bytes:
    try:
        return await answer()
    except ServerError as error:
        await context.abort(_code(error.status), error.message)
        raise asyncio.CancelledError from None  # not reached: `abort` raises


def _plain(error: ServerError, headers: Mapping[str, str]) -> Response:
    return Response(error.message.encode(), error.status, "text/plain", headers)


def _code(status: int) -> grpc.StatusCode:
    return CODES.get(status, grpc.StatusCode.INVALID_ARGUMENT if status < 500 else grpc.StatusCode.INTERNAL)


def _bytes(message: Any) -> bytes:
    serialized: bytes = message.SerializeToString()
    return serialized
