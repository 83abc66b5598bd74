"""Whose project it is on a cluster that several share: groups, and how much they may take."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from .units import Cpu, Distinct, Memory, Part, Rare, refuse

GroupName = Annotated[str, Field(min_length=1, max_length=253)]


class Quota(Part):
    """The most that all pods of the namespace ask for together."""

    cpu: Cpu | None = Field(None, description="CPU cores.")
    memory: Memory | None = Field(None, description="Memory.")
    gpus: int | None = Field(None, ge=0, description="GPUs.")
    pods: int | None = Field(None, ge=1, description="Pods.")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            refuse("range", "`quota` says nothing", "give it `cpu`, `memory`, `gpus` or `pods`")
        return self


class Team(Rare):
    """Who may do what in the project's namespace, and how much it may take."""

    viewers: Distinct[GroupName] = Field((), description="Groups that may look: status and logs, never Secrets.")
    deployers: Distinct[GroupName] = Field((), description="Groups that may `apply`, and keep keys.")
    quota: Quota | None = Field(None, description="The most that it may take.")
