"""The build workflow: who works when, against which contracts, and what is checked afterwards.

The one rule everything else follows from: a consumer waits for the contract, never for the work of
the contract's provider. Only people who examine what was built wait for builders, and people who
may write the same file for each other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from maestro.domain.contract import Contract, ContractKind
from maestro.domain.quality import BUILD_PHASES
from maestro.domain.requirement import Analysis
from maestro.domain.team import Member, Team
from maestro.domain.values import StepId, first_duplicate
from maestro.domain.workflow import OnUnmet, RetryPolicy, Step, StepKind, check_graph, generations
from maestro.errors import InvalidInput
from maestro.planning.apart import keep_apart
from maestro.planning.catalogue import Catalogue
from maestro.planning.compose import PER_SERVICE

_BUILDERS = frozenset({"backend_developer", "database_designer", "frontend_developer"})
_EXAMINERS = frozenset({"security_specialist", "integration_tester", "code_reviewer"})
_RECHECKED = ("frontend_developer", "qa_engineer")
_EARLY = ("requirements", "design")
"""Phases whose gate stands before the building."""

AFTER_A_CRASH = RetryPolicy(max_attempts=3, retry_on=("interrupted", "step_timed_out"))
BY_ANOTHER = RetryPolicy(max_attempts=3, retry_on=("interrupted", "step_timed_out", "agent_failed"))
"""Of work: an agent that broke is not asked again while there is another one."""
"""The same input would give the same failure again; only what was cut short is tried anew."""

INTEGRATE = StepId("integrate")
_JUDGE_THE_WHOLE = ("testing", "security", "performance", "documentation", "review")
"""Phases whose evidence is collected on the integrated application."""

_CONTRACT_PHASE = {
    ContractKind.REST: "api_design",
    ContractKind.DATA_SCHEMA: "database_design",
    ContractKind.PAGE: "design",
    ContractKind.DOCUMENT: "design",
}
_ORDER = (
    "requirement_analyst",
    "solution_architect",
    "database_designer",
    "backend_developer",
    "ui_designer",
    "frontend_developer",
    "qa_engineer",
    "devops_engineer",
    "technical_writer",
    "security_specialist",
    "integration_tester",
    "code_reviewer",
)
"""The natural order of a team that works one after the other."""


def assemble(
    analysis: Analysis,
    team: Team,
    contracts: Sequence[Contract],
    catalogue: Catalogue,
    *,
    parallel: bool,
) -> tuple[Step, ...]:
    """Every step of the build, each after its needs.

    Raises:
        InvalidInput: a contract's provider or consumer is not in the team, an id is used twice, or
            the steps do not form a graph that can run.
    """
    _check(team, contracts)
    plan = _Plan(analysis=analysis, team=team, contracts=tuple(contracts), catalogue=catalogue)
    work = keep_apart(plan.work_steps(), plan.contracts)
    if not parallel:
        work = _one_after_the_other(work)
    steps = [*plan.contract_steps(), *work, *plan.verify_steps(), *plan.recheck_steps()]
    steps.append(_integrate(work))
    phases = catalogue.blueprint(team.blueprint).phases
    gates = _gates(phases, steps)
    steps = [_behind_gates(step, {gate.phase for gate in gates}) for step in steps]
    steps += gates
    check_graph(steps)
    return tuple(steps)


def expected_groups(steps: Iterable[Step]) -> tuple[tuple[StepId, ...], ...]:
    """What can at best run together, as `maestro plan` shows it."""
    return generations(steps)


def _check(team: Team, contracts: Sequence[Contract]) -> None:
    duplicate = first_duplicate([contract.id for contract in contracts])
    if duplicate is not None:
        raise InvalidInput(f"contract id {duplicate!r} is used twice")
    present = {member.persona for member in team.members}
    for contract in contracts:
        for role, persona in (
            ("provider", contract.provider),
            *(("consumer", name) for name in contract.consumers),
        ):
            if persona not in present:
                raise InvalidInput(
                    f"contract {contract.id!r}: its {role} {persona!r} is not in the team of "
                    f"{team.blueprint!r} ({', '.join(sorted(present))})"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    analysis: Analysis
    team: Team
    contracts: tuple[Contract, ...]
    catalogue: Catalogue

    def contract_steps(self) -> list[Step]:
        return [
            Step(
                id=_agree(contract),
                action="contract.agree",
                kind=StepKind.INTERFACE,
                inputs={"contract": contract.id},
                title=f"Agree on {contract.name}",
                retry=AFTER_A_CRASH,
                phase=self._contract_phase(contract),
            )
            for contract in self.contracts
        ]

    def _contract_phase(self, contract: Contract) -> str:
        """A document written before the requirements gate has its contract before it too."""
        provider = self.catalogue.persona(contract.provider)
        if provider.phase == "requirements":
            return provider.phase
        return _CONTRACT_PHASE[contract.kind]

    def work_steps(self) -> list[Step]:
        members = sorted(self.team.members, key=lambda m: _ORDER.index(m.persona))
        building = [self._work_id(m) for m in members if m.persona in _BUILDERS]
        return [self._work_step(member, building) for member in members]

    def _work_step(self, member: Member, building: list[StepId]) -> Step:
        persona = self.catalogue.persona(member.persona)
        provided = self._provided(member)
        consumed = self._consumed(member)
        needs = [_agree(contract) for contract in (*provided, *consumed)]
        if member.persona in _EXAMINERS:
            needs += building
        return Step(
            id=self._work_id(member),
            action="persona.work",
            needs=_distinct(needs),
            inputs={
                "persona": persona.id,
                "component": member.component or "app",
                "provides": [contract.id for contract in provided],
                "consumes": [contract.id for contract in consumed],
            },
            title=self._work_title(member),
            phase=persona.phase,
            persona=persona.id,
            retry=BY_ANOTHER,
            timeout_seconds=float(persona.timeout_seconds),
        )

    def _work_title(self, member: Member) -> str:
        name = self.catalogue.persona(member.persona).name
        return f"{name}: {member.component}" if self._is_one_of_many(member) else name

    def _work_id(self, member: Member) -> StepId:
        suffix = f".{member.component}" if self._is_one_of_many(member) else ""
        return StepId(f"work.{member.persona}{suffix}")

    def _is_one_of_many(self, member: Member) -> bool:
        return sum(other.persona == member.persona for other in self.team.members) > 1

    def _provided(self, member: Member) -> list[Contract]:
        return [
            contract
            for contract in self.contracts
            if contract.provider == member.persona and _concerns(contract, member)
        ]

    def _consumed(self, member: Member) -> list[Contract]:
        return [
            contract
            for contract in self.contracts
            if member.persona in contract.consumers and _concerns(contract, member)
        ]

    def verify_steps(self) -> list[Step]:
        steps = []
        for contract in self.contracts:
            provider = self.catalogue.persona(contract.provider)
            steps.append(
                Step(
                    id=_verify(contract),
                    action="contract.verify",
                    kind=StepKind.GATE,
                    needs=_distinct(self._verify_needs(contract)),
                    inputs={"contract": contract.id},
                    title=f"Verify {contract.name}",
                    retry=AFTER_A_CRASH,
                    phase=provider.phase,
                    timeout_seconds=900.0,
                )
            )
        return steps

    def _verify_needs(self, contract: Contract) -> list[StepId]:
        if contract.kind in (ContractKind.REST, ContractKind.DATA_SCHEMA):
            # A service runs only with its tables, and its tables are judged in the running service.
            workers = {contract.provider, "backend_developer", "database_designer"}
            return [
                self._work_id(member)
                for member in self.team.members
                if member.persona in workers and _concerns(contract, member)
            ]
        needs = [
            self._work_id(member)
            for member in self.team.members
            if member.persona == contract.provider
        ]
        if contract.kind is ContractKind.PAGE:  # a page is judged in the whole application
            needs.append(INTEGRATE)
            needs += [_verify(c) for c in self.contracts if c.kind is ContractKind.REST]
        return needs

    def recheck_steps(self) -> list[Step]:
        """Consumers once more, with the mock swapped for the verified provider."""
        steps = []
        for member in self.team.members:
            served = [c for c in self._consumed(member) if c.kind is ContractKind.REST]
            if member.persona not in _RECHECKED or not served:
                continue
            persona = self.catalogue.persona(member.persona)
            needs = [self._work_id(member), *(_verify(contract) for contract in served)]
            steps.append(
                Step(
                    id=StepId(f"recheck.{persona.id}"),
                    action="consumer.recheck",
                    kind=StepKind.GATE,
                    needs=_distinct(needs),
                    inputs={"persona": persona.id, "contracts": [c.id for c in served]},
                    title=f"{persona.name} against the real provider",
                    retry=AFTER_A_CRASH,
                    phase=persona.phase,
                    persona=persona.id,
                    timeout_seconds=float(persona.timeout_seconds),
                )
            )
        return steps


def _agree(contract: Contract) -> StepId:
    return StepId(f"contract.{contract.id}")


def _verify(contract: Contract) -> StepId:
    return StepId(f"verify.{contract.id}")


def _concerns(contract: Contract, member: Member) -> bool:
    """Service builders see the contracts of their own service only."""
    return member.persona not in PER_SERVICE or contract.component == member.component


def _distinct(needs: Iterable[StepId]) -> tuple[StepId, ...]:
    return tuple(dict.fromkeys(needs))


def _one_after_the_other(work: list[Step]) -> list[Step]:
    """Chains the work steps. Somebody who asks for sequential work wants to watch one persona at a
    time and to compare with the parallel run; the contracts and checks stay the same.
    """
    chained = work[:1]
    for step in work[1:]:
        chained.append(replace(step, needs=_distinct((*step.needs, chained[-1].id))))
    return chained


def _integrate(work: list[Step]) -> Step:
    return Step(
        id=INTEGRATE,
        action="app.integrate",
        kind=StepKind.GATE,  # what was seen as it started is evidence, which nobody types
        needs=tuple(step.id for step in work),
        title="Put the application together",
        retry=AFTER_A_CRASH,
        phase="deployment",
        timeout_seconds=900.0,
    )


def _gates(phases: tuple[str, ...], steps: list[Step]) -> list[Step]:
    """One gate per phase that has steps, and for those that are judged without any of their own."""
    busy = {step.phase for step in steps} | {"requirements", "performance", "review"}
    gates: list[Step] = []
    for phase in (p for p in BUILD_PHASES if p in phases and p in busy):
        needs = [step.id for step in steps if step.phase == phase]
        if phase == "design":
            needs += [step.id for step in steps if step.action == "contract.agree"]
        if phase in _JUDGE_THE_WHOLE:
            needs.append(INTEGRATE)
        # A phase that did not close keeps the later ones from being judged; the gate says so.
        early = [gate.id for gate in gates if gate.phase in _EARLY]
        needs += [gate.id for gate in gates] if phase == "review" else early
        gates.append(
            Step(
                id=StepId(f"gate.{phase}"),
                action="quality.gate",
                kind=StepKind.GATE,
                needs=_distinct(needs),
                inputs={"phase": phase},
                title=f"Gate: {phase.replace('_', ' ')}",
                retry=AFTER_A_CRASH,
                phase=phase,
                # Judged also after a verification or recheck was blocked: the ledger says why.
                on_unmet=OnUnmet.RUN,
                timeout_seconds=900.0,
            )
        )
    return gates


def _behind_gates(step: Step, gated: set[str]) -> Step:
    """Puts a step behind the early gates, unless it belongs to what the gate judges."""
    if step.action == "contract.agree" and step.phase != "requirements":
        blocking = [phase for phase in _EARLY[:1] if phase in gated]
    elif step.action == "persona.work" and step.phase not in _EARLY:
        blocking = [phase for phase in _EARLY if phase in gated]
    else:
        return step
    return replace(step, needs=_distinct((*step.needs, *(StepId(f"gate.{p}") for p in blocking))))
