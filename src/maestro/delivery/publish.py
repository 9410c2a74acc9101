"""The result folder: contracts, one folder per persona, the application, and the reports."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from maestro.contracts.agree import write_files
from maestro.delivery.facts import idle_phases, not_built
from maestro.delivery.record import RunRecord
from maestro.delivery.report import render_report
from maestro.delivery.result import build_result, waived
from maestro.delivery.workspace import materialise, merge
from maestro.domain.encoding import encode
from maestro.domain.outcome import Outcome
from maestro.domain.run import Event, Run, StepRun
from maestro.domain.values import JsonValue
from maestro.domain.work import Artifact
from maestro.domain.workflow import Workflow
from maestro.errors import Conflict, InvalidInput
from maestro.ports import ArtifactStore

MARKER = "run.json"
"""A folder holding it is an earlier result of ours and may be replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    output: Path
    run: Run
    workflow: Workflow
    steps: Sequence[StepRun]
    events: Sequence[Event]
    outcome: Outcome
    record: RunRecord


def check_output(output: Path) -> Path:
    """The absolute folder, made if need be. Refuses a place where publishing could destroy
    something that is not ours.

    Raises:
        InvalidInput: it is a file, or cannot be written.
        Conflict: it is a folder with other content.
    """
    output = output.absolute()
    if output.exists() and not output.is_dir():
        raise InvalidInput(f"output {str(output)!r} is a file; name a folder")
    if output.is_dir() and any(output.iterdir()) and not (output / MARKER).is_file():
        raise Conflict(
            f"output {str(output)!r} holds files that are not a Maestro result; "
            "name an empty or new folder"
        )
    try:
        output.mkdir(parents=True, exist_ok=True)
        probe = output / ".maestro-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InvalidInput(
            f"output {str(output)!r} cannot be written: {error.strerror}; name another folder"
        ) from error
    return output


async def publish(publication: Publication, artifacts: ArtifactStore) -> Path:
    """Writes the whole result in place of the old one."""

    async def write(staging: Path) -> None:
        for folder, files in _folders(publication.record).items():
            await materialise(artifacts, files, staging / folder)
        await asyncio.to_thread(_write_documents, publication, staging)

    await replace_result(publication.output, write)
    return publication.output


async def replace_result(output: Path, write: Callable[[Path], Awaitable[None]]) -> None:
    """Lets `write` fill a folder beside the old result, then swaps it in entry by entry.

    Args:
        output: what `check_output` gave.
        write: writes the marker, too.
    """
    staging = output / ".maestro-staging"
    await asyncio.to_thread(_clear, staging)
    await write(staging)
    await asyncio.to_thread(_swap, staging, output)


def _folders(record: RunRecord) -> Mapping[str, tuple[Artifact, ...]]:
    """Folder name -> files: one per persona, and `app` once it was integrated."""
    if record.plan is None:
        return {}
    by_persona: dict[str, dict[str, Sequence[Artifact]]] = {}
    for step_id, work in record.works():
        by_persona.setdefault(work.persona, {})[step_id] = work.artifacts
    folders = {persona: merge(parts) for persona, parts in by_persona.items()}
    integration = record.integration()
    if integration is not None:
        folders["app"] = integration.artifacts
    return folders


def _write_documents(publication: Publication, staging: Path) -> None:
    record = publication.record
    staging.mkdir(parents=True, exist_ok=True)
    if record.plan is not None:
        for contract in record.contracts():
            for path, content in write_files(contract).items():
                target = staging / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        write_json(staging / "contracts" / "validation_report.json", _validation(record))
        write_json(staging / "quality_report.json", _quality(publication))
    write_json(staging / MARKER, _run(publication))
    html = render_report(
        publication.run,
        publication.workflow,
        publication.steps,
        publication.events,
        publication.outcome,
        record,
    )
    (staging / "report.html").write_text(html, encoding="utf-8")


def _validation(record: RunRecord) -> JsonValue:
    """Per contract: whether it is kept, every check that ran, every finding."""
    verifications = record.verifications()
    entries = []
    for contract in record.contracts():
        verification = verifications.get(contract.id)
        entries.append(
            {
                "contract": contract.id,
                "version": contract.version,
                "digest": contract.digest,
                "provider": contract.provider,
                "consumers": list(contract.consumers),
                "fulfilled": verification is not None and verification.conforms,
                "verification": None if verification is None else encode(verification),
            }
        )
    return {
        "fulfilled": sum(bool(entry["fulfilled"]) for entry in entries),
        "total": len(entries),
        "contracts": entries,
        "consumers": {name: encode(item) for name, item in record.rechecks().items()},
    }


def _quality(publication: Publication) -> JsonValue:
    """The score with every term's sources, each verdict with its evidence, and what is missing."""
    outcome, record = publication.outcome, publication.record
    return {
        "status": outcome.status,
        "partial": outcome.partial,
        "environment": record.requirement.constraints.environment.value,
        "score": encode(outcome.score),
        "gates": [encode(gate) for gate in record.gates()],
        "entry_gates": {step_id: encode(gate) for step_id, gate in record.entries()},
        "phases_not_gone_through": list(idle_phases(record)),
        "waived": [asdict(gate) for gate in waived(outcome.verdicts)],
        "traceability": encode(outcome.trace),
        "not_built": encode(not_built(record)),
    }


def _run(publication: Publication) -> JsonValue:
    result = asdict(build_result(publication.outcome, publication.record, publication.output))
    result["output"] = str(publication.output)
    return {
        "result": result,
        "outcome": encode(publication.outcome),
        "run": {
            "id": publication.run.id,
            "status": publication.run.status.value,
            "created_at": encode(publication.run.created_at),
            "max_parallel": publication.run.max_parallel,
        },
        "steps": [
            {
                **encode(step),
                "status": state.status.value,
                "attempt": state.attempt,
                "started_at": encode(state.started_at),
                "ended_at": encode(state.ended_at),
                "error": encode(state.error),
            }
            for step, state in zip(publication.workflow.steps, publication.steps, strict=True)
        ],
        "events": [encode(event) for event in publication.events],
    }


def write_json(path: Path, data: JsonValue) -> None:
    """Indented, with a line end after it; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _clear(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)


def _swap(staging: Path, output: Path) -> None:
    """Earlier entries of ours go, the staged ones take their place; the marker comes last."""
    marker = output / MARKER
    for old in output.iterdir():
        if old in (staging, marker):
            continue
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        else:
            old.unlink()
    for entry in sorted(staging.iterdir(), key=lambda path: path.name == MARKER):
        entry.replace(output / entry.name)
    staging.rmdir()
