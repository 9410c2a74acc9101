"""Agreeing a contract locks its specification; from then on its digest names it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

import yaml

from maestro.contracts.linting import errors_in
from maestro.contracts.openapi.document import from_object
from maestro.contracts.openapi.operations import operations
from maestro.domain.contract import Contract, SpecificationFormat
from maestro.domain.values import JsonObject
from maestro.errors import Blocked


def agree(contract: Contract) -> Contract:
    """The same contract with its digest.

    Raises:
        Blocked: the specification has errors; reasons name pointer and rule.
        InvalidInput: the specification is not of the format it claims to be.
    """
    faults = errors_in(contract)
    if faults:
        raise Blocked(
            f"contract {contract.id!r} cannot be agreed: {len(faults)} error(s) in its "
            f"{contract.format.value} specification, first {faults[0]}",
            reasons=tuple(str(fault) for fault in faults),
        )
    return replace(contract, digest=contract.specification_digest())


def write_files(contract: Contract) -> Mapping[str, bytes]:
    """Path and content of the specification and of its description for people."""
    return {
        f"contracts/{contract.id}_spec.yaml": _yaml(contract.specification).encode(),
        f"contracts/{contract.id}_README.md": _readme(contract).encode(),
    }


class _PlainDumper(yaml.SafeDumper):
    """Writes repeated values out, so that the file reads without anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _yaml(specification: JsonObject) -> str:
    return yaml.dump(
        json.loads(json.dumps(specification)),
        Dumper=_PlainDumper,
        sort_keys=False,
        allow_unicode=True,
        width=100,
    )


def _readme(contract: Contract) -> str:
    return "\n".join([*_head(contract), *_operations_table(contract), *_promises(contract), ""])


def _head(contract: Contract) -> Iterator[str]:
    consumers = ", ".join(f"`{name}`" for name in contract.consumers) or "nobody yet"
    yield f"# {contract.name}"
    yield ""
    yield f"- Contract: `{contract.id}`, version {contract.version}, kind {contract.kind}"
    yield f"- Component: `{contract.component}`"
    yield f"- Provider: `{contract.provider}`"
    yield f"- Consumers: {consumers}"
    yield f"- Specification: [`{contract.id}_spec.yaml`]({contract.id}_spec.yaml)"
    yield f"- Digest: `{contract.digest or 'not agreed yet'}`"


def _operations_table(contract: Contract) -> Iterator[str]:
    if contract.format is not SpecificationFormat.OPENAPI:
        return
    document = from_object(contract.specification, name=contract.id)
    yield from ("", "## Operations", "", f"Base path: `{document.base_path or '/'}`", "")
    yield from ("| Operation | Id | Summary | Answers |", "| --- | --- | --- | --- |")
    for operation in operations(document):
        answers = ", ".join(operation.responses)
        summary = _cell(operation.summary)
        yield f"| `{operation.key}` | `{operation.operation_id}` | {summary} | {answers} |"


def _promises(contract: Contract) -> Iterator[str]:
    yield from ("", "## Deliverables", "")
    for deliverable in contract.deliverables:
        paths = ", ".join(f"`{path}`" for path in deliverable.paths)
        yield f"- **{deliverable.name}**: {deliverable.description} {paths}"
    yield from ("", "## Acceptance criteria", "")
    yield from ("| Criterion | Check | Requirement parts |", "| --- | --- | --- |")
    for criterion in contract.acceptance:
        check = f"`{criterion.check}`" if criterion.check else "unverified"
        parts = ", ".join(criterion.parts)
        yield f"| {_cell(criterion.statement)} | {check} | {parts} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
