"""Saved plans: YAML that people may read and change before building."""

from pathlib import Path

import yaml

from maestro.domain.encoding import decode, encode
from maestro.domain.plan import Plan
from maestro.domain.workflow import check_graph
from maestro.domain.yaml_text import yaml_value
from maestro.errors import InvalidInput

FORMAT = 1


def save(path: Path, requirement: str, plan: Plan) -> None:
    """Writes the plan. Raises InvalidInput when the file cannot be written."""
    document = {"maestro_plan": FORMAT, "requirement": requirement, "plan": encode(plan)}
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"--save {str(path)!r} cannot be written: {error.strerror}") from error


def parse(text: str, name: str) -> tuple[str, Plan]:
    """Requirement and plan of a saved plan.

    Raises:
        InvalidInput: names the file and the place.
    """
    document = yaml_value(text, name=f"--plan {name!r}")
    if not isinstance(document, dict) or document.get("maestro_plan") != FORMAT:
        raise InvalidInput(
            f"--plan {name!r} is not a saved plan of format {FORMAT}; make one with "
            "'maestro plan REQUIREMENT --save FILE'"
        )
    requirement = document.get("requirement")
    if not isinstance(requirement, str):
        raise InvalidInput(f"--plan {name!r}: 'requirement' must be text")
    plan = decode(Plan, document.get("plan"), where=f"--plan {name!r}: plan")
    check_graph(plan.steps)
    return requirement, plan
