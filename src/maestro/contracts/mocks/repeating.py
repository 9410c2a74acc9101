"""Requests that come again byte for byte, with what answers them."""

from maestro.contracts.mocks.surface import Again

MAX_KNOWN = 2_048
MAX_KNOWN_BYTES = 4_096
"""Requests that are remembered, and how long each may be."""

_MAX_SEEN = 16_384


class KnownRequests:
    """Whole requests that have come at least twice; those that never return cost nothing."""

    def __init__(self) -> None:
        self.answers: dict[bytes, Again] = {}
        self._seen: set[int] = set()

    def remember(self, data: bytes, again: Again) -> None:
        """Keeps what answers a request once the request has come for the second time."""
        if len(data) > MAX_KNOWN_BYTES:
            return
        mark = hash(data)  # two requests with the same one are only remembered a bit early
        if mark not in self._seen:
            if len(self._seen) >= _MAX_SEEN:
                self._seen.clear()
            self._seen.add(mark)
            return
        if len(self.answers) >= MAX_KNOWN:
            self.answers.clear()
        self.answers[data] = again

    def forget(self) -> None:
        self.answers.clear()
