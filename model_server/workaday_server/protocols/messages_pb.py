"""The Open Inference Protocol's gRPC messages, described at run time.

The service's name and the fields' names and numbers are those of the published definition,
`specification/protocol/open_inference_grpc.proto` of github.com/kserve/open-inference-protocol (Apache-2.0), revision
29ca333. They are registered in a pool of our own: the KServe SDK and Triton's client put files and messages of these
names into protobuf's default one, and a predictor may import either. `parameters` are left out: nothing here reads
them, and protobuf passes over fields that it does not know.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICE = "inference.GRPCInferenceService"
RAW_INPUT, RAW_OUTPUT = 7, 6  # `raw_input_contents`, `raw_output_contents`: read and written beside protobuf
_TENSOR = "name:1:string datatype:2:string shape:3:*int64"
_FIELDS = {
    "ServerLiveResponse": "live:1:bool",
    "ServerReadyResponse": "ready:1:bool",
    "ModelReadyRequest": "name:1:string version:2:string",
    "ModelReadyResponse": "ready:1:bool",
    "ServerMetadataResponse": "name:1:string version:2:string extensions:3:*string",
    "ModelMetadataRequest": "name:1:string version:2:string",
    "TensorMetadata": _TENSOR,
    "ModelMetadataResponse": (
        "name:1:string versions:2:*string platform:3:string inputs:4:*TensorMetadata outputs:5:*TensorMetadata"
    ),
    "InferTensorContents": (
        "bool_contents:1:*bool int_contents:2:*int32 int64_contents:3:*int64 uint_contents:4:*uint32 "
        "uint64_contents:5:*uint64 fp32_contents:6:*float fp64_contents:7:*double bytes_contents:8:*bytes"
    ),
    "InferTensor": f"{_TENSOR} contents:5:InferTensorContents",
    "InferRequestedOutputTensor": "name:1:string",
    "ModelInferRequest": (
        "model_name:1:string model_version:2:string id:3:string inputs:5:*InferTensor "
        "outputs:6:*InferRequestedOutputTensor"
    ),
    "ModelInferResponse": "model_name:1:string model_version:2:string id:3:string outputs:5:*InferTensor",
}


def _described() -> dict[str, Any]:
    field_of = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="open_inference.proto", package="inference", syntax="proto3")
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for each in fields.split():
            called, number, kind = each.split(":")
            label = field_of.LABEL_REPEATED if kind.startswith("*") else field_of.LABEL_OPTIONAL
            field = message.field.add(name=called, number=int(number), label=label)
            kind = kind.removeprefix("*")
            if kind in _FIELDS:
                field.type, field.type_name = field_of.TYPE_MESSAGE, f".inference.{kind}"
            else:
                field.type = getattr(field_of, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    find = pool.FindMessageTypeByName
    return {name: message_factory.GetMessageClass(find(f"inference.{name}")) for name in _FIELDS}


_CLASSES = _described()
ServerLiveResponse = _CLASSES["ServerLiveResponse"]
ServerReadyResponse = _CLASSES["ServerReadyResponse"]
ModelReadyRequest = _CLASSES["ModelReadyRequest"]
ModelReadyResponse = _CLASSES["ModelReadyResponse"]
ServerMetadataResponse = _CLASSES["ServerMetadataResponse"]
ModelMetadataRequest = _CLASSES["ModelMetadataRequest"]
ModelMetadataResponse = _CLASSES["ModelMetadataResponse"]
ModelInferRequest = _CLASSES["ModelInferRequest"]
ModelInferResponse = _CLASSES["ModelInferResponse"]
