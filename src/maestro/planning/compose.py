"""Who works: a blueprint's roles filled with personas, and why some stay empty."""

from maestro.domain.requirement import Analysis
from maestro.domain.team import Blueprint, Member, Role, Team
from maestro.planning.catalogue import Catalogue

WHOLE = "app"
"""Component of those who work on the application as a whole."""

PER_SERVICE = frozenset({"backend_developer", "database_designer"})
_NEEDS_PAGE = frozenset({"frontend_developer", "ui_designer"})
_UNSTAFFED_OFFLINE = {
    "code_reviewer": "the gates and verifications judge the result",
    "integration_tester": "the integrate step starts and tests all parts together",
}


def compose(blueprint: Blueprint, analysis: Analysis, catalogue: Catalogue) -> Team:
    """Required roles are filled, optional ones only for an expertise the analysis asks for.

    Those who build a service are there once per service; nobody builds a page that is not wanted.
    """
    members: list[Member] = []
    omitted: list[str] = []
    for role in blueprint.roles:
        reason = _why_empty(role, analysis)
        if reason:
            omitted.append(f"{role.name}: {reason}")
            continue
        catalogue.persona(role.persona)
        for component in _components(role.persona, analysis):
            members.append(_member(role, component, analysis))
    return Team(blueprint=blueprint.id, members=tuple(members), omitted=tuple(omitted))


def _why_empty(role: Role, analysis: Analysis) -> str:
    if role.persona in _NEEDS_PAGE and not analysis.domain.has_page:
        return "the requirement asks for no page"
    if any(name in analysis.expertise for name in role.expertise):
        return ""
    if role.persona in _UNSTAFFED_OFFLINE:
        return f"not needed here: {_UNSTAFFED_OFFLINE[role.persona]}"
    if role.required:
        return ""
    names = " or ".join(name.replace("_", " ") for name in role.expertise)
    return f"the analysis asks for no {names}"


def _components(persona: str, analysis: Analysis) -> tuple[str, ...]:
    if persona not in PER_SERVICE:
        return (WHOLE,)
    return tuple(service.name for service in analysis.domain.services) or ("backend",)


def _member(role: Role, component: str, analysis: Analysis) -> Member:
    asked = [name for name in role.expertise if name in analysis.expertise]
    if asked:
        reason = "needed for " + " and ".join(name.replace("_", " ") for name in asked)
    else:
        reason = "belongs to every team of this blueprint"
    if component != WHOLE and len(analysis.domain.services) > 1:
        reason += f" of the {component.replace('_', ' ')} service"
    return Member(role=role.name, persona=role.persona, component=component, reason=reason)
