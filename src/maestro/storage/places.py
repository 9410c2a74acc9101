"""The failpoints of this package, for programs that kill a process at each of them in turn."""

DURABLE_STEPS = (
    "begin",
    "journal.run",
    "journal.steps",
    "journal.attempts",
    "events.append",
    "commit",
    "lease.take",
    "lease.renew",
    "lease.release",
    "task.claim",
    "task.renew",
    "task.finish",
)

PLACES = tuple(f"{step}.{side}" for step in DURABLE_STEPS for side in ("before", "after"))
"""`lease.renew` is passed where processes share the store, `task.*` where there are tasks."""
