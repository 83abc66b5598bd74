"""Amounts as Kubernetes writes them."""

from __future__ import annotations

UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def quantity(count: int) -> str:
    """Return bytes as Kubernetes writes them, in the largest unit that loses nothing."""
    unit = next((unit for unit in ("Gi", "Mi", "Ki") if count % UNITS[unit] == 0), "")
    return f"{count // UNITS.get(unit, 1)}{unit}"


def cores(count: float) -> str:
    """Return CPU cores as Kubernetes writes them: whole ones, or thousandths."""
    return f"{count:g}" if float(count).is_integer() else f"{round(count * 1000)}m"
