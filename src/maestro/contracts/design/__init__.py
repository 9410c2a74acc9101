"""Contracts are designed from an analysis, or adopted from the user's own document."""

from maestro.contracts.design.adoption import adopt, adoptable
from maestro.contracts.design.designer import design

__all__ = ["adopt", "adoptable", "design"]
