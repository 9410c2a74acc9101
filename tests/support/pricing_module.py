"""A module that keeps examples/contracts/pricing.py."""

RIGHT = """
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Optional


class Currency(StrEnum):
    EUR = "EUR"
    USD = "USD"


class UnknownProduct(LookupError):
    pass


class QuantityRefused(ValueError):
    pass


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


class Pricing:
    def quote(self, sku: str, quantity: int = 1, *, currency: Currency = Currency.EUR) -> Quote:
        if quantity < 1:
            raise QuantityRefused(quantity)
        total = Decimal("2.50") * quantity
        return Quote(sku, quantity, total, currency, [Discount("many", 5.0)])

    def cheapest(self, skus: list[str]) -> Optional[str]:
        return min(skus, default=None)

    async def refresh(self) -> int:
        return 3

    def rates(self) -> dict[str, float]:
        return {"USD": 1.1}
"""
