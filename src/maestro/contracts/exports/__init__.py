"""Contracts as projects and files that others run: mock servers, clients, scripts, documents."""

from maestro.contracts.exports.project import ExportedProject
from maestro.contracts.exports.registry import EXPORTS, ExportTarget, check_export, export
from maestro.contracts.exports.writing import write_project

__all__ = [
    "EXPORTS",
    "ExportTarget",
    "ExportedProject",
    "check_export",
    "export",
    "write_project",
]
