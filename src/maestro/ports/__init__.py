"""Every interface between the packages, and the values that cross them.

Protocols only: what an implementation must promise stands in the docstrings, and one conformance
suite per port under tests/conformance/ holds every implementation to it.
"""

from maestro.ports.agents import PersonaExecutor, Report
from maestro.ports.clock import Clock
from maestro.ports.contracts import (
    ContractVerifier,
    MockProvider,
    MockServer,
    RecordedCall,
    VerificationTarget,
)
from maestro.ports.engine import Emit, Engine, StepContext, StepHandler, StepResult
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
    ContractRepository,
    Entry,
    EventRepository,
    Guard,
    RequirementRepository,
    RunRepository,
    StepMove,
    Store,
    Task,
    TaskRepository,
    Transaction,
)

__all__ = [
    "ArtifactStore",
    "AuditRepository",
    "Clock",
    "CommandResult",
    "ContractRepository",
    "ContractVerifier",
    "Emit",
    "Engine",
    "Entry",
    "EventRepository",
    "EvidenceCollector",
    "EvidenceSubject",
    "Guard",
    "MockProvider",
    "MockServer",
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
    "Task",
    "TaskRepository",
    "Transaction",
    "VerificationTarget",
]
