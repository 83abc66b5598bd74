"""How large a KV cache is where nobody says."""

from __future__ import annotations

from pathlib import Path

import torch

from workaday_server.generation.attention import Shape

SEQUENCE_TOKENS = 2048  # what a sequence may have by default, where the network's context is longer
SHARE = {"cpu": 0.25}  # of the memory that is free
SHARE_GPU = 0.8
CGROUP = Path("/sys/fs/cgroup")


def default_bytes(shape: Shape, max_batch: int, token_bytes: int, device: torch.device) -> int:
    """Return what `max_batch` long sequences need, and at most a share of the memory that is free on the device."""
    wanted = max_batch * min(shape.context, SEQUENCE_TOKENS) * token_bytes
    return min(wanted, int(SHARE.get(device.type, SHARE_GPU) * free_bytes(device)))


def free_bytes(device: torch.device) -> int:
    """Return how much memory is free on a device; on a CPU, by the container's limit too."""
    if device.type != "cpu":
        free: int = torch.cuda.mem_get_info(device)[0]
        return free
    fields = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    free = int(fields["MemAvailable"].split()[0]) * 1024
    try:
        limit, used = ((CGROUP / each).read_text().strip() for each in ("memory.max", "memory.current"))
        return min(free, int(limit) - int(used))
    except (OSError, ValueError):
        return free
