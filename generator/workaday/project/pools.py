"""Pools: the nodes that models run on."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from .units import Distinct, Memory, Name, Part, Rare, refuse


class Accelerator(Part):
    """The GPUs of each node."""

    type: str = Field(min_length=1, description="The GPU: `T4`, `L4`, `A10G`, `A100`, `H100`, ...")
    count: int | None = Field(None, ge=1, le=16, description="How many a node.")
    share: Literal["none", "time_slicing", "mig"] | None = Field(None, description="How pods share a GPU.")
    clients: int | None = Field(None, ge=2, le=48, description="How many pods share a GPU, for `time_slicing`.")
    partition: str | None = Field(None, min_length=1, description="The size of each part, for `mig`: `1g.10gb`.")
    driver: Literal["cloud", "operator"] | None = Field(
        None, description="Who installs the driver: the cloud's image, or NVIDIA's GPU operator."
    )


class Nodes(Part):
    """How many nodes a pool may have, of any capacity type."""

    min: int | None = Field(None, ge=0, le=5000, description="The fewest nodes.")
    max: int = Field(ge=1, le=5000, description="The most nodes.")


class Spot(Part):
    """Nodes that the cloud may take back; `true` takes every default."""

    on_demand_base: int | None = Field(None, ge=0, description="How many nodes stay on demand.")
    fallback: Literal["on_demand", "none"] | None = Field(None, description="What runs when no spot node is to be had.")
    max_price: float | None = Field(None, gt=0, description="The most to pay for a node, in US dollars an hour.")


class Reservation(Part):
    """Capacity that was reserved beforehand."""

    id: str = Field(min_length=1, description="The reservation, by its id (aws) or name (gcp, azure).")
    block: bool = Field(False, description="It is a capacity block (aws): bought for a time, and gone after it.")


def _reservation(value: object) -> object:
    return {"id": value} if isinstance(value, str) else value


def _spot(value: object) -> object:
    if isinstance(value, bool):
        return {} if value else None
    if value is not None and not isinstance(value, dict | Spot):
        refuse("type", "`true`, `false` or a map", "write `spot: true` or `spot: {on_demand_base: 1}`")
    return value


def _accelerator(value: object) -> object:
    return {"type": value} if isinstance(value, str) else value


class Pool(Rare):
    """Nodes of one shape."""

    name: Name = Field(description="What models call it.")
    accelerator: (
        Annotated[Accelerator, BeforeValidator(_accelerator, json_schema_input_type=str | Accelerator)] | None
    ) = Field(None, description="The GPUs of each node; `L4` is short for one L4.")
    instances: Distinct[str] | None = Field(None, description="Instance types, instead of `accelerator`.")
    nodes: Nodes | None = Field(None, description="How many nodes.")
    zones: Distinct[str] | None = Field(None, description="The zones it may use, if not the platform's.")
    spot: Annotated[Spot | None, BeforeValidator(_spot, json_schema_input_type=bool | Spot | None)] = Field(
        None, description="Spot nodes; absent, all are on demand."
    )
    reservation: (
        Annotated[Reservation, BeforeValidator(_reservation, json_schema_input_type=str | Reservation)] | None
    ) = Field(None, description="A capacity reservation, by its id; for a block, `{id: ..., block: true}`.")
    image: Literal["al2023", "bottlerocket", "cos", "ubuntu", "azurelinux"] | None = Field(
        None, description="The nodes' operating system, one of the cloud's own."
    )
    placement: Literal["compact"] | None = Field(
        None, description="`compact`: nodes close to each other, for work across nodes."
    )
    disk: Memory | None = Field(None, description="Each node's disk.")

    @model_validator(mode="after")
    def _shape(self) -> Self:
        if self.accelerator and self.instances:
            refuse(
                "conflict", "`accelerator` and `instances` both say what the nodes are", "remove one", key="instances"
            )
        if not self.accelerator and not self.instances:
            refuse("absent", "`accelerator` or `instances` is missing", "say what the nodes are")
        return self
