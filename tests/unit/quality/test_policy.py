"""Loading policies: whatever would let a gate pass by mistake is refused, with its place."""

import re
from pathlib import Path

import pytest

from maestro.domain.quality import GateSeverity
from maestro.errors import InvalidInput
from maestro.quality import policy as policy_module
from maestro.quality.metrics import built_in_metrics
from maestro.quality.policy import load_policy

BUILT_IN = Path(policy_module.__file__).parent / "data" / "policy.yaml"
TEXT = BUILT_IN.read_text(encoding="utf-8")
PHASES = (
    "requirements",
    "design",
    "database_design",
    "api_design",
    "backend_implementation",
    "frontend_implementation",
    "testing",
    "security",
    "deployment",
    "documentation",
    "review",
)


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def changed(folder: Path, before: str, after: str) -> Path:
    assert TEXT.count(before) == 1, f"{before!r} stands {TEXT.count(before)} times"
    return write(folder, TEXT.replace(before, after))


def test_the_built_in_policy_has_every_phase_in_order_each_with_something_that_blocks() -> None:
    policy = load_policy()
    assert policy.phases == PHASES
    for phase in PHASES:
        assert any(g.severity is GateSeverity.BLOCKING for g in policy.gates_of(phase))


def test_stubs_secrets_and_broken_contracts_can_never_be_waived() -> None:
    gates = {gate.id: gate for gate in load_policy().gates}
    for name in ("BAC-1", "BAC-4", "BAC-7", "FRO-3", "TST-1", "SEC-1", "REV-2", "REV-6", "REV-7"):
        assert gates[name].waivable is False


def test_a_comparison_becomes_a_condition_in_the_metrics_own_type() -> None:
    gates = {gate.id: gate for gate in load_policy().gates}
    assert gates["TST-4"].condition == "coverage.line >= 80.0"
    assert gates["TST-2"].condition == "suites.skipped == 0"
    assert gates["REQ-3"].condition == "requirements.buildable == true"
    assert gates["TST-4"].metrics == ("coverage.line",)


def test_a_copy_of_the_built_in_policy_loads_and_a_change_changes_its_digest(
    tmp_path: Path,
) -> None:
    same = load_policy(write(tmp_path, TEXT))
    assert same == load_policy()
    stricter = load_policy(changed(tmp_path, "threshold: 80}", "threshold: 90}"))
    assert stricter.digest != same.digest


