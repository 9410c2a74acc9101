"""The scheduler's rules without its books: everything is found anew from the statuses.

No queue, no counters, no order of settling: at each move it looks at every step until nothing
changes any more. Slow, and short enough to be checked by reading.
"""

from collections.abc import Callable, Iterable, Mapping

from maestro.domain.run import FINISHED_STEPS, RunStatus, StepStatus
from maestro.domain.values import StepId
from maestro.domain.workflow import OnUnmet, Step, all_needs
from maestro.errors import Conflict
from maestro.workflow import signals as s

PENDING, READY, RUNNING = StepStatus.PENDING, StepStatus.READY, StepStatus.RUNNING
WAITING, AWAITING, SUCCEEDED = StepStatus.WAITING, StepStatus.AWAITING, StepStatus.SUCCEEDED
FAILED, BLOCKED, SKIPPED = StepStatus.FAILED, StepStatus.BLOCKED, StepStatus.SKIPPED
CANCELLED = StepStatus.CANCELLED


class ReferenceModel:
    def __init__(self, steps: Iterable[Step], limits: Mapping[str, int], max_parallel: int) -> None:
        self.limits, self.max_parallel = limits, max_parallel
        self.steps: dict[StepId, Step] = {}
        self.status: dict[StepId, StepStatus] = {}
        self.attempt: dict[StepId, int] = {}
        self.forgiven: dict[StepId, int] = {}
        self.begun = self.paused = False
        self.ended: RunStatus | None = None
        self.rang: set[StepId] = set()  # retry timers
        self.asked: set[StepId] = set()  # conditions being judged
        self.holds: set[StepId] = set()  # conditions that were found to hold
        self.extended: set[StepId] = set()
        self.commands: list[s.Command] = []
        self.add(steps)

    def add(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self.steps[step.id] = step
            self.status[step.id] = PENDING
            self.attempt[step.id] = self.forgiven[step.id] = 0
        self.needs = all_needs(self.steps.values())

    def crash(self) -> None:
        """What is only in memory is lost; the host rings past timers and judges again."""
        self.begun, self.ended = False, None
        self.rang, self.asked, self.holds = set(), set(), set()

    def take(self, signal: s.Signal) -> list[s.Command]:
        self.commands = []
        self.change(signal)
        if self.begun:
            self.decide()
            self.start()
            self.close()
        return self.commands

    # --- what a signal changes ---------------------------------------------------------------

    def change(self, signal: s.Signal) -> None:  # noqa: C901  one case per signal
        match signal:
            case s.Begin():
                self.begun = True
            case s.AttemptSucceeded(step, extend):
                self.end(step, RUNNING, SUCCEEDED, s.EndStep(step, SUCCEEDED))
                if extend:
                    self.extended.add(step)
                    self.add(extend)
                    self.commands.append(s.ExtendRun(extend))
            case s.AttemptFailed(step, worth_retry, spread):
                if worth_retry and self.attempts_used(step) < self.steps[step].retry.max_attempts:
                    policy = self.steps[step].retry
                    grown = policy.delay_seconds * policy.backoff ** (self.attempts_used(step) - 1)
                    delay = min(grown, policy.max_delay_seconds) * spread
                    self.end(step, RUNNING, WAITING, s.ScheduleRetry(step, delay))
                else:
                    self.end(step, RUNNING, FAILED, s.EndStep(step, FAILED))
            case s.AttemptBlocked(step):
                self.end(step, RUNNING, BLOCKED, s.EndStep(step, BLOCKED))
            case s.AttemptInterrupted(step):
                if self.attempts_used(step) < self.steps[step].retry.max_attempts:
                    self.end(step, RUNNING, READY, s.RequeueStep(step))
                else:
                    self.end(step, RUNNING, FAILED, s.GiveUpStep(step))
            case s.RetryDue(step):
                self.expect(step, WAITING)
                self.rang.add(step)
            case s.ConditionJudged(step, verdict):
                self.judge(step, verdict)
            case s.Decided(step, accepted):
                status = SUCCEEDED if accepted else BLOCKED
                self.end(step, AWAITING, status, s.EndStep(step, status))
            case s.Expired(step):
                self.end(step, AWAITING, FAILED, s.EndStep(step, FAILED))
            case s.PauseAsked():
                self.paused = True
            case s.ResumeAsked():
                self.paused = False
            case s.CancelAsked():
                for step, status in self.status.items():
                    if status not in FINISHED_STEPS:
                        self.commands.append(s.CancelStep(step, status is RUNNING))
                        self.status[step] = CANCELLED
                self.paused = False
                self.finish(RunStatus.CANCELLED)
            case s.RetryAsked(step):
                self.retry(step)
            case s.RerunAsked(step, only_dependants):
                self.rerun(step, only_dependants=only_dependants)

    def end(self, step: StepId, before: StepStatus, after: StepStatus, command: s.Command) -> None:
        self.expect(step, before)
        self.status[step] = after
        self.commands.append(command)

    def expect(self, step: StepId, status: StepStatus) -> None:
        if self.status[step] is not status:
            raise Conflict(f"{step!r} is {self.status[step]}")

    def judge(self, step: StepId, verdict: s.ConditionOutcome) -> None:
        self.expect(step, PENDING)
        if not self.needs_finished(step):
            return
        self.asked.discard(step)
        if verdict is s.ConditionOutcome.HOLDS:
            self.holds.add(step)
        elif verdict is s.ConditionOutcome.DOES_NOT_HOLD:
            self.end(step, PENDING, SKIPPED, s.SkipStep(step, ()))
        else:
            self.end(step, PENDING, FAILED, s.RejectStep(step, ()))

    def retry(self, step: StepId | None) -> None:
        bad = {key for key, status in self.status.items() if status in (FAILED, BLOCKED, CANCELLED)}
        asked = bad if step is None else bad & {step}
        if not asked:
            raise Conflict("nothing to retry")
        self.reset(self.downstream(asked, self.never_ran))

    def rerun(self, step: StepId, *, only_dependants: bool) -> None:
        if self.status[step] not in FINISHED_STEPS:
            raise Conflict("not finished")
        concerned = self.downstream({step}, lambda _: True) - ({step} if only_dependants else set())
        if any(self.status[key] in (RUNNING, WAITING) for key in concerned):
            raise Conflict("in use")
        if concerned & self.extended:
            raise Conflict("extended")
        self.reset({key for key in concerned if self.status[key] is not PENDING})
        self.holds -= concerned
        self.asked -= concerned

    def reset(self, steps: Iterable[StepId]) -> None:
        for step in steps:
            self.status[step] = PENDING
            self.forgiven[step] = self.attempt[step]
            for memory in (self.rang, self.asked, self.holds):
                memory.discard(step)
            self.commands.append(s.ResetStep(step))
        self.ended = None

    def downstream(self, first: set[StepId], wanted: Callable[[StepId], bool]) -> set[StepId]:
        found: set[StepId] = set()
        more = set(first)
        while more:
            found |= more
            more = {k for k in self.steps if found & set(self.needs[k]) and wanted(k)} - found
        return found

    def never_ran(self, step: StepId) -> bool:
        fell = self.status[step] is FAILED and self.reaction(step) is OnUnmet.FAIL
        return fell or self.status[step] is SKIPPED

    # --- what follows from the statuses ------------------------------------------------------

    def decide(self) -> None:
        unready = {key for key in self.steps if not self.needs_finished(key)}
        self.holds -= unready
        self.asked -= unready
        while sum(self.decided(step) for step in self.steps):
            pass

    def decided(self, step: StepId) -> bool:
        """Whether something was decided about the step now."""
        if self.status[step] is not PENDING or not self.needs_finished(step):
            return False
        if self.reaction(step) is OnUnmet.SKIP:
            self.end(step, PENDING, SKIPPED, s.SkipStep(step, self.unmet(step)))
            return True
        if self.reaction(step) is OnUnmet.FAIL:
            self.end(step, PENDING, FAILED, s.RejectStep(step, self.unmet(step)))
            return True
        if self.steps[step].when is None or step in self.asked | self.holds:
            return False
        self.asked.add(step)
        self.commands.append(s.JudgeCondition(step))
        return True

    def start(self) -> None:
        if self.paused or self.ended is not None:
            return
        order = {step: place for place, step in enumerate(self.steps)}
        for step in sorted(self.steps, key=lambda key: (-self.steps[key].priority, order[key])):
            if not self.may_start(step):
                continue
            if self.steps[step].awaits:
                self.end(step, PENDING, AWAITING, s.Await(step))
            elif self.count(RUNNING) < self.max_parallel and not self.key_used_up(step):
                self.attempt[step] += 1
                self.rang.discard(step)
                self.status[step] = RUNNING
                self.commands.append(s.StartStep(step, self.attempt[step]))

    def close(self) -> None:
        if self.ended is not None:
            return
        if self.paused:
            if self.count(RUNNING) == 0:
                self.commands.append(s.RestRun())
        elif set(self.status.values()) <= FINISHED_STEPS:
            bad = RunStatus.BLOCKED if self.count(BLOCKED) else RunStatus.SUCCEEDED
            self.finish(RunStatus.FAILED if self.count(FAILED) else bad)

    def finish(self, status: RunStatus) -> None:
        self.ended = status
        self.commands.append(s.FinishRun(status))

    # --- questions ---------------------------------------------------------------------------

    def needs_finished(self, step: StepId) -> bool:
        return all(self.status[need] in FINISHED_STEPS for need in self.needs[step])

    def unmet(self, step: StepId) -> tuple[StepId, ...]:
        return tuple(need for need in self.needs[step] if self.status[need] is not SUCCEEDED)

    def reaction(self, step: StepId) -> OnUnmet:
        edges, reactions = self.steps[step].edges, set()
        unmet = self.unmet(step)
        alone = {need for need in unmet if need in edges and edges[need].alone}
        for need in alone or unmet:
            skipped = self.status[need] is SKIPPED
            by_edge = need in edges and (edges[need].skipped if skipped else edges[need].failed)
            reactions.add(by_edge or self.steps[step].on_unmet)
        if OnUnmet.FAIL in reactions:
            return OnUnmet.FAIL
        return OnUnmet.SKIP if OnUnmet.SKIP in reactions else OnUnmet.RUN

    def may_start(self, step: StepId) -> bool:
        status = self.status[step]
        if not self.needs_finished(step):
            return False
        if status is PENDING:
            return self.steps[step].when is None or step in self.holds
        return status is READY or (status is WAITING and step in self.rang)

    def key_used_up(self, step: StepId) -> bool:
        key = self.steps[step].concurrency
        at_work = [k for k in self.steps if self.status[k] is RUNNING]
        sharing = sum(self.steps[k].concurrency == key for k in at_work)
        return bool(key) and sharing >= self.limits[key]

    def attempts_used(self, step: StepId) -> int:
        return self.attempt[step] - self.forgiven[step]

    def count(self, status: StepStatus) -> int:
        return list(self.status.values()).count(status)
