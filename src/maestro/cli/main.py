"""The command tree and the one place where errors become exit codes.

0 succeeded, 1 a fault in Maestro itself, 2 the caller's mistake, 3 blocked, 4 failed, 5 storage,
130 and 143 interrupted by SIGINT and SIGTERM.
"""

import json
import sys
import traceback
from typing import NoReturn

from cyclopts import App, CycloptsError

from maestro import __version__
from maestro.cli.shutdown import Interrupted
from maestro.errors import Blocked, CallerError, ExecutionError, MaestroError, StorageError
from maestro.settings import without_password

EXIT_CODES: tuple[tuple[type[MaestroError], int], ...] = (
    (CallerError, 2),
    (Blocked, 3),
    (ExecutionError, 4),
    (StorageError, 5),
)

app = App(
    name="maestro",
    help="Turn a plain-English software requirement into contract-verified software.",
    version=__version__,
    help_format="plaintext",
    result_action="return_value",
)
app.command("maestro.cli.plan:plan", name="plan", help="Show what would be built, and by whom.")
app.command("maestro.cli.build:build", name="build", help="Build and verify software.")
app.command("maestro.cli.doctor:doctor", name="doctor", help="Say what this machine lacks.")
app.command("maestro.cli.worker:worker", name="worker", help="Take steps of shared runs.")
app.command("maestro.cli.serve:serve", name="serve", help="Serve the API and the dashboard.")
app.command("maestro.cli.backup:backup", name="backup", help="Copy a database and its files.")
app.command("maestro.cli.history:history", name="history", help="List runs that came to rest.")
app.command(
    "maestro.cli.history:lessons", name="lessons", help="Say what stood in the way of runs."
)


def _group(name: str, about: str, *commands: tuple[str, str, str]) -> None:
    """Each command: its verb, where below `maestro.cli` it is, and what it does."""
    group = App(name=name, help=about)
    for verb, place, does in commands:
        group.command(f"maestro.cli.{place}", name=verb, help=does)
    app.command(group)


