"""The counters in a run's row, read and locked once per transaction and written once at its end."""

from collections.abc import Collection
from dataclasses import dataclass

from maestro import failpoints
from maestro.domain.run import Run
from maestro.domain.values import RunId
from maestro.storage.bulk import update
from maestro.storage.database import Connection, Row
from maestro.storage.extension import MOST_VALUES
from maestro.storage.records import RUN_COUNTERS, no_run, to_moment

_KEY = {"id": "text"}
_OWNER = {"owner": "text"}
_MOVES = {"status": "text", "started_at": "text", "ended_at": "text"}
_COUNT = update("runs", RUN_COUNTERS, _KEY)
_OWN = update("runs", {**_OWNER, **RUN_COUNTERS}, _KEY)
_MOVE = update("runs", {**_MOVES, **_OWNER, **RUN_COUNTERS}, _KEY)


@dataclass(slots=True)
class RunHead:
    """A run's row as it will stand; whoever changes it says so."""

    status: str
    last_sequence: int = 0
    steered: int = 0
    fence: int = 0
    offers: int = 0
    """1 once an attempt was left to workers."""
    owner: str | None = None
    counted: bool = False
    """A counter differs from the row."""
    owned: bool = False
    """The owner differs from the row."""
    moved: Run | None = None
    """Its status and moments differ from the row."""

    def take_numbers(self, count: int) -> int:
        """The last of the next `count` event numbers."""
        self.last_sequence += count
        self.counted = True
        return self.last_sequence

    def give_to(self, owner: str | None) -> None:
        self.owner = owner
        self.owned = True

    def move(self, run: Run) -> None:
        self.status = run.status.value
        self.moved = run

    @property
    def changed(self) -> bool:
        return self.counted or self.owned or self.moved is not None

    def written(self) -> Row:
        """Values of RUN_COUNTERS, which no longer differ from the row."""
        self.counted = False
        return (self.last_sequence, self.steered, self.fence, self.offers)


class Heads:
    """Those of the runs that one transaction concerns; nobody else changes them until it ends."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[RunId, RunHead] = {}

    def read(self, run_ids: Collection[RunId]) -> None:
        """Reads them all at once; those that do not exist are left out."""
        missing = sorted(set(run_ids) - self._known.keys())  # one order in which rows are locked
        for start in range(0, len(missing), MOST_VALUES):
            part = missing[start : start + MOST_VALUES]
            marks = ", ".join("?" * len(part))
            rows = self._connection.execute(
                "SELECT id, status, last_sequence, steered, fence, offers, owner FROM runs "  # noqa: S608 -- constant columns
                f"WHERE id IN ({marks}) ORDER BY id{self._connection.dialect.lock_row}",
                part,
            )
            for row in rows.fetchall():
                self._known[RunId(row[0])] = RunHead(*row[1:])

    def add(self, run: Run) -> None:
        """A run that this transaction inserts."""
        self._known[run.id] = RunHead(run.status.value)

    def of(self, run_id: RunId) -> RunHead:
        """Raises NotFound."""
        if run_id not in self._known:
            self.read([run_id])
        if run_id not in self._known:
            raise no_run(run_id)
        return self._known[run_id]

    @property
    def changed(self) -> bool:
        return any(head.changed for head in self._known.values())

    def write(self) -> None:
        """Writes what has changed, each row once."""
        counted, owned, moved = [], [], []
        for run_id, head in self._known.items():
            if head.moved is not None:
                run = head.moved
                started, ended = to_moment(run.started_at), to_moment(run.ended_at)
                moves = (head.status, started, ended, head.owner)
                moved.append((*moves, *head.written(), run_id))
            elif head.owned:
                owned.append((head.owner, *head.written(), run_id))
            elif head.counted:
                counted.append((*head.written(), run_id))
            head.owned, head.moved = False, None
        failpoints.reach("journal.run.before")
        if counted:
            self._connection.write_rows(_COUNT, counted)
        if owned:
            self._connection.write_rows(_OWN, owned)
        if moved:
            self._connection.write_rows(_MOVE, moved)
        failpoints.reach("journal.run.after")

    def forget(self) -> None:
        """After a statement changed rows past this; to be called with everything written."""
        self._known.clear()
