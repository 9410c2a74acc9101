"""What an outside agent says of its work. None of it counts as evidence: all is checked here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from maestro.agents.executors.outside.files import TreeFile
from maestro.agents.executors.outside.house import HouseRules
from maestro.domain.contract import CheckResult
from maestro.domain.encoding import decode, encode
from maestro.domain.values import JsonObject, JsonValue
from maestro.domain.work import NotBuilt, Usage, WorkResult
from maestro.errors import InvalidInput

MAX_TEXT = 2_000
MAX_ENTRIES = 100
NOT_BUILT = "not_built_operations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """The part of a result that travels beside the files. How the work is started and checked is
    no part of it: whoever is checked does not choose the checks.
    """

    summary: str
    not_built: tuple[NotBuilt, ...] = ()
    not_built_operations: tuple[str, ...] = ()
    usage: Usage = field(default_factory=lambda: Usage(cost=None))

    @staticmethod
    def of(result: WorkResult) -> "Claims":
        return Claims(
            summary=result.summary,
            not_built=result.not_built,
            not_built_operations=tuple(map(str, result.details.get(NOT_BUILT, ()))),
            usage=result.usage,
        )

    def as_json(self) -> JsonValue:
        return encode(self)


def read_claims(data: JsonValue, where: str) -> Claims:
    """The claims in untrusted JSON.

    Raises:
        InvalidInput: another shape, or beyond a limit; names the place and the rule.
    """
    claims = decode(Claims, data, where=where)
    _bounded(encode(claims), where)
    usage = claims.usage
    numbers = (usage.model_calls, usage.input_tokens, usage.output_tokens, usage.cost or 0.0)
    if not all(0 <= number < 1e12 for number in numbers):
        raise InvalidInput(f"{where}.usage: holds a number that cannot be")
    return claims


def work_result(
    claims: Claims,
    files: Sequence[TreeFile],
    rules: HouseRules,
    checks: tuple[CheckResult, ...],
    details: JsonObject,
) -> WorkResult:
    """The result of work whose checks were run here."""
    return WorkResult(
        summary=claims.summary,
        changed_paths=tuple(sorted(file.path for file in files)),
        checks=checks,
        not_built=claims.not_built,
        usage=claims.usage,
        launch=rules.launch,
        rechecks=rules.rechecks,
        details={**details, NOT_BUILT: list(claims.not_built_operations)},
    )


def _bounded(data: JsonValue, where: str) -> None:
    """Every text and list, whatever it stands for."""
    if isinstance(data, str) and len(data) > MAX_TEXT:
        raise InvalidInput(f"{where}: {len(data)} characters; at most {MAX_TEXT} are taken")
    if isinstance(data, Mapping):
        for key, value in data.items():
            _bounded(value, f"{where}.{key}")
    if isinstance(data, list):
        if len(data) > MAX_ENTRIES:
            raise InvalidInput(f"{where}: {len(data)} entries; at most {MAX_ENTRIES} are taken")
        for index, value in enumerate(data):
            _bounded(value, f"{where}[{index}]")
