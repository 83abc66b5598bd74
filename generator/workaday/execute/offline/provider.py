"""One provider: answers Terraform's calls from the pinned schemas and calls nobody itself."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from workaday.execute.offline import data_sources, made_up, planning
from workaday.execute.offline.behaviour import Rules, behaviour
from workaday.execute.offline.checking import findings
from workaday.execute.offline.known import context_of, known_at_plan
from workaday.execute.offline.policy_document import PolicyError
from workaday.execute.offline.protocol import Method, diagnostic, message, steps
from workaday.execute.offline.replacing import forced
from workaday.execute.offline.schema import Block, ProviderSchema
from workaday.execute.offline.values import conformed, decode, encode


class Provider:
    """The calls of the plugin protocol over one provider's schemas.

    Plans are marked as those of the providers' SDK are, which may say more than the configuration does: defaults.

    Each configuration of the provider in Terraform (an alias) has a connection of its own, by which it is known here.
    """

    def __init__(self, name: str, load: Callable[[str], ProviderSchema]) -> None:
        self._name = name
        self._load = load
        self._contexts: dict[str, Mapping[str, Any]] = {}
        self._made: dict[str, Counter[str]] = {}

    @property
    def schema(self) -> ProviderSchema:
        """The schemas, read when Terraform first asks for them: most roots use few of the providers."""
        return self._load(self._name)

    def methods(self) -> list[tuple[str, Method]]:
        """Return the calls that are answered, by name."""
        names = [
            "GetMetadata",
            "GetProviderSchema",
            "GetResourceIdentitySchemas",
            "GetFunctions",
            "ValidateProviderConfig",
            "ValidateResourceConfig",
            "ValidateDataResourceConfig",
            "ConfigureProvider",
            "UpgradeResourceState",
            "ReadResource",
            "PlanResourceChange",
            "ApplyResourceChange",
            "ImportResourceState",
            "MoveResourceState",
            "ReadDataSource",
            "StopProvider",
        ]
        return [(name, getattr(self, name)) for name in names]

    # The names are the protocol's.

    def GetMetadata(self, request: Any, call: Any) -> Any:
        """Return which types there are."""
        return message("GetMetadata.Response")(
            resources=[{"type_name": kind} for kind in self.schema.kinds()],
            data_sources=[{"type_name": kind} for kind in self.schema.data_kinds()],
            server_capabilities={"get_provider_schema_optional": True, "move_resource_state": True},
        )

    def GetProviderSchema(self, request: Any, call: Any) -> bytes:
        """Return all schemas."""
        return self.schema.encoded

    def GetResourceIdentitySchemas(self, request: Any, call: Any) -> Any:
        """Return none: the pinned schemas have no identities."""
        return message("GetResourceIdentitySchemas.Response")()

    def GetFunctions(self, request: Any, call: Any) -> Any:
        """Return none: no module of ours calls a provider's function."""
        return message("GetFunctions.Response")()

    def ValidateProviderConfig(self, request: Any, call: Any) -> Any:
        """Accept it: Terraform has checked its shape, and no credential is needed."""
        return message("ValidateProviderConfig.Response")()

    def ValidateResourceConfig(self, request: Any, call: Any) -> Any:
        """Find what Terraform leaves to the provider."""
        rules = behaviour(self._name, request.type_name).rules
        found = self._findings(self.schema.resource(request.type_name), decode(request.config), rules)
        return message("ValidateResourceConfig.Response")(diagnostics=found)

    def ValidateDataResourceConfig(self, request: Any, call: Any) -> Any:
        """Find what Terraform leaves to the provider."""
        found = self._findings(self.schema.data_source(request.type_name), decode(request.config), {})
        return message("ValidateDataResourceConfig.Response")(diagnostics=found)

    def ConfigureProvider(self, request: Any, call: Any) -> Any:
        """Keep what the provider block says: region, project, default tags."""
        self._contexts[call.peer()] = context_of(self._name, decode(request.config))
        self._made[call.peer()] = Counter()
        return message("ConfigureProvider.Response")()

    def UpgradeResourceState(self, request: Any, call: Any) -> Any:
        """Bring a stored state into the shape of the pinned schema."""
        state = conformed(json.loads(request.raw_state.json or b"null"), self.schema.resource(request.type_name).type)
        return message("UpgradeResourceState.Response")(upgraded_state=encode(state))

    def ReadResource(self, request: Any, call: Any) -> Any:
        """Return the state as it is: nobody is asked."""
        return message("ReadResource.Response")(new_state=request.current_state, private=request.private)

    def PlanResourceChange(self, request: Any, call: Any) -> Any:
        """Return what the resource will be, and which changes make a new one."""
        proposed, prior = decode(request.proposed_new_state), decode(request.prior_state)
        if proposed is None:
            return message("PlanResourceChange.Response")(planned_state=request.proposed_new_state)
        block, config = self.schema.resource(request.type_name), decode(request.config)
        known = known_at_plan(self._name, config, self._context(call))
        manners = behaviour(self._name, request.type_name)
        recomputed = planning.RECOMPUTED.get(request.type_name, ())
        state = planning.planned(
            proposed, prior, config, block, known=known, defaults=manners.defaults, recomputed=recomputed
        )
        answer = message("PlanResourceChange.Response")(planned_state=encode(state), legacy_type_system=True)
        if prior is not None:
            for path in forced(state, prior, manners.replacing, block):
                answer.requires_replace.add(steps=steps(path))
        return answer

    def ApplyResourceChange(self, request: Any, call: Any) -> Any:
        """Return the planned state with made-up values for what only a cloud could say."""
        state = decode(request.planned_state)
        if state is not None:
            kind = request.type_name
            seed = made_up.digest(json.dumps([kind, state], sort_keys=True, default=str), 32)
            made = self._made[call.peer()]
            made[seed] += 1  # two resources may say the same and still be two
            state = planning.settled(state, self.schema.resource(kind).type, "", f"{seed}.{made[seed]}", kind)
        return message("ApplyResourceChange.Response")(new_state=encode(state), legacy_type_system=True)

    def ImportResourceState(self, request: Any, call: Any) -> Any:
        """Return a resource of which the id alone is known."""
        kind = request.type_name
        block = self.schema.resource(kind)
        empty = conformed({}, block.type) | {
            name: [] for name, nested in block.blocks.items() if nested.mode in ("list", "set")
        }
        state = empty | ({"id": request.id} if "id" in block.attributes else {})
        return message("ImportResourceState.Response")(imported_resources=[{"type_name": kind, "state": encode(state)}])

    def MoveResourceState(self, request: Any, call: Any) -> Any:
        """Take another type's state for this one's, as far as the names agree."""
        block = self.schema.resource(request.target_type_name)
        state = conformed(json.loads(request.source_state.json or b"null"), block.type)
        return message("MoveResourceState.Response")(target_state=encode(state))

    def ReadDataSource(self, request: Any, call: Any) -> Any:
        """Return a rendered or made-up answer."""
        block = self.schema.data_source(request.type_name)
        response = message("ReadDataSource.Response")
        try:
            state = data_sources.answer(request.type_name, decode(request.config), block, self._context(call))
        except PolicyError as error:
            return response(diagnostics=[diagnostic("policy document", str(error))])
        return response(state=encode(state))

    def StopProvider(self, request: Any, call: Any) -> Any:
        """Agree: nothing runs that could be stopped."""
        return message("StopProvider.Response")()

    def _context(self, call: Any) -> Mapping[str, Any]:
        return self._contexts.get(call.peer(), {})

    @staticmethod
    def _findings(block: Block, config: Any, rules: Rules) -> list[Any]:
        return [diagnostic(each.summary, each.detail, each.path) for each in findings(config, block, rules)]
