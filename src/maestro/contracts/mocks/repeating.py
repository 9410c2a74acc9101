"""Requests that come again byte for byte, with what answers them."""

from array import array

from maestro.contracts.mocks.surface import Again

MAX_KNOWN = 2_048
MAX_KNOWN_BYTES = 4_096
"""Requests that are remembered, and how long each may be."""

_LAST_SEEN = 2**14 - 1


class KnownRequests:
    """Whole requests that have come at least twice; those that never return cost nothing."""

    def __init__(self) -> None:
        self.answers: dict[bytes, Again] = {}
        """Is emptied, but never replaced."""
        self._seen = array("q", bytes(8 * (_LAST_SEEN + 1)))
        """What came last at each place, small enough to stay at hand."""

    def returns(self, data: bytes) -> bool:
        """Whether a request has come before, so that it is worth remembering."""
        if len(data) > MAX_KNOWN_BYTES:
            return False
        mark = hash(data)  # two requests with the same one are only remembered a bit early
        place = mark & _LAST_SEEN
        if self._seen[place] == mark:
            return True
        self._seen[place] = mark
        return False

    def remember(self, data: bytes, again: Again) -> None:
        if len(self.answers) >= MAX_KNOWN:
            self.answers.clear()
        self.answers[data] = again

    def forget(self) -> None:
        self.answers.clear()
