"""All contracts of a build, by one set of conventions."""

from maestro.contracts.design.criteria import Trace, with_unverified
from maestro.contracts.design.documents import document_contracts, promises
from maestro.contracts.design.evidence import page_criteria, rest_criteria, schema_criteria
from maestro.contracts.design.layout import APP, Component, components, present
from maestro.contracts.design.page import page_document
from maestro.contracts.design.rest import openapi_document
from maestro.contracts.design.services import service_deliverables
from maestro.contracts.design.tables import schema_document
from maestro.domain.contract import Contract, ContractKind, Deliverable, SpecificationFormat
from maestro.domain.entities import DomainModel
from maestro.domain.requirement import Analysis
from maestro.domain.team import Team
from maestro.domain.values import ContractId


def design(analysis: Analysis, team: Team) -> tuple[Contract, ...]:
    """Contracts for what the members of the team provide, not yet agreed.

    Every covered part of the requirement is named by a criterion: one with a check, or one that
    stays unverified because nobody in the team provides what could be checked.
    """
    domain = analysis.domain
    trace = Trace(analysis.parts)
    parts = components(domain) if domain.entities else ()
    made: list[Contract] = []
    for part in parts:
        if present(team, "backend_developer"):
            made.append(_rest(domain, part, team, trace))
        if present(team, "database_designer"):
            made.append(_schema(part, team, trace))
    if parts and domain.has_page and present(team, "frontend_developer"):
        made.append(_page(domain, team, trace))
    promised = promises(
        title=domain.title,
        paths=[entity.path for part in parts for entity in part.entities],
        parts=[part.id for part in analysis.parts],
        components=[part.name for part in parts],
    )
    return with_unverified((*made, *document_contracts(promised, team, trace)), trace)


def _rest(domain: DomainModel, part: Component, team: Team, trace: Trace) -> Contract:
    contract = f"{part.name}-api"
    return Contract(
        id=ContractId(contract),
        name=f"{domain.title} API ({part.name})",
        kind=ContractKind.REST,
        version="1.0.0",
        provider="backend_developer",
        component=part.name,
        consumers=present(team, "frontend_developer", "qa_engineer"),
        format=SpecificationFormat.OPENAPI,
        specification=openapi_document(domain, part),
        deliverables=service_deliverables(part.directory),
        acceptance=rest_criteria(contract, domain, part, trace),
    )


def _schema(part: Component, team: Team, trace: Trace) -> Contract:
    contract = f"{part.name}-schema"
    folder = part.directory
    return Contract(
        id=ContractId(contract),
        name=f"Database schema ({part.name})",
        kind=ContractKind.DATA_SCHEMA,
        version="1.0.0",
        provider="database_designer",
        component=part.name,
        consumers=present(team, "backend_developer"),
        format=SpecificationFormat.JSON_SCHEMA,
        specification=schema_document(part),
        deliverables=(
            Deliverable(
                name="Migrations",
                description="Alembic migrations from an empty database to this schema and back.",
                paths=(
                    f"{folder}/alembic.ini",
                    f"{folder}/migrations/env.py",
                    f"{folder}/migrations/versions/*.py",
                ),
            ),
        ),
        acceptance=schema_criteria(contract, part, trace),
    )


def _page(domain: DomainModel, team: Team, trace: Trace) -> Contract:
    contract = "web-page"
    return Contract(
        id=ContractId(contract),
        name=f"{domain.title} web page",
        kind=ContractKind.PAGE,
        version="1.0.0",
        provider="frontend_developer",
        component=APP,
        consumers=present(team, "qa_engineer"),
        format=SpecificationFormat.JSON_SCHEMA,
        specification=page_document(domain),
        deliverables=(
            Deliverable(
                name="Page",
                description="The page, its styles and its modules; no build step.",
                paths=("frontend/index.html", "frontend/css/*.css", "frontend/js/**/*.js"),
            ),
            Deliverable(
                name="API client",
                description="One function per operation.",
                paths=("frontend/js/api.js",),
            ),
            Deliverable(
                name="Page tests",
                description="Tests of the client against a running API.",
                paths=("frontend/tests/*",),
            ),
        ),
        acceptance=page_criteria(contract, domain, trace),
    )