_group(
    "runs",
    "Look at runs, steer them, write their reports.",
    ("list", "runs:list_runs", "List runs, newest first."),
    ("show", "runs:show", "Show a run and why it ended so."),
    ("resume", "resume:resume", "Go on with a run."),
    ("report", "runs:report", "Write a run's result folder again."),
    ("events", "runs:events", "Print a run's events."),
    ("calls", "calls:calls", "Show what models were asked, and what it came to."),
    ("pause", "steering:pause", "Let running steps end, start nothing more."),
    ("cancel", "steering:cancel", "End a run and its running steps for good."),
    ("retry", "steering:retry", "Let failed and blocked steps start again."),
    ("rerun", "steering:rerun", "Run a finished step again, and what depends on it."),
    ("approve", "steering:approve", "Approve what a step asks."),
    ("reject", "steering:reject", "Reject what a step asks."),
    ("signal", "steering:signal", "Send a step the signal it waits for."),
    ("edit-output", "steering:edit_output", "Change what a finished step put out."),
    ("rework", "steering:rework", "Give refused work back with the reasons."),
)
_group(
    "workflows",
    "Check, show and run workflow files.",
    ("validate", "workflows:validate", "Check a file."),
    ("show", "workflows:show", "Show the steps of a file."),
    ("run", "workflows:run", "Run a file's workflow."),
    ("schema", "workflows:schema", "Print the JSON Schema."),
)
_group(
    "contracts",
    "Find, check, compare, mock, verify and export contracts.",
    ("list", "contracts:list_contracts", "List stored contracts, or search them."),
    ("show", "contracts:show", "Show a stored contract."),
    ("lint", "contracts:lint", "Say what is wrong in contracts."),
    ("diff", "contracts:diff", "Compare two versions of a contract."),
    ("design", "contracts:design", "Design the contracts of a requirement."),
    ("import", "contracts:hand_in", "Keep contracts as agreed."),
    ("mock", "contracts_serving:mock", "Serve mocks of contracts."),
    ("verify", "contracts_serving:verify", "Hold a provider against its contract."),
    ("export", "contracts_serving:export", "Write a contract as a project."),
)
_group(
    "waivers",
    "Let a gate pass that fails: one asks, another one decides.",
    ("request", "waivers:request", "Ask that a failing gate may be passed."),
    ("approve", "waivers:approve", "Approve what somebody else asked for."),
    ("refuse", "waivers:refuse", "Refuse what somebody asked for."),
    ("revoke", "waivers:revoke", "Take an approval back."),
    ("list", "waivers:list_waivers", "List waivers, newest first."),
)
_group(
    "agents",
    "The agents that are given work, and how they are doing.",
    ("list", "agents:list_agents", "List agents and how they are doing."),
    ("show", "agents:show", "Show everything about an agent."),
    ("add", "agents:add", "Register an agent."),
    ("drain", "agents:drain", "Give an agent nothing more."),
    ("remove", "agents:remove", "Take an agent out of the registry."),
    ("serve", "agents_serving:serve", "Serve our personas to others."),
    ("scale", "agents_scaling:scale", "Start agents when steps wait, end idle ones."),
    ("events", "agents_scaling:events", "Say which agents were started and ended, and why."),
)
_group(
    "tasks",
    "Run lists of tasks on the registered agents.",
    ("run", "tasks:run", "Route and run the tasks of a file."),
)
_group(
    "models",
    "Language models that can play personas.",
    ("test", "models:try_out", "Ask each model two tiny questions."),
)
_group(
    "keys",
    "Keys with which others may use the API.",
    ("create", "keys:create", "Make a key; it is shown once."),
    ("list", "keys:list_keys", "List the keys, without their secrets."),
    ("rotate", "keys:rotate", "Make another key for the same holder."),
    ("revoke", "keys:revoke", "End a key at once."),
)
_group(
    "projects",
    "What projects may spend, and what they share.",
    ("list", "projects:list_projects", "List projects and what they have spent."),
    ("show", "projects:show", "Show a project's budget and shares."),
    ("budget", "projects:budget", "Set what all its runs may spend together."),
    ("share", "projects:share", "Let another project use something of this one."),
    ("unshare", "projects:unshare", "Take a share back."),
)
_group(
    "webhooks",
    "Addresses that are told of events.",
    ("list", "webhooks:list_webhooks", "List webhooks and what became of deliveries."),
    ("add", "webhooks:add", "Tell an address of events."),
    ("remove", "webhooks:remove", "Tell an address nothing more."),
    ("deliveries", "webhooks:deliveries", "List what a webhook was told."),
    ("redeliver", "webhooks:redeliver", "Send again what did not arrive."),
    ("rotate", "webhooks:rotate", "Make another secret for a webhook."),
)
_group(
    "audit",
    "Who asked for what, and whether it was allowed.",
    ("verify", "audit:verify", "Say whether nothing was changed."),
    ("export", "audit:export", "Write all records out."),
    ("report", "audit:report", "Write who approved or waived what, on which evidence."),
)
_group(
    "policy",
    "Check, show, compare and explain what gates demand.",
    ("check", "policy:check", "Say whether policy files may be used."),
    ("show", "policy:show", "Show what each phase must show."),
    ("diff", "policy:diff", "Say what a policy loosens and tightens."),
    ("explain", "policy:explain", "Say what a gate measures and what it takes."),
)
_group(
    "quality",
    "Measure the quality of any project folder.",
    ("measure", "quality:measure", "Measure a project folder."),
)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs one command and exits with its code."""
    tokens = _standard_input_last(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in tokens
    try:
        code = app(tokens, exit_on_error=False, print_error=False)
        sys.exit(code if isinstance(code, int) else 0)
    except CycloptsError as error:
        hint = " ".join(("maestro", *(error.command_chain or ()), "--help"))
        sys.exit(_report("usage", str(error), hint, as_json, 2))
    except MaestroError as error:
        sys.exit(_report(error.code, str(error), None, as_json, _exit_code(error)))
    except Interrupted as ended:
        sys.exit(_report("interrupted", str(ended), None, as_json, ended.exit_code))
    except KeyboardInterrupt:
        message = "interrupted; finished steps are kept: maestro runs list, then runs resume RUN"
        sys.exit(_report("interrupted", message, None, as_json, 130))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:  # the last boundary: a fault of ours is shown as one
        traceback.print_exc(file=sys.stderr)
        message = f"a fault in Maestro itself ({type(error).__name__}); please report it"
        sys.exit(_report("internal", message, None, as_json, 1))


def _standard_input_last(tokens: list[str]) -> list[str]:
    """`-` is an argument, not an option; the parser knows that only behind `--`."""
    if "-" not in tokens or "--" in tokens:
        return tokens
    return [word for word in tokens if word != "-"] + ["--", "-"]


def _exit_code(error: MaestroError) -> int:
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1)


def _report(code: str, message: str, hint: str | None, as_json: bool, exit_code: int) -> int:
    """Tells of an error: JSON on stdout for machines, one line on stderr for people."""
    message = without_password(message)  # a mistyped command line is quoted, with its --db
    if as_json:
        document = {"type": "error", "code": code, "message": message}
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    hint_text = f"\n  try: {hint}" if hint else ""
    sys.stderr.write(f"maestro: {code}: {message}{hint_text}\n")
    return exit_code
