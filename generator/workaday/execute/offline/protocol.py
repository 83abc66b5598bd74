"""The plugin protocol's messages, built at run time from the published definition.

`tfplugin6.binpb` is `tfplugin6.proto` compiled, without generated code: generated stubs insist on the protobuf release
that made them, which would exclude other packages' stubs from the same environment. The pool is our own, so that
another package that registers `tfplugin6` does not clash with it either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import grpc
    from google.protobuf.message import Message

SERVICE = "tfplugin6.Provider"
DESCRIPTION = Path(__file__).with_name("tfplugin6.binpb")
# Nested values of Schema.NestedBlock.NestingMode and Schema.Object.NestingMode, by the JSON's words.
NESTING = {"single": 1, "list": 2, "set": 3, "map": 4, "group": 5}
ERROR = 1

Method = Callable[[Any, Any], Any]


@cache
def _pool() -> Any:
    from google.protobuf import descriptor_pb2, descriptor_pool

    files = descriptor_pb2.FileDescriptorSet.FromString(DESCRIPTION.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for each in files.file:
        pool.AddSerializedFile(each.SerializeToString())
    return pool


@cache
def message(name: str) -> type[Any]:
    """Return a message's class by its name in the protocol, such as `Schema.Block`."""
    from google.protobuf import message_factory

    found: type[Message] = message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"tfplugin6.{name}"))
    return found


def steps(path: Iterable[str | int]) -> list[dict[str, Any]]:
    """Return a path as an AttributePath's steps."""
    return [{"element_key_int": each} if isinstance(each, int) else {"attribute_name": each} for each in path]


def diagnostic(summary: str, detail: str = "", path: Iterable[str | int] = ()) -> Any:
    """Return an error, at an attribute where `path` names one."""
    where = {"steps": steps(path)} if path else None
    return message("Diagnostic")(severity=ERROR, summary=summary, detail=detail, attribute=where)


def handlers(methods: Iterable[tuple[str, Method]]) -> grpc.GenericRpcHandler:
    """Return gRPC handlers for calls by name; a method that returns bytes has encoded its answer itself."""
    import grpc

    def encode(answer: Any) -> bytes:
        encoded: bytes = answer if isinstance(answer, bytes) else answer.SerializeToString()
        return encoded

    return grpc.method_handlers_generic_handler(
        SERVICE,
        {
            name: grpc.unary_unary_rpc_method_handler(
                method, request_deserializer=message(f"{name}.Request").FromString, response_serializer=encode
            )
            for name, method in methods
        },
    )
