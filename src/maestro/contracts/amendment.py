"""A locked contract changes only by a new version that nobody it would break has refused."""

from collections.abc import Collection
from dataclasses import replace

from maestro.contracts.agree import agree
from maestro.contracts.comparison import Comparison, compare, version_numbers
from maestro.domain.contract import Contract
from maestro.errors import Blocked, Conflict


def amend(locked: Contract, proposed: Contract, consents: Collection[str]) -> Contract:
    """The next version of `locked`, agreed anew, with what `proposed` specifies.

    Nothing changed: `locked` itself. Nothing breaks: the next minor version. Something breaks:
    the next major version, if every consumer consents. A higher version that `proposed` asks for
    itself is kept.

    Args:
        locked: the contract as it was agreed.
        proposed: the same contract as somebody wants it.
        consents: persona ids of the consumers who agree to what breaks.

    Raises:
        Conflict: `locked` is not agreed or was changed since, or `proposed` is another contract.
        Blocked: consents are missing, or the proposed specification has errors; `reasons` name
            each change and who is missing.
        InvalidInput: one of the specifications is not of the format it claims to be.
    """
    _check_lock(locked, proposed)
    if proposed.specification_digest() == locked.digest and _same_parties(locked, proposed):
        return locked
    comparison = compare(locked, proposed)
    missing = [name for name in locked.consumers if name not in consents]
    lost = [name for name in missing if name not in proposed.consumers]
    if comparison.breaking and missing:
        raise _refused(locked, comparison, missing)
    if lost:
        raise Blocked(
            f"contract {locked.id!r} cannot lose {_names(lost)} without consent",
            reasons=tuple(f"{name} is no longer named as a consumer" for name in lost),
        )
    version = _version(locked, proposed, comparison)
    return agree(replace(proposed, version=version, digest=""))


def _check_lock(locked: Contract, proposed: Contract) -> None:
    if not locked.digest:
        raise Conflict(f"contract {locked.id!r} is not agreed yet; edit it and agree it")
    if locked.digest != locked.specification_digest():
        raise Conflict(
            f"contract {locked.id!r} {locked.version} was changed after it was agreed "
            f"({locked.digest} was locked); restore it before amending it"
        )
    for what in ("id", "kind", "format", "provider"):
        before, after = getattr(locked, what), getattr(proposed, what)
        if before != after:
            raise Conflict(
                f"the proposal for contract {locked.id!r} has {what} {str(after)!r} instead of "
                f"{str(before)!r}; propose another contract instead"
            )


def _same_parties(locked: Contract, proposed: Contract) -> bool:
    return set(locked.consumers) == set(proposed.consumers) and (
        locked.deliverables == proposed.deliverables and locked.acceptance == proposed.acceptance
    )


def _refused(locked: Contract, comparison: Comparison, missing: list[str]) -> Blocked:
    due = comparison.next_version(locked.version)
    return Blocked(
        f"contract {locked.id!r} {locked.version} is locked: {len(comparison.breaking)} "
        f"breaking change(s) need version {due} and the consent of {_names(missing)}; first: "
        f"{comparison.breaking[0]}",
        reasons=(
            *(str(change) for change in comparison.breaking),
            *(f"consent of {name} is missing" for name in missing),
        ),
        detail={
            "contract": locked.id,
            "version": locked.version,
            "due": due,
            "missing": missing,
            "rules": sorted({change.rule for change in comparison.breaking}),
        },
    )


def _version(locked: Contract, proposed: Contract, comparison: Comparison) -> str:
    """The version that is due, unless a higher one was asked for."""
    due = replace(comparison, edited=True).next_version(locked.version)
    asked = proposed.version
    return asked if version_numbers(asked) > version_numbers(due) else due


def _names(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)
