"""The bill of materials (CycloneDX) and what the licences in it ask for."""

import asyncio
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from maestro.domain.values import JsonScalar
from maestro.quality.evidence.dependencies import Dependency, declares, dependencies
from maestro.quality.evidence.programs import FileExamination, Program, ProgramCollector
from maestro.quality.evidence.tooling import SourceFile

if TYPE_CHECKING:
    from cyclonedx.model.component import Component

_NAMESPACE = uuid.UUID("7c0f1f4e-3a53-4c5c-9d0e-5a0cf7a0f2c1")
_FORBIDDEN = ("AGPL", "GPL", "SSPL", "OSL", "EUPL", "CPAL", "RPL", "CC-BY-NC", "CC-BY-SA", "BUSL",
              "Commons-Clause", "Proprietary")  # fmt: skip
"""Beginnings of licence names that ask for one's own source, or forbid selling."""


async def _examine(examination: FileExamination) -> Mapping[str, JsonScalar]:
    found = await asyncio.to_thread(dependencies, examination.files)
    examination.measurement.raw = await asyncio.to_thread(bill_of_materials, examination.files)
    forbidden = [item for item in found if item.licence and is_forbidden(item.licence)]
    unknown = [item for item in found if not item.licence]
    examination.measurement.detail += [
        *(f"{item.label} comes under {item.licence}" for item in forbidden),
        *(f"{item.label} does not say under which licence it comes" for item in unknown),
    ]
    return {
        "sbom.components": len(found),
        "licences.forbidden": len(forbidden),
        "licences.unknown": len(unknown),
    }


def bill_of_materials(files: Sequence[SourceFile]) -> str:
    """CycloneDX 1.6 as JSON; the same dependencies give the same text.

    Raises:
        ValueError: a declaring file cannot be read.
    """
    from cyclonedx.model.bom import Bom  # noqa: PLC0415 - comes with an extra
    from cyclonedx.output.json import JsonV1Dot6  # noqa: PLC0415

    found = dependencies([file for file in files if declares(file)])
    bom = Bom(components=[_component(item) for item in found])
    bom.serial_number = uuid.uuid5(_NAMESPACE, repr(found))
    document: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    document["metadata"].pop("timestamp", None)
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def is_forbidden(licence: str) -> bool:
    """Of alternatives one has to be free; of licences that hold together, all."""
    from license_expression import (  # noqa: PLC0415 - comes with an extra
        ExpressionError,
        Licensing,
    )

    try:
        return _binds(Licensing().parse(licence, simple=True))
    except ExpressionError:
        return _is_named(licence)


def _binds(expression: Any) -> bool:
    operands = [_binds(part) for part in getattr(expression, "args", ())]
    if operands:
        return all(operands) if expression.operator.strip() == "OR" else any(operands)
    return _is_named(str(getattr(expression, "key", "")))


def _is_named(licence: str) -> bool:
    return licence.upper().startswith(tuple(name.upper() for name in _FORBIDDEN))


def _component(item: Dependency) -> "Component":
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415
    from cyclonedx.model.license import DisjunctiveLicense  # noqa: PLC0415
    from packageurl import PackageURL  # noqa: PLC0415

    scope, _, name = item.name.rpartition("/")
    purl = PackageURL(item.ecosystem, scope or None, name, item.version)
    licences = [DisjunctiveLicense(name=item.licence)] if item.licence else []
    return Component(
        type=ComponentType.LIBRARY,
        name=item.name,
        version=item.version,
        purl=purl,
        bom_ref=str(purl),
        licenses=licences,
    )


SBOM = ProgramCollector("sbom", (Program("cyclonedx-python-lib"),), declares, _examine)
