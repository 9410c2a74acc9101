"""English singular and plural; the one place that loads the word rules, and only when asked."""

from functools import cache
from typing import Any


@cache
def inflector() -> Any:
    """The inflect engine. Importing it costs seconds of type instrumentation, so it waits until
    the first word needs it.
    """
    import inflect  # noqa: PLC0415

    return inflect.engine()
