"""Serve the pinned providers on the loopback address for the Terraform that this process starts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

from workaday.project.diagnostics import Diagnostic, ProjectError

REGISTRIES = ("registry.terraform.io", "registry.opentofu.org")
MESSAGE_BYTES = 64 << 20


@contextmanager
def serving() -> Iterator[dict[str, str]]:
    """Serve every pinned provider; yields the environment variable by which Terraform finds them.

    A loopback port, not a Unix socket: only there can two configurations of one provider be told apart.

    Raises ProjectError (X140): the packages of the extra `offline` are missing.
    """
    need_packages()
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # we start Terraform by exec, which needs none of it
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    from concurrent import futures

    import grpc

    from workaday.execute.offline.protocol import handlers
    from workaday.execute.offline.provider import Provider
    from workaday.execute.offline.schema import load, schema_files

    pool = futures.ThreadPoolExecutor(8)
    options = [("grpc.max_send_message_length", MESSAGE_BYTES), ("grpc.max_receive_message_length", MESSAGE_BYTES)]
    servers, addresses = [], {}
    try:
        for name in schema_files():
            server = grpc.server(pool, options=options)
            server.add_generic_rpc_handlers((handlers(Provider(name, load).methods()),))
            addresses[name] = server.add_insecure_port("127.0.0.1:0")
            server.start()
            servers.append(server)
        yield {"TF_REATTACH_PROVIDERS": json.dumps(_reattach(addresses))}
    finally:
        for stopping in [server.stop(None) for server in servers]:
            stopping.wait()
        pool.shutdown()


def need_packages() -> None:
    """Raise ProjectError (X140) where the packages of the extra `offline` are missing."""
    from importlib.util import find_spec

    missing = [name for name in ("grpc", "google.protobuf", "msgpack") if not _found(find_spec, name)]
    if missing:
        hint = "pip install 'workaday[offline]'"
        message = f"the offline plan needs Python packages that are not installed: {', '.join(missing)}"
        raise ProjectError([Diagnostic(code="X140", message=message, hints=(hint,))])


def _found(find_spec: object, name: str) -> bool:
    try:
        return find_spec(name) is not None  # type: ignore[operator]
    except ModuleNotFoundError:  # the parent package `google` is missing
        return False


def _reattach(ports: dict[str, int]) -> dict[str, object]:
    return {
        f"{registry}/hashicorp/{name}": {
            "Protocol": "grpc",
            "ProtocolVersion": 6,
            "Pid": os.getpid(),
            "Test": True,
            "Addr": {"Network": "tcp", "String": f"127.0.0.1:{port}"},
        }
        for name, port in ports.items()
        for registry in REGISTRIES
    }
