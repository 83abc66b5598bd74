"""`server.grpc` gives a process a second port, which is checked, shared by its models, and gone with the key."""

from __future__ import annotations

import socket

import grpc

OFFSET = 1000


def live(port: int) -> bool:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            channel.unary_unary("/inference.GRPCInferenceService/ServerLive")(b"", timeout=10)
        except grpc.RpcError:
            return False
    return True


def test_a_second_port_while_a_model_asks_for_it(project) -> None:
    project.model("a", server={"grpc": True})
    with socket.socket() as other:
        other.bind(("127.0.0.1", project.port + OFFSET))
        other.listen()
        refused = project.run("plan")
        assert f"port {project.port + OFFSET} is taken" in refused.stderr
    project.up()
    assert project.state()["grpc_port"] == project.port + OFFSET
    assert live(project.port + OFFSET)
    assert "nothing to do" in project.ok("plan")
    project.model("a")
    project.up()
    assert project.state()["grpc_port"] is None
    assert not live(project.port + OFFSET)
