"""What the shop asks of whoever computes its prices."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol


class Currency(StrEnum):
    EUR = "EUR"
    USD = "USD"


class UnknownProduct(LookupError):
    """Nothing is sold under that number."""


class QuantityRefused(ValueError):
    """Fewer than one, or more than there are."""


@dataclass(frozen=True)
class Discount:
    reason: str
    percent: float


@dataclass(frozen=True)
class Quote:
    sku: str
    quantity: int
    total: Decimal
    currency: Currency
    discounts: list[Discount]


class Pricing(Protocol):
    """Prices of products, with what is taken off."""

    def quote(self, sku: str, quantity: int = 1, *, currency: Currency = Currency.EUR) -> Quote:
        """The price of a number of pieces.

        Raises:
            UnknownProduct: nothing is sold under `sku`.
            QuantityRefused: `quantity` is below 1.
        """
        ...

    def cheapest(self, skus: list[str]) -> str | None:
        """The cheapest of several products; None of none."""
        ...

    async def refresh(self) -> int:
        """Reads the price list again and tells how many prices it holds."""
        ...

    def rates(self) -> dict[str, float]:
        """Exchange rates by currency, seen from the euro."""
        ...
