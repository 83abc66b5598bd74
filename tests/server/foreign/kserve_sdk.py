"""The KServe SDK's REST and gRPC clients: `kserve_sdk.py HTTP_PORT GRPC_PORT`."""
# ruff: noqa: PT017 -- a script, without pytest

from __future__ import annotations

import asyncio
import sys

import grpc
import httpx
import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

DTYPES = {
    "FP16": "f2",
    "FP32": "f4",
    "FP64": "f8",
    "INT8": "i1",
    "INT32": "i4",
    "INT64": "i8",
    "UINT8": "u1",
    "UINT64": "u8",
}


def request(values: np.ndarray, datatype: str, *, binary: bool, model: str = "numbers") -> InferRequest:
    given = InferInput("x", list(values.shape), datatype)
    given.set_data_from_numpy(values, binary_data=binary)
    wanted = RequestedOutput("doubled", parameters={"binary_data": binary})
    return InferRequest(model, [given], request_id="mine", request_outputs=[wanted])


def cases() -> list[tuple[np.ndarray, str]]:
    return [(np.arange(6).astype(dtype).reshape(2, 3), datatype) for datatype, dtype in DTYPES.items()]


async def rest(url: str) -> None:
    v1 = InferenceRESTClient(RESTConfig(protocol="v1", retries=0))
    assert await v1.is_server_live(url)
    assert await v1.is_model_ready(url, "echo")
    assert await v1.infer(url, {"instances": [1, "é"]}, model_name="echo") == {"predictions": [1, "é"]}
    v2 = InferenceRESTClient(RESTConfig(protocol="v2", retries=0))
    assert await v2.is_server_live(url)
    assert await v2.is_server_ready(url)
    assert await v2.is_model_ready(url, "numbers")
    for binary in (True, False):
        for values, datatype in cases():
            if datatype == "FP16" and not binary:
                continue  # the SDK has no JSON form of it
            answer = await v2.infer(url, request(values, datatype, binary=binary), model_name="numbers")
            assert answer.id == "mine"
            np.testing.assert_array_equal(answer.outputs[0].as_numpy(), values * 2)
            assert answer.outputs[0].datatype == datatype
    try:
        await v2.infer(url, request(np.ones(1, "f4"), "FP32", binary=True, model="nobody"), model_name="nobody")
    except httpx.HTTPStatusError as error:
        assert error.response.status_code == 404
    else:
        raise AssertionError("an unknown model answered")


async def rpc(address: str) -> None:
    async with InferenceGRPCClient(address, retries=0, timeout=20) as client:
        assert await client.is_server_live()
        assert await client.is_server_ready()
        assert await client.is_model_ready("numbers")
        for binary in (True, False):
            for values, datatype in cases():
                if datatype == "FP16" and not binary:
                    continue
                answer = await client.infer(request(values, datatype, binary=binary))
                assert answer.id == "mine"
                np.testing.assert_array_equal(answer.outputs[0].as_numpy(), values * 2)
        try:
            await client.infer(request(np.ones(1, "f4"), "FP32", binary=True, model="nobody"))
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.NOT_FOUND
        else:
            raise AssertionError("an unknown model answered")


asyncio.run(rest(f"http://127.0.0.1:{sys.argv[1]}"))
asyncio.run(rpc(f"127.0.0.1:{sys.argv[2]}"))
