"""Evidence for which something has to be started: a service, a browser, a database, a shell."""

from maestro.ports import EvidenceCollector
from maestro.quality.evidence.running.accessibility import examine_pages
from maestro.quality.evidence.running.contracts import VerificationCollector
from maestro.quality.evidence.running.documented import run_documented
from maestro.quality.evidence.running.load import put_under_load
from maestro.quality.evidence.running.markup import validate_markup
from maestro.quality.evidence.running.migrations import migrate
from maestro.quality.evidence.running.workbench import Equipment, RunningCollector


def running_collectors(equipment: Equipment | None) -> tuple[EvidenceCollector, ...]:
    """Without equipment they are there, and say that nothing was measured."""
    return (
        VerificationCollector(equipment),
        RunningCollector("migrations", "alembic", equipment, migrate),
        RunningCollector("accessibility", "axe-core", equipment, examine_pages),
        RunningCollector("html", "html-validate", equipment, validate_markup),
        RunningCollector("load", "maestro-load", equipment, put_under_load),
        RunningCollector("documented_commands", "sh", equipment, run_documented),
    )
