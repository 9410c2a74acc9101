"""Proposals that a persona leaves in its work tree: `contract-proposals/CONTRACT.yaml`.

Every agent that writes files can negotiate in this way, whoever made it.
"""

import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from maestro.contracts.openapi.parsing import parse
from maestro.contracts.reading import read_contract
from maestro.delivery.workspace import MAX_FILE_BYTES
from maestro.domain.contract import Contract, SpecificationFormat
from maestro.domain.values import JsonObject
from maestro.domain.work import PROPOSALS, Assignment, WorkResult
from maestro.domain.write_set import PROPOSALS_FOLDER
from maestro.errors import AgentFailed, InvalidInput


def with_proposals(result: WorkResult, tree: Path, assignment: Assignment) -> WorkResult:
    """The result with what is proposed in its tree. Blocks.

    Raises AgentFailed for what is no proposal: the next attempt is told why.
    """
    parties = (*assignment.provides, *(consumed.contract for consumed in assignment.consumes))
    try:
        left = taken_proposals(tree, parties)
    except InvalidInput as error:
        raise AgentFailed(f"what is proposed for a contract is refused: {error}") from error
    if not left:
        return result
    given = result.details.get(PROPOSALS) or []
    return replace(
        result,
        changed_paths=tuple(p for p in result.changed_paths if not p.startswith(PROPOSALS_FOLDER)),
        details={**result.details, PROPOSALS: [*given, *left]},
    )


def taken_proposals(tree: Path, parties: Iterable[Contract]) -> list[JsonObject]:
    """What is proposed there, as `{contract, specification}`, by contract; the folder is gone
    afterwards, as it is no artefact. `parties` are the contracts that the persona works on. Blocks.

    Raises:
        InvalidInput: a file that is for none of them, cannot be read, or is of another format.
    """
    folder = tree / PROPOSALS_FOLDER
    if not folder.is_dir() or folder.is_symlink():
        return []
    known = {str(contract.id): contract for contract in parties}
    found: dict[str, JsonObject] = {}
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            continue  # what a document there refers to
        contract = known.get(path.stem)
        if contract is None or path.stem in found or not _is_plain(path):
            raise InvalidInput(
                f"{PROPOSALS_FOLDER}{path.name}: a proposal is one plain file for each contract, "
                f"named as it: {', '.join(sorted(known)) or 'there is none here'}"
            )
        found[path.stem] = {"contract": path.stem, "specification": _specification(path, contract)}
    shutil.rmtree(folder)
    return list(found.values())


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size <= MAX_FILE_BYTES


def _specification(path: Path, contract: Contract) -> JsonObject:
    if contract.format is SpecificationFormat.JSON_SCHEMA:
        return parse(path.read_bytes(), name=path.name)
    read = read_contract(path)
    if read.format is not contract.format:
        raise InvalidInput(
            f"{PROPOSALS_FOLDER}{path.name} is {read.format.value}; contract {path.stem!r} is "
            f"{contract.format.value}"
        )
    return read.specification
