"""English singular and plural; the one place that loads the word rules, and only when asked."""

from functools import cache
from typing import Any


@cache
def inflector() -> Any:
    """The inflect engine, loaded when the first word needs it."""
    import typeguard  # noqa: PLC0415

    # inflect has its functions rewritten to check their arguments' types, which costs seconds of
    # processor time at import and finds nothing in calls that are type-checked already.
    module: Any = typeguard
    rewriting = module.typechecked
    module.typechecked = _as_it_is
    try:
        import inflect  # noqa: PLC0415
    finally:
        module.typechecked = rewriting
    return inflect.engine()


def _as_it_is(target: Any) -> Any:
    return target
