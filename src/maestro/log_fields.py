"""What lines of the log are about: run, step, attempt, who asked."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

_ABOUT: ContextVar[Mapping[str, object]] = ContextVar("about", default=MappingProxyType({}))


def log_fields() -> Mapping[str, object]:
    """Those of this moment, in this task."""
    return _ABOUT.get()


@contextmanager
def telling(**about: object) -> Iterator[None]:
    """Lines logged within, also by tasks started there, carry these fields."""
    token = _ABOUT.set({**_ABOUT.get(), **about})
    try:
        yield
    finally:
        _ABOUT.reset(token)
