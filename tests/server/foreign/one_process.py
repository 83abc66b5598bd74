"""The SDK's, Triton's and our messages of the same names in one process, imported in both orders."""

from __future__ import annotations

import importlib
import sys

NAMES = [
    "kserve.protocol.grpc.grpc_predict_v2_pb2",
    "tritonclient.grpc.service_pb2",
    "workaday_server.protocols.messages_pb",
]

# The SDK's and Triton's own clash with each other; each must live beside ours, whichever comes first.
chosen = [NAMES[int(number)] for number in sys.argv[1]]
made = [importlib.import_module(name).ModelInferRequest(model_name="é", id="7") for name in chosen]
assert len({each.SerializeToString() for each in made}) == 1
