"""Moments as people write them."""

from datetime import UTC, datetime

from maestro.errors import InvalidInput


def moment(text: str, name: str) -> datetime:
    """Without an offset it is one of UTC. Raises InvalidInput, which calls it `name`."""
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"{name} {text!r} is not a moment such as 2026-11-22T08:00:00Z"
        ) from None
