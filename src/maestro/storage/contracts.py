"""The shelf of contracts: every version, with what became of it."""

from collections.abc import Collection, Sequence

from maestro.domain.contract import Contract
from maestro.domain.contract_life import ContractRecord, ContractStatus, check_contract_move
from maestro.domain.values import ContractId, RunId
from maestro.errors import InvalidInput, NotFound
from maestro.storage.database import Connection, Row
from maestro.storage.records import from_moment, from_text, to_moment, to_text, unreadable

_COLUMNS = "run_id, status, at, terms, reason, document"
_NO_RUN = ""


class SqlContracts:
    """The ContractRepository port on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, record: ContractRecord) -> None:
        before = self._stored(record, self._connection.dialect.lock_row)
        if before is None:
            if record.status not in (ContractStatus.DRAFT, ContractStatus.AGREED):
                raise self._unknown(record.contract.id, record.run_id)
            self._connection.execute(
                "INSERT INTO contracts (status, at, terms, reason, document, kind, run_id, id, "
                "version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*_content(record), *_key(record)),
            )
            return
        check_contract_move(before, record)
        self._connection.execute(
            "UPDATE contracts SET status = ?, at = ?, terms = ?, reason = ?, document = ?, "
            "kind = ? WHERE run_id = ? AND id = ? AND version = ?",
            (*_content(record), *_key(record)),
        )

    def get(
        self,
        contract_id: ContractId,
        *,
        version: str | None = None,
        run_id: RunId | None = None,
        projects: Collection[str] | None = None,
    ) -> ContractRecord:
        wanted: dict[str, str] = {"id": contract_id}
        if version is not None:
            wanted["version"] = version
        if run_id is not None:
            wanted["run_id"] = run_id
        among, names = _among(projects)
        where = " AND ".join([*(f"{name} = ?" for name in wanted), *among])
        row = self._connection.execute(
            f"SELECT {_COLUMNS} FROM contracts WHERE {where} "  # noqa: S608 -- constant names
            "ORDER BY at DESC, position DESC LIMIT 1",
            (*wanted.values(), *names),
        ).fetchone()
        if row is None:
            raise self._unknown(contract_id, run_id, version)
        return _record(row)

    def find(
        self,
        words: Sequence[str] = (),
        *,
        limit: int = 50,
        run_id: RunId | None = None,
        projects: Collection[str] | None = None,
    ) -> Sequence[ContractRecord]:
        tests = ["terms LIKE ? ESCAPE '!'" for _ in words]
        values = [f"%{_escaped(word.lower())}%" for word in words]
        if run_id is not None:
            tests.append("run_id = ?")
            values.append(run_id)
        among, names = _among(projects)
        tests += among
        where = f"WHERE {' AND '.join(tests)} " if tests else ""
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM contracts {where}"  # noqa: S608 -- constant names
            "ORDER BY at DESC, position DESC LIMIT ?",
            (*values, *names, limit),
        )
        return [_record(row) for row in rows.fetchall()]

    def belongs(self, contract_id: ContractId, project: str) -> bool:
        row = self._connection.execute(
            "SELECT 1 FROM contracts WHERE id = ? "
            "AND run_id IN (SELECT id FROM runs WHERE project = ?) LIMIT 1",
            (contract_id, project),
        ).fetchone()
        return row is not None

    def _stored(self, record: ContractRecord, lock: str) -> ContractRecord | None:
        row = self._connection.execute(
            f"SELECT {_COLUMNS} FROM contracts WHERE run_id = ? AND id = ? AND version = ?{lock}",  # noqa: S608 -- constant names
            _key(record),
        ).fetchone()
        return None if row is None else _record(row)

    def _unknown(
        self, contract_id: ContractId, run_id: RunId | None, version: str | None = None
    ) -> NotFound:
        what = f"{contract_id!r} {version or ''}".strip()
        where = "in this database" if run_id is None else f"of run {run_id!r}"
        return NotFound(f"there is no contract {what} {where}; see 'maestro contracts list'")


def _among(projects: Collection[str] | None) -> tuple[list[str], list[str]]:
    """A condition with its values: of runs of these projects, shared with them, or of no run."""
    if projects is None:
        return [], []
    marks = ", ".join("?" * len(projects)) or "NULL"
    inner = f"SELECT id FROM runs WHERE project IN ({marks})"  # noqa: S608 -- only marks
    shared = (
        "EXISTS (SELECT 1 FROM shares s JOIN runs r ON r.project = s.project "  # noqa: S608 -- only marks
        "WHERE s.kind = 'contract' AND s.name = contracts.id AND r.id = contracts.run_id "
        f"AND s.with_project IN ({marks}))"
    )
    names = sorted(projects)
    return [f"(run_id = '{_NO_RUN}' OR run_id IN ({inner}) OR {shared})"], [*names, *names]


def _content(record: ContractRecord) -> Row:
    if any("\n" in term for term in record.terms):
        raise InvalidInput(f"a term of contract {record.contract.id!r} holds a line break")
    return (
        record.status.value,
        to_moment(record.at),
        "\n".join(record.terms),
        record.reason,
        to_text(record.contract),
        record.contract.kind.value,
    )


def _key(record: ContractRecord) -> Row:
    return (record.run_id or _NO_RUN, record.contract.id, record.contract.version)


def _record(row: Row) -> ContractRecord:
    run_id, status, at, terms, reason, document = row
    where = "a contract"
    moment = from_moment(at, where)
    try:
        known = ContractStatus(status)
    except ValueError as error:
        raise unreadable(where, error) from error
    if moment is None:
        raise unreadable(where, ValueError("it has no moment"))
    return ContractRecord(
        contract=from_text(Contract, document, where),
        status=known,
        run_id=RunId(run_id) if run_id else None,
        at=moment,
        terms=tuple(terms.split("\n")) if terms else (),
        reason=reason,
    )


def _escaped(word: str) -> str:
    return word.replace("!", "!!").replace("%", "!%").replace("_", "!_")
