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
runs = App(name="runs", help="Look at runs, steer them, write their reports.")
runs.command("maestro.cli.runs:list_runs", name="list", help="List runs, newest first.")
runs.command("maestro.cli.runs:show", name="show", help="Show a run and why it ended so.")
runs.command("maestro.cli.resume:resume", name="resume", help="Go on with a run.")
runs.command("maestro.cli.runs:report", name="report", help="Write a run's result folder again.")
runs.command("maestro.cli.runs:events", name="events", help="Print a run's events.")
for _verb, _help in (
    ("pause", "Let running steps end, start nothing more."),
    ("cancel", "End a run and its running steps for good."),
    ("retry", "Let failed and blocked steps start again."),
    ("rerun", "Run a finished step again, and what depends on it."),
    ("approve", "Approve what a step asks."),
    ("reject", "Reject what a step asks."),
    ("signal", "Send a step the signal it waits for."),
    ("edit-output", "Change what a finished step put out."),
):
    runs.command(f"maestro.cli.steering:{_verb.replace('-', '_')}", name=_verb, help=_help)
app.command(runs)
workflows = App(name="workflows", help="Check, show and run workflow files.")
workflows.command("maestro.cli.workflows:validate", name="validate", help="Check a file.")
workflows.command("maestro.cli.workflows:show", name="show", help="Show the steps of a file.")
workflows.command("maestro.cli.workflows:run", name="run", help="Run a file's workflow.")
workflows.command("maestro.cli.workflows:schema", name="schema", help="Print the JSON Schema.")
app.command(workflows)
contracts = App(name="contracts", help="Find, check, compare, mock, verify and export contracts.")
for _verb, _target, _help in (
    ("list", "contracts:list_contracts", "List stored contracts, or search them."),
    ("show", "contracts:show", "Show a stored contract."),
    ("lint", "contracts:lint", "Say what is wrong in contracts."),
    ("diff", "contracts:diff", "Compare two versions of a contract."),
    ("design", "contracts:design", "Design the contracts of a requirement."),
    ("import", "contracts:hand_in", "Keep contracts as agreed."),
    ("mock", "contracts_serving:mock", "Serve mocks of contracts."),
    ("verify", "contracts_serving:verify", "Hold a provider against its contract."),
    ("export", "contracts_serving:export", "Write a contract as a project."),
):
    contracts.command(f"maestro.cli.{_target}", name=_verb, help=_help)
app.command(contracts)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs one command and exits with its code."""
    tokens = _standard_input_last(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in tokens
    try:
        code = app(tokens, exit_on_error=False, print_error=False)
        sys.exit(code if isinstance(code, int) else 0)
    except CycloptsError as error:
        sys.exit(_report("usage", str(error), "maestro --help", as_json, 2))
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
