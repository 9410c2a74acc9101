"""Every interface between the packages, and the values that cross them.

Protocols only: what an implementation must promise stands in the docstrings, and one conformance
suite per port under tests/conformance/ holds every implementation to it.
"""

from maestro.ports.agents import AgentRepository, PersonaExecutor, Report
from maestro.ports.clock import Clock
from maestro.ports.contracts import (
    ContractVerifier,
    MockProvider,
    MockServer,
    RecordedCall,
    VerificationTarget,
)
from maestro.ports.engine import Emit, Engine, StepContext, StepHandler, StepResult
from maestro.ports.entries import Entry, Guard, StepMove, StoredRun
from maestro.ports.models import CallJournal, Consultants, Consultation, LanguageModel
from maestro.ports.quality import EvidenceCollector, EvidenceSubject
from maestro.ports.sandboxes import (
    CommandResult,
    Reach,
    Sandbox,
    SandboxProvider,
    SandboxStrength,
    ServerProcess,
)
from maestro.ports.storage import (
    ArtifactStore,
    AuditRepository,
    BaselineRepository,
    ContractRepository,
    EventRepository,
    ModelCallRepository,
    RequirementRepository,
    RunRepository,
    Store,
    Transaction,
    WaiverRepository,
)
from maestro.ports.tasks import Task, TaskRepository

__all__ = [
    "AgentRepository",
    "ArtifactStore",
    "AuditRepository",
    "BaselineRepository",
    "CallJournal",
    "Clock",
    "CommandResult",
    "Consultants",
    "Consultation",
    "ContractRepository",
    "ContractVerifier",
    "Emit",
    "Engine",
    "Entry",
    "EventRepository",
    "EvidenceCollector",
    "EvidenceSubject",
    "Guard",
    "LanguageModel",
    "MockProvider",
    "MockServer",
    "ModelCallRepository",
    "PersonaExecutor",
    "Reach",
    "RecordedCall",
    "Report",
    "RequirementRepository",
    "RunRepository",
    "Sandbox",
    "SandboxProvider",
    "SandboxStrength",
    "ServerProcess",
    "StepContext",
    "StepHandler",
    "StepMove",
    "StepResult",
    "Store",
    "StoredRun",
    "Task",
    "TaskRepository",
    "Transaction",
    "VerificationTarget",
    "WaiverRepository",
]
