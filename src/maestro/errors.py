"""Every error Maestro raises on purpose, sorted by what the caller does next.

MaestroError          .code stable slug   .retryable
├─ CallerError        fix the request     InvalidInput NotFound Conflict PermissionDenied
├─ Blocked            a gate refused      show the conditions; rework or waive; answer QuestionAsked
├─ ExecutionError     an attempt failed   StepFailed StepTimedOut BudgetExceeded ModelFailed
│                                         AgentFailed SandboxFailed NoAgentAvailable
└─ StorageError       stop taking work    StorageUnavailable LeaseLost SchemaMismatch

Exit codes and HTTP statuses belong to the doors; nothing here knows them.
"""


class MaestroError(Exception):
    """Root of the tree. Messages say what happened, show the value and name the next step."""

    code = "maestro"
    retryable = False


class CallerError(MaestroError):
    """The request is wrong; sending it again unchanged cannot help."""

    code = "caller"


class InvalidInput(CallerError):
    """A value, a file or an option is malformed; the message names the place and the rule."""

    code = "invalid_input"


class NotFound(CallerError):
    """The named thing does not exist."""

    code = "not_found"


class Conflict(CallerError):
    """The move is not legal in the present state, or somebody else owns the thing."""

    code = "conflict"


class PermissionDenied(CallerError):
    """The principal may not do this."""

    code = "permission_denied"


class Blocked(MaestroError):
    """Work was refused by a gate, a verification or an open question. It did not break.

    Attributes:
        reasons: one sentence per condition that refused, ready to be shown.
        detail: JSON-encodable evidence behind the refusal (gate results, findings, questions).
    """

    code = "blocked"

    def __init__(
        self, message: str, *, reasons: tuple[str, ...] = (), detail: object = None
    ) -> None:
        super().__init__(message)
        self.reasons = reasons
        self.detail = detail


class QuestionAsked(Blocked):
    """The work needs an answer of a person; with it the attempt goes on.

    Attributes:
        question: what is asked; untrusted where a model asks.
        reasons: what the attempt was told to do better, for the one that goes on with it.
    """

    code = "question"

    def __init__(self, question: str, message: str, *, reasons: tuple[str, ...] = ()) -> None:
        super().__init__(message, reasons=reasons, detail={"question": question})
        self.question = question


class ExecutionError(MaestroError):
    """Something that was attempted broke; another attempt may succeed where `retryable`."""

    code = "execution"


class StepFailed(ExecutionError):
    """A step ended with an error of its own work."""

    code = "step_failed"
    retryable = True


class StepTimedOut(ExecutionError):
    """A step used up its time limit and was ended."""

    code = "step_timed_out"
    retryable = True


class BudgetExceeded(ExecutionError):
    """A budget (tokens, money, wall time, calls) is used up.

    Attributes:
        reasons: what the attempt was told to do better, for the one that goes on with it.
    """

    code = "budget"

    def __init__(self, message: str, *, reasons: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.reasons = reasons


class ModelFailed(ExecutionError):
    """A model call failed or answered with something unusable.

    Attributes:
        unpaid: the provider said that it did nothing, so that nothing was spent.
    """

    code = "model_failed"
    retryable = True

    def __init__(self, message: str, *, unpaid: bool = False) -> None:
        super().__init__(message)
        self.unpaid = unpaid


class AgentFailed(ExecutionError):
    """An agent outside of this process broke, or handed in what is not accepted; another one may
    do better.
    """

    code = "agent_failed"
    retryable = True


class SandboxFailed(ExecutionError):
    """A sandbox of the required strength could not be had or broke."""

    code = "sandbox_failed"


class NoAgentAvailable(ExecutionError):
    """No registered agent can play the persona; the message names what is missing."""

    code = "no_agent_available"


class StorageError(MaestroError):
    """The store cannot be trusted with more work; stop taking it."""

    code = "storage"


class StorageUnavailable(StorageError):
    """The store cannot be opened, read or written."""

    code = "storage_unavailable"
    retryable = True


class LeaseLost(StorageError):
    """Another process owns the run now; this one's writes are refused."""

    code = "lease_lost"


class SchemaMismatch(StorageError):
    """The store was written by a newer Maestro, or a journal entry does not fit its step."""

    code = "schema_mismatch"
