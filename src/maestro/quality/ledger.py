"""Evidence sorted by what can be done with it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from maestro.domain.quality import Evidence, EvidenceStatus, Verdict
from maestro.domain.values import JsonScalar
from maestro.quality.metrics import MetricCatalogue

_SHOWN_FINDINGS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Which metrics have a value, and why the others have none."""

    catalogue: MetricCatalogue
    values: Mapping[str, JsonScalar]
    absent: Mapping[str, str]
    """Collector -> why its metrics were not measured."""
    broken: Mapping[str, str]
    """Collector -> why nothing it says can be trusted."""
    too_small: Mapping[str, str] = field(default_factory=dict)
    """Metric -> why its sample says nothing."""
    findings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    """What is wrong with the evidence itself; blocks whatever the gates say."""

    @staticmethod
    def of(evidence: Iterable[Evidence], catalogue: MetricCatalogue) -> "Ledger":
        values: dict[str, JsonScalar] = {}
        absent: dict[str, str] = {}
        broken: dict[str, str] = {}
        findings: dict[str, tuple[str, ...]] = {}
        digests: dict[str, str] = {}
        faults: list[str] = []
        for item in evidence:
            if item.collector in findings:
                faults.append(f"{item.collector!r} handed in evidence twice")
            findings[item.collector] = item.detail
            digests[item.collector] = item.raw_digest
            wrong = _faults(item, catalogue)
            faults += wrong
            if wrong or item.status is EvidenceStatus.FAILED or item.tool_errors:
                broken[item.collector] = _first([*wrong, *item.tool_errors]) or "the tool failed"
            elif item.status is EvidenceStatus.UNAVAILABLE:
                absent[item.collector] = _first(item.detail) or f"{item.tool} is not available"
            elif item.files_examined < 1:
                absent[item.collector] = f"{item.tool} examined nothing"
            else:
                values.update(item.metrics)
        too_small = _too_small(values, catalogue)
        return Ledger(
            catalogue=catalogue,
            values={name: value for name, value in values.items() if name not in too_small},
            absent=absent,
            broken=broken,
            too_small=too_small,
            findings=findings,
            digests=digests,
            faults=tuple(faults),
        )

    def obstacle(self, names: Iterable[str]) -> tuple[Verdict, str] | None:
        """Why a condition over these metrics cannot be judged; an error weighs more."""
        missing: str | None = None
        for name in names:
            producer = self.catalogue.metrics[name].producer
            if producer in self.broken:
                return Verdict.ERROR, f"{name} has no trustworthy value: {self.broken[producer]}"
            if name not in self.values and missing is None:
                missing = f"{name} was not measured: {self._why_absent(name, producer)}"
        return None if missing is None else (Verdict.NOT_MEASURED, missing)

    def _why_absent(self, name: str, producer: str) -> str:
        if name in self.too_small:
            return self.too_small[name]
        return self.absent.get(producer, f"{producer!r} reported no value for it")

    def findings_behind(self, names: Iterable[str]) -> tuple[str, ...]:
        """The most important things collectors told beside these metrics."""
        found = [line for name in self._producers(names) for line in self.findings.get(name, ())]
        return tuple(found[:_SHOWN_FINDINGS])

    def digests_behind(self, names: Iterable[str]) -> tuple[str, ...]:
        """Of the raw outputs these metrics were read from."""
        found = [self.digests.get(name, "") for name in self._producers(names)]
        return tuple(digest for digest in found if digest)

    def told(self, names: Iterable[str]) -> str:
        """`a = 1, b = true`."""
        return ", ".join(f"{name} = {_shown(self.values[name])}" for name in names)

    def _producers(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.catalogue.metrics[name].producer for name in names))


def _too_small(values: Mapping[str, JsonScalar], catalogue: MetricCatalogue) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in values:
        sample = catalogue.metrics[name].min_sample
        if sample is None:
            continue
        seen = values.get(sample.metric)
        if not isinstance(seen, int) or seen < sample.at_least:
            found[name] = (
                f"it rests on {sample.metric} = {_shown(seen)}; at least {sample.at_least} are "
                "needed"
            )
    return found


def _faults(item: Evidence, catalogue: MetricCatalogue) -> list[str]:
    found = [catalogue.fault(item.collector, name, value) for name, value in item.metrics.items()]
    return [fault for fault in found if fault is not None]


def _first(lines: Sequence[str]) -> str:
    return lines[0] if lines else ""


def _shown(value: JsonScalar) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool | str):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
