"""What serves a model: a tagged union, each kind with its own keys."""

from typing import Annotated, Literal

from pydantic import Field

from .units import FilePath, ImageRef, Part, Seq, UrlPath

Args = dict[str, str | int | float | bool]


class Torch(Part):
    """Workaday's own server: a Python class with `predict`."""

    kind: Literal["torch"] = Field(description="Workaday's own server runs a Python class.")
    predictor: FilePath = Field(description="The Python file that holds the predictor, relative to this file.")
    class_: str | None = Field(None, alias="class", min_length=1, description="The predictor's class.")
    requirements: FilePath | None = Field(None, description="Python packages beside those of the server.")
    grpc: bool | None = Field(None, description="The Open Inference Protocol over gRPC too.")
    image: ImageRef | None = Field(None, description="An image made elsewhere, instead of the one Workaday builds.")


class Runtime(Part):
    """What servers that are ready-made images have in common."""

    image: ImageRef | None = Field(None, description="Another image than the runtime's own.")
    args: Args | None = Field(None, description="The server's options: `{quantization: awq}` is `--quantization=awq`.")


class Vllm(Runtime):
    """vLLM: large language models with an OpenAI-compatible API."""

    kind: Literal["vllm"] = Field(description="vLLM serves large language models.")


class HuggingFace(Runtime):
    """KServe's Hugging Face server."""

    kind: Literal["huggingface"] = Field(description="KServe's Hugging Face server.")
    task: str | None = Field(None, description="The task, where the model's own configuration does not say it.")


class Triton(Runtime):
    """NVIDIA Triton."""

    kind: Literal["triton"] = Field(description="NVIDIA Triton serves a model repository.")


class TensorFlow(Runtime):
    """TensorFlow Serving."""

    kind: Literal["tensorflow"] = Field(description="TensorFlow Serving serves a SavedModel.")


class TorchServe(Runtime):
    """TorchServe, for archives made for it."""

    kind: Literal["torchserve"] = Field(description="TorchServe serves a model archive.")


class Container(Part):
    """Any container that serves HTTP."""

    kind: Literal["container"] = Field(description="Any container that serves HTTP.")
    image: ImageRef = Field(description="The image.")
    command: Seq[str] | None = Field(None, description="Instead of the image's entry point.")
    args: Seq[str] | None = Field(None, description="The command's arguments.")
    port: int | None = Field(None, ge=1, le=65535, description="The port that it listens on.")
    ready: UrlPath | None = Field(None, description="The path that answers 200 once it can serve.")


Server = Annotated[
    Torch | Vllm | HuggingFace | Triton | TensorFlow | TorchServe | Container, Field(discriminator="kind")
]
