"""The compliance report for people, as Markdown."""

from collections.abc import Iterator

from maestro.delivery.compliance import ComplianceReport, DecisionTold, WaiverUse
from maestro.domain.waiver_life import WaiverRecord


def report_text(report: ComplianceReport) -> str:
    return "\n".join(_lines(report)) + "\n"


def _lines(report: ComplianceReport) -> Iterator[str]:
    yield "# Compliance report"
    yield ""
    since = "the beginning" if report.since is None else report.since.isoformat()
    yield f"- Project: {_plain(report.project or 'all')}"
    yield f"- From {since} to {report.generated_at.isoformat()}"
    chain = report.chain
    if chain.intact:
        yield (
            f"- Audit log: intact, {chain.records} records, {chain.unsealed} of them unsealed, "
            f"head {chain.number} `{chain.head or '-'}`"
        )
    else:
        yield f"- **Audit log: NOT INTACT: {_plain(chain.fault)}. Do not rely on what follows.**"
    yield from _decisions(report.decisions)
    yield from _waivers(report.waivers)
    yield from _waived(report.waived)


def _decisions(decisions: tuple[DecisionTold, ...]) -> Iterator[str]:
    yield from ("", "## Decisions", "")
    if not decisions:
        yield "None."
        return
    yield "| no. | when | who | what | of | allowed | comment | evidence |"
    yield "|---|---|---|---|---|---|---|---|"
    for one in decisions:
        evidence = "<br>".join(
            f"{_plain(step.step)} attempt {step.attempt} {step.status} `{step.digest[:19]}`"
            for step in one.evidence
        )
        yield _row(
            one.number,
            one.at.isoformat(timespec="seconds"),
            _plain(one.principal),
            one.action,
            _plain(one.target),
            "yes" if one.allowed else "REFUSED",
            _plain(one.comment),
            evidence or "-",
        )


def _waivers(waivers: tuple[WaiverRecord, ...]) -> Iterator[str]:
    yield from ("", "## Waivers", "")
    if not waivers:
        yield "None."
        return
    yield "| waiver | gate | status | ceiling | until | asked by | decided by | why | decision |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for one in waivers:
        yield _row(
            one.id,
            _plain(f"{one.project}/{one.gate}"),
            one.status.value,
            f"`{_plain(one.ceiling)}`",
            one.expires.isoformat(),
            _plain(one.author),
            _plain(one.revoked_by or one.approver or "-"),
            _plain(one.reason),
            _plain(one.adr),
        )


def _waived(waived: tuple[WaiverUse, ...]) -> Iterator[str]:
    yield from ("", "## Gates that passed by a waiver", "")
    if not waived:
        yield "None."
        return
    yield "| run | step | when | gate | condition | seen | waiver | evidence |"
    yield "|---|---|---|---|---|---|---|---|"
    for one in waived:
        yield _row(
            one.run,
            f"{_plain(one.step)} attempt {one.attempt}",
            "-" if one.at is None else one.at.isoformat(timespec="seconds"),
            _plain(one.gate),
            f"`{_plain(one.condition)}`",
            _plain(str(one.observed)),
            one.waiver_id or "of the policy",
            "<br>".join(f"`{digest[:19]}`" for digest in one.evidence) or "-",
        )


def _row(*cells: object) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _plain(text: str) -> str:
    """What others wrote, in one cell and as text: no markup of theirs counts."""
    told = text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;")
    return " ".join(told.replace("`", "'").replace("[", "&#91;").replace("*", "&#42;").split())
