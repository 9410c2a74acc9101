"""Files every backend consists of."""

from maestro.domain.contract import Deliverable


def service_deliverables(directory: str) -> tuple[Deliverable, ...]:
    """Files of a backend below its folder."""
    return (
        Deliverable(
            name="Service",
            description="The application package; it is started as app.main:app.",
            paths=(f"{directory}/app/main.py", f"{directory}/app/**/*.py"),
        ),
        Deliverable(
            name="Service tests",
            description="The service's own tests.",
            paths=(f"{directory}/tests/**/test_*.py",),
        ),
        Deliverable(
            name="Service requirements",
            description="Python packages the service needs.",
            paths=(f"{directory}/requirements.txt",),
        ),
    )
