"""Values of which the engine makes thousands a second.

The constructor of a frozen dataclass takes six times as long as that of another one, since it has
to get round its own lock. `hot_dataclass` leaves the lock to the type checker, which refuses an
assignment to a field as before; equality and hash are those of a frozen dataclass.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as hot_dataclass
else:
    from collections.abc import Callable
    from dataclasses import dataclass

    def hot_dataclass(
        *, frozen: bool, slots: bool, kw_only: bool = False
    ) -> Callable[[type], type]:
        """As `dataclass`; `frozen` has to be said, since readers and the checker go by it."""
        return dataclass(slots=slots, kw_only=kw_only, unsafe_hash=frozen)


__all__ = ["hot_dataclass"]
