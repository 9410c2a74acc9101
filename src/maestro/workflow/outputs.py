"""The outputs of a run's steps, of which every attempt sees those there were when it started."""

from collections.abc import Iterator, Mapping

from maestro.domain.values import JsonValue, StepId


class OutputLog:
    """Only grows; a look at it costs nothing, however many outputs there are."""

    def __init__(self) -> None:
        self.places: dict[StepId, int] = {}
        self.step_ids: list[StepId] = []
        self.outputs: list[JsonValue] = []

    def add(self, step_id: StepId, output: JsonValue) -> None:
        self.outputs.append(output)
        self.step_ids.append(step_id)
        self.places[step_id] = len(self.step_ids) - 1

    def so_far(self) -> Mapping[StepId, JsonValue]:
        """The outputs up to now; what is added later does not show. Safe to read in a thread."""
        return _Beginning(self, len(self.step_ids))


class _Beginning(Mapping[StepId, JsonValue]):
    def __init__(self, log: OutputLog, length: int) -> None:
        self._log = log
        self._length = length

    def __getitem__(self, step_id: StepId) -> JsonValue:
        place = self._log.places[step_id]
        if place >= self._length:
            raise KeyError(step_id)
        return self._log.outputs[place]

    def __iter__(self) -> Iterator[StepId]:
        return iter(self._log.step_ids[: self._length])

    def __len__(self) -> int:
        return self._length
