"""Circuit breakers: who keeps failing gets nothing for a while, then one assignment to show."""

from collections.abc import Collection
from dataclasses import dataclass

from maestro.domain.dispatching import CircuitLoad

FAILURES = 3
"""In a row, after which nothing more is given."""
COOLING_SECONDS = 30.0
"""After the first opening; twice as long after every trial that fails."""
LONGEST_COOLING_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Circuit:
    """One agent or provider. A value: every end of an assignment gives the next one."""

    failures: int = 0
    open_until: float | None = None
    cooling: float = COOLING_SECONDS

    def failed(self, now: float) -> "Circuit":
        failures = self.failures + 1
        if failures < FAILURES:
            return Circuit(failures, self.open_until, self.cooling)
        if self.open_until is None:
            return Circuit(failures, now + self.cooling, self.cooling)
        if now < self.open_until:  # given before it opened
            return Circuit(failures, self.open_until, self.cooling)
        longer = min(2 * self.cooling, LONGEST_COOLING_SECONDS)
        return Circuit(failures, now + longer, longer)

    def allowed(self, now: float) -> int | None:
        """Assignments it may have at once; None = as many as it has places."""
        if self.open_until is None:
            return None
        return 0 if now < self.open_until else 1


CLOSED = Circuit()
_STATES = {None: "closed", 0: "open", 1: "half-open"}
"""By what is allowed."""


class Breakers:
    """The circuits of one process, by name; those that are closed take no room."""

    def __init__(self) -> None:
        self._circuits: dict[str, Circuit] = {}

    def failed(self, name: str, now: float) -> float | None:
        """Seconds for which it is given nothing from now on, when this failure opened it."""
        before = self._circuits.get(name, CLOSED)
        after = self._circuits[name] = before.failed(now)
        opened = after.open_until if after.open_until != before.open_until else None
        return None if opened is None else opened - now

    def succeeded(self, name: str) -> None:
        self._circuits.pop(name, None)

    def allowed(self, name: str, now: float) -> int | None:
        return self._circuits.get(name, CLOSED).allowed(now)

    def loads(self, now: float) -> tuple[CircuitLoad, ...]:
        """Of those that failed since they last succeeded, by name."""
        return tuple(
            CircuitLoad(
                name=name,
                state=_STATES[circuit.allowed(now)],
                failures=circuit.failures,
                open_seconds=round(max(0.0, (circuit.open_until or now) - now), 3),
            )
            for name, circuit in sorted(self._circuits.items())
        )

    def keep(self, names: Collection[str]) -> None:
        """Forgets all others."""
        for name in [name for name in self._circuits if name not in names]:
            del self._circuits[name]
