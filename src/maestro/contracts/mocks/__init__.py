"""Mocks: HTTP servers made from contracts, for exactly as long as a consumer works."""

from maestro.contracts.mocks.provider import LiveMockProvider

__all__ = ["LiveMockProvider"]