# Every row: what is written in place of what, and the complaint.
MISTAKES = {
    "threshold as text": ("threshold: 80}", 'threshold: "80"}', "expected a number, got '80'"),
    "threshold not a number": ("threshold: 80}", "threshold: .nan}", "expected a number, got nan"),
    "threshold infinite": ("threshold: 80}", "threshold: -.inf}", "expected a number, got -inf"),
    "threshold bool for number": ("threshold: 80}", "threshold: true}", "expected a number"),
    "threshold empty": ("threshold: 80}", "threshold: }", "expected a number, got None"),
    "threshold a list": ("threshold: 80}", "threshold: [80]}", r"expected a number, got \[80\]"),
    "count as fraction": (
        'metric: suites.skipped, op: "==", threshold: 0',
        'metric: suites.skipped, op: "==", threshold: 0.5',
        "expected a whole number, got 0.5",
    ),
    "count as text": (
        'metric: suites.skipped, op: "==", threshold: 0',
        'metric: suites.skipped, op: "==", threshold: "0"',
        "expected a whole number, got '0'",
    ),
    "count as bool": (
        'metric: suites.skipped, op: "==", threshold: 0',
        'metric: suites.skipped, op: "==", threshold: false',
        "expected a whole number, got False",
    ),
    "bool inverted": (
        'metric: requirements.buildable, op: "==", threshold: true',
        'metric: requirements.buildable, op: "==", threshold: false',
        "must be True",
    ),
    "bool as text": (
        'metric: requirements.buildable, op: "==", threshold: true',
        'metric: requirements.buildable, op: "==", threshold: "true"',
        "must be True",
    ),
    "operator against the direction": (
        'metric: coverage.line, op: ">="',
        'metric: coverage.line, op: "<="',
        "runs against 'coverage.line'",
    ),
    "operator against a lower-is-better count": (
        'metric: stubs.assertion_free, op: "=="',
        'metric: stubs.assertion_free, op: ">="',
        "for which lower is better",
    ),
    "equality of a measured number": (
        'metric: coverage.line, op: ">="',
        'metric: coverage.line, op: "=="',
        "use > or >=",
    ),
    "inequality": (
        'metric: stubs.assertion_free, op: "=="',
        'metric: stubs.assertion_free, op: "!="',
        "use < or <= or ==",
    ),
    "operator word": (
        'metric: stubs.assertion_free, op: "=="',
        "metric: stubs.assertion_free, op: equals",
        "'equals' runs against",
    ),
    "unknown metric": ("metric: coverage.line", "metric: coverge.line", "not in the metric"),
    "unknown name in an expression": (
        "checklist.items > 0 &&",
        "checklist.itms > 0 &&",
        "undeclared reference to 'checklist.itms'",
    ),
    "unknown name behind an or": (
        "checklist.items > 0 &&",
        "checklist.items > 0 || vulnerabilities == 0 &&",
        "undeclared reference to 'vulnerabilities'",
    ),
    "unknown key": ("threshold: 80}", "treshold: 80}", "unknown key 'treshold'"),
    "unknown severity": ("severity: WARNING}\n\n  security", "severity: WARN}\n\n  security",
                         "'WARN' is not one of BLOCKING, WARNING"),
    "severity in small letters": ("severity: WARNING}\n\n  security",
                                  "severity: warning}\n\n  security", "is not one of"),
    "not a boolean": (
        'expr: "score.overall >= score.threshold"',
        'expr: "score.overall - score.threshold"',
        "gives double; it must be a bool",
    ),
    "whole number beside a number": (
        'expr: "score.overall >= score.threshold"',
        'expr: "score.overall >= 1"',
        r"with a point, e\.g\. 80\.0",
    ),
    "comprehension": (
        'expr: "score.overall >= score.threshold"',
        'expr: "[score.overall].all(x, x > 0.1)"',
        r"all\(\) is not available",
    ),
    "always true": (
        'expr: "score.overall >= score.threshold"',
        'expr: "true"',
        "measures nothing",
    ),
    "empty expression": (
        'expr: "score.overall >= score.threshold"',
        'expr: ""',
        "expected a text",
    ),
    "expression and metric": (
        'expr: "score.overall >= score.threshold"',
        'expr: "score.overall >= score.threshold", metric: score.overall',
        "not both",
    ),
    "neither expression nor metric": (
        ', expr: "score.overall >= score.threshold"', "", "the key 'metric' is missing",
    ),
    "applies_when not a boolean": (
        'applies_when: "contracts.deployment > 0"',
        'applies_when: "contracts.deployment"',
        "gives int",
    ),
    "applies_when never": ('applies_when: "contracts.deployment > 0"', 'applies_when: "false"',
                           "measures nothing"),
    "waivable as text": (
        'applies_when: "contracts.deployment > 0", waivable: false',
        'applies_when: "contracts.deployment > 0", waivable: "no"',
        "expected true or false, got 'no'",
    ),
    "duplicate gate id": ("id: TST-3", "id: TST-2", "gate id 'TST-2' is used twice"),
    "id missing": ("id: TST-3, ", "", "the key 'id' is missing"),
    "summary missing": ("summary: No test was skipped, ", "", "the key 'summary' is missing"),
    "duplicate key": ("id: TST-3, ", "id: TST-3, id: TST-9, ", "'id' stands twice"),
    "phase twice": ("\n  documentation:", "\n  testing: []\n  documentation:",
                    "'testing' stands twice"),
    "schema version": ("schema_version: 1", "schema_version: 2", "schema_version must be 1"),
    "schema version text": ("schema_version: 1", 'schema_version: "1"', "whole number, got '1'"),
    "unknown head key": ("policy: {id: default,", "polcy: {id: default,", "unknown key 'polcy'"),
    "policy version": ("version: 1}", "version: one}", "expected a whole number, got 'one'"),
    "foreign tag": ("id: default", "id: !!python/name:os.system x", "the tag"),
    "not YAML": ("phases:\n", "phases: [\n", "not valid YAML"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_refused_with_line_and_column(name: str, tmp_path: Path) -> None:
    before, after, complaint = MISTAKES[name]
    with pytest.raises(InvalidInput, match=complaint) as caught:
        load_policy(changed(tmp_path, before, after))
    assert re.match(r"mine\.yaml:\d+:\d+: ", str(caught.value)), str(caught.value)


def test_the_place_is_the_line_of_the_mistake(tmp_path: Path) -> None:
    line = TEXT[: TEXT.index("threshold: 80}")].count("\n") + 1
    with pytest.raises(InvalidInput, match=rf"mine\.yaml:{line}:\d+: "):
        load_policy(changed(tmp_path, "threshold: 80}", 'threshold: "80"}'))


def test_a_phase_in_which_everything_is_only_a_warning_is_refused(tmp_path: Path) -> None:
    begin, end = TEXT.index("  deployment:"), TEXT.index("  documentation:")
    weakened = TEXT[begin:end].replace("}\n", ", severity: WARNING}\n")
    with pytest.raises(InvalidInput, match="'deployment' has no BLOCKING gate"):
        load_policy(write(tmp_path, TEXT[:begin] + weakened + TEXT[end:]))


def test_a_phase_without_gates_is_refused(tmp_path: Path) -> None:
    begin, end = TEXT.index("  deployment:"), TEXT.index("  documentation:")
    text = f"{TEXT[:begin]}  deployment: []\n\n{TEXT[end:]}"
    with pytest.raises(InvalidInput, match="'deployment' has no BLOCKING gate"):
        load_policy(write(tmp_path, text))


@pytest.mark.parametrize("phase", PHASES)
def test_no_phase_can_be_left_out(phase: str, tmp_path: Path) -> None:
    blocks = re.split(r"\n(?=  [a-z_]+:\n)", TEXT)
    kept = [block for block in blocks if not block.startswith(f"  {phase}:")]
    assert len(kept) == len(blocks) - 1
    with pytest.raises(InvalidInput, match="the phases must be, in this order"):
        load_policy(write(tmp_path, "\n".join(kept)))


@pytest.mark.parametrize("text", ["", "# nothing\n", "[]", "hello", "phases: 3", "{}"])
def test_what_is_no_policy_at_all_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"mine\.yaml"):
        load_policy(write(tmp_path, text))


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        load_policy(tmp_path / "absent.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match="cannot be read"):
        load_policy(tmp_path / "binary.yaml")


def test_every_metric_is_demanded_by_a_gate_or_decides_whether_one_applies() -> None:
    text = TEXT
    unused = [name for name in built_in_metrics().metrics if name not in text]
    assert unused == []
