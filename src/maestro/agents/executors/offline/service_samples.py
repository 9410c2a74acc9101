"""Values for the generated service's own tests, as Python expressions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from maestro.agents.executors.offline.render import python_text
from maestro.domain.entities import Field, FieldType


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSamples:
    usual: str
    """An accepted value; for a unique field it differs for every `number`."""
    other: str
    """Another accepted value, the same expression where there is only one."""
    wrong: tuple[str, ...]
    """Values that must be refused."""


def samples_of(described: Field, schema: Mapping[str, Any]) -> FieldSamples:
    """Values that the property's schema accepts and refuses."""
    given = schema.get("examples") or [None]
    usual = _Maker(described, schema, given[0])
    return FieldSamples(usual=usual.usual(), other=usual.other(), wrong=usual.wrong())


@dataclass(frozen=True, slots=True)
class _Maker:
    described: Field
    schema: Mapping[str, Any]
    example: Any

    def usual(self) -> str:
        kind = self.described.type
        if not self.described.unique:
            return python_text(self._plain())
        if kind is FieldType.EMAIL:
            return 'f"person{number}@example.com"'
        if kind is FieldType.URL:
            return 'f"https://example.com/{number}"'
        if kind in (FieldType.STRING, FieldType.TEXT):
            return 'f"S{number}"' if self._limit() < 12 else 'f"Sample {number}"'
        if kind in (FieldType.INTEGER, FieldType.DECIMAL):
            return f"{self._least()} + number"
        if kind in (FieldType.DATE, FieldType.DATETIME):
            tail = "T09:30:00Z" if kind is FieldType.DATETIME else ""
            return f'f"{{2000 + number}}-01-15{tail}"'
        return "number" if kind is FieldType.REFERENCE else python_text(self._plain())

    def other(self) -> str:
        """For unique fields the same expression gives another value the next time."""
        kind = self.described.type
        if self.described.unique:
            return self.usual()
        if kind is FieldType.ENUM:
            return python_text(self.described.values[-1])
        if kind is FieldType.BOOLEAN:
            return python_text(not self._plain())
        if kind in (FieldType.INTEGER, FieldType.DECIMAL):
            return python_text(self._other_number())
        return python_text(_OTHERS.get(kind) or self._other_text())

    def wrong(self) -> tuple[str, ...]:
        kind = self.described.type
        values: list[Any] = [[], {}]
        if kind in _WRONG:
            values += _WRONG[kind]
        else:
            values += [1, True]
        if "maxLength" in self.schema:
            return (*map(python_text, values), f'"x" * {self.schema["maxLength"] + 1}')
        if "maximum" in self.schema:
            values.append(self.schema["maximum"] + 1)
        if "minimum" in self.schema:
            values.append(self.schema["minimum"] - 1)
        return tuple(map(python_text, values))

    def _plain(self) -> Any:
        if self.example is not None:
            return self.example
        return (
            self.described.values[0]
            if self.described.values
            else _OTHERS.get(self.described.type, "A")
        )

    def _limit(self) -> int:
        return int(self.schema.get("maxLength", 255))

    def _least(self) -> int:
        return max(0, int(self.schema.get("minimum", 0)))

    def _other_number(self) -> float:
        plain: float = self._plain()
        if plain + 1 <= self.schema.get("maximum", plain + 1):
            return plain + 1
        least: float = self.schema.get("minimum", plain - 1)
        return max(plain - 1, least)

    def _other_text(self) -> str:
        return "Zebra"[: self._limit()]


_OTHERS: Mapping[FieldType, Any] = {
    FieldType.DATE: "2031-02-16",
    FieldType.DATETIME: "2031-02-16T10:45:30Z",
    FieldType.EMAIL: "grace@example.com",
    FieldType.URL: "https://example.com/other",
    FieldType.REFERENCE: 2,
}
_WRONG: Mapping[FieldType, list[Any]] = {
    FieldType.INTEGER: ["1", 1.5, True],
    FieldType.REFERENCE: ["1", 1.5, True],
    FieldType.DECIMAL: ["1.50", 0.005, True],
    FieldType.BOOLEAN: ["true", 1],
    FieldType.DATE: ["tomorrow", "2030-02-30", 20300115],
    FieldType.DATETIME: ["2030-01-15", "2030-01-15T09:30:00", 1],
    FieldType.EMAIL: ["nobody", f"{'x' * 65}@example.com", f"a@{'x' * 64}.com", 1],
    FieldType.URL: ["not an address", 1],
    FieldType.ENUM: ["no such member", 1],
}
