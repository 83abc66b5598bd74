"""EfficientNet-Lite0, a convolutional network for images; batch normalization is folded into the convolutions."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

IMAGE_SIZE = 224


class Stage(NamedTuple):
    """A run of blocks; only the first of them takes `inputs` channels and `stride`."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    inputs: int
    outputs: int


# Table 1 of the EfficientNet paper at width and depth 1; Lite leaves squeeze-and-excitation out and clips at 6.
STAGES = (
    Stage(1, 3, 1, 1, 32, 16),
    Stage(2, 3, 2, 6, 16, 24),
    Stage(2, 5, 2, 6, 24, 40),
    Stage(3, 3, 2, 6, 40, 80),
    Stage(3, 5, 1, 6, 80, 112),
    Stage(4, 5, 2, 6, 112, 192),
    Stage(1, 3, 1, 6, 192, 320),
)


class SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding: where the stride makes it uneven, more goes right and below."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, padding=kernel // 2 if stride == 1 else 0, groups=groups)

    def forward(self, input: Tensor) -> Tensor:
        if self.stride[0] > 1:
            height, width = (self._padding(size) for size in input.shape[-2:])
            input = F.pad(input, (*width, *height))
        return super().forward(input)

    def _padding(self, size: int) -> tuple[int, int]:
        steps = -(-size // self.stride[0]) - 1
        total = max(steps * self.stride[0] + self.kernel_size[0] - size, 0)
        return total // 2, total - total // 2


class Block(nn.Module):
    """An inverted bottleneck: widen, convolve each channel alone, narrow; with a shortcut where the shape stays."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        width = inputs * expansion
        self.shortcut = stride == 1 and inputs == outputs
        self.expand = SameConv2d(inputs, width, 1) if expansion > 1 else None
        self.depthwise = SameConv2d(width, width, kernel, stride, groups=width)
        self.project = SameConv2d(width, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        wide = x if self.expand is None else F.relu6(self.expand(x))
        narrow: Tensor = self.project(F.relu6(self.depthwise(wide)))
        return x + narrow if self.shortcut else narrow


class Lite0(nn.Module):
    """Images to the 1,000 ImageNet classes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv2d(3, 32, 3, stride=2)
        self.blocks = nn.Sequential(
            *(
                Block(
                    stage.inputs if index == 0 else stage.outputs,
                    stage.outputs,
                    stage.kernel,
                    stage.stride if index == 0 else 1,
                    stage.expansion,
                )
                for stage in STAGES
                for index in range(stage.repeats)
            )
        )
        self.head = SameConv2d(320, 1280, 1)
        self.classify = nn.Linear(1280, 1000)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [batch, 1000] of uint8 RGB images [batch, height, width, 3]."""
        # Permuted, not copied: these are the strides that torch's channels_last kernels want.
        x = (images.permute(0, 3, 1, 2).to(self.stem.weight.dtype) - 127) / 128
        x = self.blocks(F.relu6(self.stem(x)))
        logits: Tensor = self.classify(torch.mean(F.relu6(self.head(x)), dim=(2, 3)))
        return logits
