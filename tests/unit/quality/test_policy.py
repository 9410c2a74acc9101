"""Loading policies: whatever would let a gate pass by mistake is refused, with its place."""

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from maestro.domain.quality import (
    BUILD_PHASES,
    PHASES,
    ArtefactRule,
    ArtefactSchema,
    Environment,
    GateSeverity,
    GateStage,
    MetricComparison,
)
from maestro.errors import InvalidInput
from maestro.planning.catalogue import load_catalogue
from maestro.quality.metrics import built_in_metrics
from maestro.quality.policy import BUILT_IN, load_policies, load_policy
from maestro.quality.tightness import ChangeEffect, policy_changes

TEXT = BUILT_IN.read_text(encoding="utf-8")
FIXTURES = Path(__file__).parents[2] / "fixtures" / "policies"
GOOD = FIXTURES / "good" / "complete.yaml"
GOOD_TEXT = GOOD.read_text(encoding="utf-8")
GOOD_TREE = yaml.safe_load(GOOD_TEXT.replace("2030-12-31", '"2030-12-31"'))
MISTAKES = sorted(FIXTURES.glob("*.yaml"))
PERSONAS = frozenset(load_catalogue().personas)
TITLE = re.compile(r"# Refused in line (?P<line>\d+): (?P<why>.*)\n")
PLACE = re.compile(r"[\w-]+\.yaml:(\d+):(\d+): ")


def test_the_policy_at_the_root_is_the_one_in_use() -> None:
    shown = Path(__file__).parents[3] / "policies" / "default.yaml"
    assert shown.read_text(encoding="utf-8") == TEXT, f"copy {BUILT_IN} to {shown}"


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def changed(folder: Path, before: str, after: str) -> Path:
    assert GOOD_TEXT.count(before) == 1, f"{before!r} stands {GOOD_TEXT.count(before)} times"
    return write(folder, GOOD_TEXT.replace(before, after))


def place_of(refusal: pytest.ExceptionInfo[InvalidInput]) -> tuple[int, int]:
    match = PLACE.match(str(refusal.value))
    assert match is not None, f"no line and column in {refusal.value}"
    return int(match[1]), int(match[2])


# ---- the built-in policy


def test_the_built_in_policy_has_every_phase_in_order_each_with_something_that_blocks() -> None:
    policy = load_policy()
    assert policy.phases == PHASES
    assert len(PHASES) == 13
    for phase in PHASES:
        gates = policy.gates_of(phase, GateStage.EXIT)
        assert any(gate.severity is GateSeverity.BLOCKING for gate in gates)


def test_the_phases_of_a_build_are_some_of_them_in_the_same_order() -> None:
    assert tuple(phase for phase in PHASES if phase in BUILD_PHASES) == BUILD_PHASES


def test_stubs_secrets_builds_and_broken_contracts_can_never_be_waived() -> None:
    policy = load_policy()
    never = ("stubs.found", "secrets.found", "launch.started", "rest.not_conforming")
    for gate in policy.gates:
        if any(name in gate.metrics for name in never) and gate.phase != "review":
            assert gate.waivable is False, gate.id
    gates = {gate.id: gate for gate in policy.gates}
    for name in ("TST-1", "REQ-3", "REV-2", "REV-4", "REV-6", "REV-7"):
        assert gates[name].waivable is False


def test_a_comparison_becomes_a_condition_in_the_metrics_own_type() -> None:
    gates = {gate.id: gate for gate in load_policy().gates}
    assert gates["TST-4"].condition == "coverage.line >= 80.0"
    assert gates["TST-4"].comparison == MetricComparison(
        metric="coverage.line", op=">=", threshold=80
    )
    assert gates["TST-2"].condition == "suites.skipped == 0"
    assert gates["REQ-3"].condition == "requirements.buildable == true"
    assert gates["TST-4"].metrics == ("coverage.line",)
    assert gates["TST-1"].comparison is None


def test_each_environment_of_the_built_in_policy_only_tightens_the_one_before() -> None:
    policies = load_policies()
    order = list(Environment)
    for before, after in itertools.pairwise(order):
        changes = policy_changes(policies[before], policies[after])
        assert changes, after
        assert {change.effect for change in changes} == {ChangeEffect.TIGHTENED}


def test_what_cannot_be_audited_offline_warns_in_development_and_blocks_in_production() -> None:
    development, production = (
        {gate.id: gate for gate in load_policy(environment=environment).gates}
        for environment in (Environment.DEVELOPMENT, Environment.PRODUCTION)
    )
    for name in ("SEC-5", "SEC-6"):
        assert development[name].severity is GateSeverity.WARNING
        assert production[name].severity is GateSeverity.BLOCKING


def test_everybody_the_built_in_policy_names_is_a_persona_of_the_team() -> None:
    assert load_policy(personas=PERSONAS) == load_policy()


def test_every_metric_is_demanded_decides_whether_a_gate_applies_or_counts_a_sample() -> None:
    metrics = built_in_metrics().metrics
    samples = {metric.min_sample.metric for metric in metrics.values() if metric.min_sample}
    unused = [name for name in metrics if name not in TEXT and name not in samples]
    assert unused == []


# ---- what a policy says


def test_all_a_policy_can_say_is_read() -> None:
    policies = load_policies(GOOD, personas=PERSONAS)
    policy = policies[Environment.DEVELOPMENT]
    gates = {gate.id: gate for gate in policy.gates}
    assert (policy.id, policy.version, policy.environment) == ("fixture", 1, "development")
    assert policy.min_blocking_evaluated == 1
    assert gates["BAC-0"].stage is GateStage.ENTRY
    assert policy.gates_of("backend_implementation", GateStage.ENTRY) == (gates["BAC-0"],)
    assert policy.gates_of("backend_implementation") == (gates["BAC-0"], gates["BAC-1"])
    assert gates["BAC-1"].stage is GateStage.EXIT
    assert gates["BAC-1"].waivable is False
    assert gates["TST-2"].waivable is True
    assert gates["TST-2"].max_drop == 2.0
    assert gates["TST-3"].severity is GateSeverity.WARNING
    assert gates["TST-3"].when == "risk.level == 'high'"
    assert gates["TST-4"].persona == "qa_engineer"
    rule = ArtefactRule(
        phase="testing",
        path="tests/**/test_*.py",
        schema=ArtefactSchema.PYTHON,
        min=2,
        when="contracts.rest > 0",
    )
    assert policy.artefacts == (rule,)
    assert policy.artefacts_of("testing") == (rule,)
    assert policy.artefacts_of("security") == ()
    (waiver,) = policy.waivers
    assert (waiver.gate, waiver.project, waiver.ceiling) == (
        "TST-2",
        "shop",
        "coverage.line >= 60.0",
    )
    assert (waiver.author, waiver.approver, waiver.adr) == ("alice", "bob", "ADR-0012")
    assert waiver.expires.isoformat() == "2030-12-31"
    assert waiver.reason == "The importer is replaced next month"


def test_each_environment_builds_on_the_one_before() -> None:
    development, staging, production = load_policies(GOOD).values()
    blocking = [
        [gate.id for gate in policy.gates if gate.severity is GateSeverity.BLOCKING]
        for policy in (development, staging, production)
    ]
    assert "TST-3" not in blocking[0]
    assert "TST-3" in blocking[1]
    assert "TST-3" in blocking[2]
    tightened = {gate.id: gate for gate in production.gates}
    assert tightened["TST-2"].condition == "coverage.line >= 85.0"
    assert tightened["TST-2"].max_drop == 1.0
    assert tightened["TST-2"].summary == "Most lines are run"
    assert "SEC-2" in tightened
    assert "SEC-2" not in {gate.id for gate in staging.gates}
    assert load_policy(GOOD, Environment.STAGING) == staging
    assert {policy.environment for policy in (development, staging, production)} == set(Environment)


def test_what_an_environment_does_not_mention_stays_as_it_is() -> None:
    development, staging, production = (
        {gate.id: gate for gate in policy.gates} for policy in load_policies(GOOD).values()
    )
    blocking = replace(development["TST-3"], severity=GateSeverity.BLOCKING)
    assert staging["TST-3"] == production["TST-3"] == blocking
    for name, gate in development.items():
        if name not in ("TST-2", "TST-3"):
            assert staging[name] == production[name] == gate
    assert production["TST-2"] == replace(
        development["TST-2"],
        condition="coverage.line >= 85.0",
        comparison=MetricComparison(metric="coverage.line", op=">=", threshold=85),
        max_drop=1.0,
    )


def test_an_entry_gate_of_a_persona_stays_one_when_it_is_tightened(tmp_path: Path) -> None:
    tree = json.loads(json.dumps(GOOD_TREE))
    tree["phases"]["testing"]["entry"] = [tree["phases"]["testing"]["exit"].pop()]
    tree["environments"]["staging"]["gates"]["TST-4"] = {"waivable": False}
    development, staging, _ = load_policies(write(tmp_path, json.dumps(tree, indent=1))).values()
    (before,) = development.gates_of("testing", GateStage.ENTRY)
    (after,) = staging.gates_of("testing", GateStage.ENTRY)
    assert after == replace(before, waivable=False)


def test_what_is_no_yaml_and_what_is_not_ours_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as refusal:
        load_policy(changed(tmp_path, "id: fixture", "id: !thing x"))
    assert str(refusal.value) == "mine.yaml:4:14: the tag '!thing' stands for nothing JSON has"
    with pytest.raises(InvalidInput, match=r"mine\.yaml:\d+:\d+: not valid YAML: "):
        load_policy(changed(tmp_path, "id: fixture", "id: {fixture"))


def test_what_an_environment_adds_the_next_one_may_tighten(tmp_path: Path) -> None:
    tree = json.loads(json.dumps(GOOD_TREE))
    environments = tree["environments"]
    environments["staging"]["phases"] = environments["production"].pop("phases")
    environments["production"]["gates"]["SEC-2"] = {"waivable": False}
    policies = load_policies(write(tmp_path, json.dumps(tree, indent=1)))
    added = [
        [gate.waivable for gate in policy.gates if gate.id == "SEC-2"]
        for policy in policies.values()
    ]
    assert added == [[], [True], [False]]


def test_the_digest_changes_with_the_file_the_metrics_and_the_environment(tmp_path: Path) -> None:
    same = load_policies(write(tmp_path, GOOD_TEXT))
    assert same == load_policies(GOOD)
    stricter = load_policies(changed(tmp_path, "threshold: 80,", "threshold: 81,"))
    digests = {policy.digest for policies in (same, stricter) for policy in policies.values()}
    assert len(digests) == 6
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in digests)


# ---- what is refused


@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_each_of_the_mistakes_is_refused_where_it_stands(path: Path) -> None:
    title = TITLE.match(path.read_text(encoding="utf-8"))
    assert title is not None, f"{path.name} begins with no title"
    with pytest.raises(InvalidInput) as refusal:
        load_policies(path, personas=PERSONAS)
    line, column = place_of(refusal)
    assert (line, column >= 1) == (int(title["line"]), True)
    assert title["why"] in str(refusal.value)


def test_there_are_as_many_mistakes_as_the_bar_asks_for() -> None:
    assert len(MISTAKES) >= 12 + 20


THRESHOLD = ("threshold: 80,", "threshold: {},")
COUNT = ('contracts.total, op: ">", threshold: 0', 'contracts.total, op: ">", threshold: {}')
BOOL = (
    'requirements.buildable, op: "==", threshold: true',
    'requirements.buildable, op: "==", threshold: {}',
)


@pytest.mark.parametrize(
    ("where", "value", "complaint"),
    [
        (THRESHOLD, ".nan", "expected a number, got nan"),
        (THRESHOLD, "-.inf", "expected a number, got -inf"),
        (THRESHOLD, "true", "expected a number, got True"),
        (THRESHOLD, "", "expected a number, got None"),
        (THRESHOLD, "[80]", r"expected a number, got \[80\]"),
        (THRESHOLD, "eighty", "expected a number, got 'eighty'"),
        (THRESHOLD, "-1", "always within 0 and 100"),
        (THRESHOLD, "100.5", "always within 0 and 100"),
        (COUNT, '"0"', "expected a whole number, got '0'"),
        (COUNT, "false", "expected a whole number, got False"),
        (COUNT, "1.0", "expected a whole number, got 1.0"),
        (COUNT, "-1", "always at least 0"),
        (BOOL, '"true"', "must be True, got 'true'"),
        (BOOL, "1", "must be True, got 1"),
    ],
)  # fmt: skip
def test_a_threshold_of_another_kind_is_refused(
    where: tuple[str, str], value: str, complaint: str, tmp_path: Path
) -> None:
    path = changed(tmp_path, where[0], where[1].format(value))
    with pytest.raises(InvalidInput, match=complaint) as refusal:
        load_policies(path)
    line = GOOD_TEXT[: GOOD_TEXT.index(where[0])].count("\n") + 1
    assert place_of(refusal)[0] == line


@pytest.mark.parametrize(
    ("op", "metric", "threshold"),
    [
        ("==", "coverage.line", "80"),
        ("!=", "stubs.found", "0"),
        (">=", "stubs.found", "0"),
        (">", "stubs.found", "0"),
        ("equals", "stubs.found", "0"),
        ("<", "contracts.total", "3"),
        (">=", "requirements.buildable", "true"),
    ],
)
def test_an_operator_that_runs_against_the_metric_is_refused(
    op: str, metric: str, threshold: str, tmp_path: Path
) -> None:
    gate = f'metric: {metric}, op: "{op}", threshold: {threshold}}}]'
    path = changed(tmp_path, 'metric: contracts.total, op: ">", threshold: 0}]', gate)
    with pytest.raises(InvalidInput, match=f"'{op}' runs against '{metric}'"):
        load_policies(path)


@pytest.mark.parametrize(
    ("metric", "op", "threshold", "condition"),
    [
        ("stubs.found", "<", "1", "stubs.found < 1"),
        ("stubs.found", "<=", "0", "stubs.found <= 0"),
        ("contracts.total", ">=", "1", "contracts.total >= 1"),
        ("contracts.total", "==", "3", "contracts.total == 3"),
        ("coverage.line", ">", "0", "coverage.line > 0.0"),
        ("coverage.line", ">=", "100", "coverage.line >= 100.0"),
        ("coverage.line", ">=", "79.5", "coverage.line >= 79.5"),
        ("performance.error_ratio", "<", "1", "performance.error_ratio < 1.0"),
    ],
)
def test_an_operator_towards_the_better_end_is_accepted(
    metric: str, op: str, threshold: str, condition: str, tmp_path: Path
) -> None:
    gate = f'metric: {metric}, op: "{op}", threshold: {threshold}}}]'
    path = changed(tmp_path, 'metric: contracts.total, op: ">", threshold: 0}]', gate)
    assert load_policy(path).gates_of("design")[0].condition == condition


def test_what_would_hold_always_at_the_far_end_is_refused(tmp_path: Path) -> None:
    path = changed(tmp_path, "performance.error_ratio, op: \"<=\", threshold: 0.01",
                   "performance.error_ratio, op: \"<=\", threshold: 1")  # fmt: skip
    with pytest.raises(InvalidInput, match="<= 1 holds always"):
        load_policies(path)


def test_without_a_list_of_personas_their_names_are_not_checked(tmp_path: Path) -> None:
    path = changed(tmp_path, "persona: qa_engineer", "persona: stranger")
    assert load_policy(path).gates_of("testing")[-1].persona == "stranger"
    with pytest.raises(InvalidInput, match="nobody knows persona 'stranger'"):
        load_policy(path, personas=PERSONAS)


def test_a_persona_that_cannot_be_one_is_always_refused(tmp_path: Path) -> None:
    path = changed(tmp_path, "persona: qa_engineer", "persona: Quality Assurance")
    with pytest.raises(InvalidInput, match="cannot be a persona"):
        load_policy(path)


def test_the_artefacts_of_somebody_nobody_knows_are_refused(tmp_path: Path) -> None:
    path = changed(tmp_path, "min: 2,", "min: 2, persona: stranger,")
    with pytest.raises(InvalidInput, match="nobody knows persona 'stranger'"):
        load_policy(path, personas=PERSONAS)


def test_an_artefact_demanded_twice_is_refused(tmp_path: Path) -> None:
    rule = '{path: "tests/**/test_*.py", schema: text}'
    path = changed(tmp_path, "artefacts: [", f"artefacts: [{rule}, ")
    with pytest.raises(InvalidInput, match="stands twice in phase 'testing'"):
        load_policy(path)


def test_a_waiver_that_stands_twice_is_refused(tmp_path: Path) -> None:
    waiver = GOOD_TEXT[GOOD_TEXT.index("  - gate: TST-2") :]
    with pytest.raises(InvalidInput, match="'TST-2' is waived twice for 'shop'"):
        load_policy(write(tmp_path, GOOD_TEXT + waiver))
    other = waiver.replace("project: shop", "project: bank")
    assert len(load_policy(write(tmp_path, GOOD_TEXT + other)).waivers) == 2


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("TST-3: {severity: BLOCKING}", "TST-3: {}", "nothing is said of gate"),
        ("TST-3: {severity: BLOCKING}", "TST-1: {threshold: 3}", "is an 'expr'; it has no"),
        ("TST-3: {severity: BLOCKING}", "TST-1: {baseline: {max_drop: 1}}", "has no 'baseline'"),
        ("TST-3: {severity: BLOCKING}", 'TST-2: {op: ">"}', "say the threshold of gate"),
        ("TST-3: {severity: BLOCKING}", 'TST-2: {op: "<", threshold: 90}', "runs against"),
        ("TST-3: {severity: BLOCKING}", "REQ-1: {baseline: {max_drop: 1}}", "only a number"),
        ("TST-3: {severity: BLOCKING}", "TST-3: {when: run.browser}", "unknown key 'when'"),
        ("production:\n    min_blocking_evaluated: 1", "production:\n    min_blocking_evaluated: 0",
         "goes from 1 to 0"),
        ("production:\n    min_blocking_evaluated: 1", "production:\n    min_blocking_evaluated: 2",
         "has 1 BLOCKING exit gate"),
        ("      security: {exit", "      securty: {exit", "there is no phase 'securty'"),
    ],
)  # fmt: skip
def test_an_environment_that_says_nonsense_is_refused(
    before: str, after: str, complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match=complaint) as refusal:
        load_policies(changed(tmp_path, before, after))
    place_of(refusal)


@pytest.mark.parametrize(
    ("patch", "condition"),
    [
        ('{op: ">", threshold: 80}', "coverage.line > 80.0"),
        ("{threshold: 90}", "coverage.line >= 90.0"),
        ("{baseline: {max_drop: 0}}", "coverage.line >= 80.0"),
        ("{waivable: false}", "coverage.line >= 80.0"),
    ],
)
def test_an_environment_may_tighten_one_thing_only(
    patch: str, condition: str, tmp_path: Path
) -> None:
    path = changed(tmp_path, "TST-3: {severity: BLOCKING}", f"TST-2: {patch}")
    text = path.read_text().replace("TST-2: {threshold: 85, baseline: {max_drop: 1}}",
                                    "SEC-1: {waivable: false}")  # fmt: skip
    gates = {
        gate.id: gate for gate in load_policy(write(tmp_path, text), Environment.STAGING).gates
    }
    assert gates["TST-2"].condition == condition


@pytest.mark.parametrize("phase", PHASES)
def test_no_phase_can_be_left_out(phase: str, tmp_path: Path) -> None:
    tree = yaml.safe_load(GOOD_TEXT)
    del tree["phases"][phase]
    with pytest.raises(InvalidInput, match=f"missing: {phase}"):
        load_policy(write(tmp_path, yaml.safe_dump(tree, sort_keys=False)))


def test_phases_in_another_order_are_refused(tmp_path: Path) -> None:
    tree = yaml.safe_load(GOOD_TEXT)
    tree["phases"]["requirements"] = tree["phases"].pop("requirements")
    with pytest.raises(InvalidInput, match=r"in this order: .*; got design"):
        load_policy(write(tmp_path, yaml.safe_dump(tree, sort_keys=False)))


def test_a_phase_whose_only_blocking_gate_is_an_entry_gate_is_refused(tmp_path: Path) -> None:
    path = changed(tmp_path, "  security:\n    exit:", "  security:\n    entry:")
    with pytest.raises(InvalidInput, match="'security' has no BLOCKING exit gate"):
        load_policy(path)


@pytest.mark.parametrize("text", ["", "# nothing\n", "[]", "hello", "phases: 3", "{}", "a: \x00"])
def test_what_is_no_policy_at_all_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as refusal:
        load_policy(write(tmp_path, text))
    place_of(refusal)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("id: fixture", "idd: fixture", "mine.yaml:4:10: unknown key 'idd'; known: id, version"),
        ("id: fixture, ", "", "mine.yaml:4:9: the key 'id' is missing"),
        ("id: fixture", "id: My Policy", "mine.yaml:4:14: 'My Policy' cannot be a policy's id; "
         "use small letters, digits and '-'"),
        ("on_error: block", "on_error: 3", "mine.yaml:5:22: on_error can only be 'block', got 3: "
         "what is unknown is no pass"),
        ("block, min_blocking_evaluated: 1", "block, min_blocking_evaluated: -1",
         "mine.yaml:5:72: min_blocking_evaluated must be 1 or more, got -1: nothing judged is no "
         "pass"),
        ("risk.level == 'high'", "risk.level == 'h\\\\x69gh'", "write words without a backslash"),
        ("risk.level == 'high'", "risk.level != 'never'", "'never' is no word of risk.level; "
         "known: low, medium, high"),
        ("threshold: 80,", "threshold: 101,", "mine.yaml:24:94: 'coverage.line' is always "
         "within 0 and 100; 101 says nothing"),
        ('secrets.found, op: "==", threshold: 0', 'secrets.found, op: "==", threshold: -2',
         "'secrets.found' is always at least 0; -2 says nothing"),
    ],
)  # fmt: skip
def test_a_refusal_says_place_mistake_and_way_out(
    before: str, after: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        load_policies(changed(tmp_path, before, after))
    assert str(refusal.value).endswith(message)


def test_words_are_checked_in_double_quotes_and_beside_other_metrics(tmp_path: Path) -> None:
    double = "when: 'risk.level == \"high\" && contracts.rest > 0'"
    path = changed(tmp_path, "when: \"risk.level == 'high'\"", double)
    assert load_policy(path).gates_of("testing")[2].when == (
        'risk.level == "high" && contracts.rest > 0'
    )
    path = changed(tmp_path, "when: \"risk.level == 'high'\"", double.replace("high", "hihg"))
    with pytest.raises(InvalidInput, match="'hihg' is no word"):
        load_policy(path)


def test_an_empty_file_is_told_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as refusal:
        load_policy(write(tmp_path, "# nothing"))
    assert str(refusal.value) == "mine.yaml:1:1: the file is empty"


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        load_policy(tmp_path / "absent.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match="cannot be read"):
        load_policy(tmp_path / "binary.yaml")


# ---- mistakes made by a machine: every value of the good policy, spoilt in every way that counts

Pointer = tuple[str | int, ...]
MAY_BE_LEFT_OUT = frozenset(
    ("defaults", "environments", "waivers", "entry", "artefacts", "severity", "when", "waivable",
     "persona", "baseline", "min", "staging", "production", "min_blocking_evaluated", "gates",
     "phases", "exit", "TST-2", "TST-3", "threshold")
)  # fmt: skip
REQUIRED_THOUGH = (("phases",), ("defaults", "min_blocking_evaluated"))


def _spoilt() -> Iterator[tuple[str, Any]]:
    tree = GOOD_TREE
    for pointer, value in _values(tree, ()):
        name = ".".join(map(str, pointer))
        yield f"{name} in a list", _with(tree, pointer, [value])
        yield f"{name} in a mapping", _with(tree, pointer, {"value": value})
        if not isinstance(value, dict | list):
            yield f"{name} as nothing", _with(tree, pointer, None)
            other = 7 if isinstance(value, str) else str(value)
            yield f"{name} as {other!r}", _with(tree, pointer, other)
        if isinstance(pointer[-1], str):
            yield f"{name} misspelt", _renamed(tree, pointer)
            optional = pointer[-1] in MAY_BE_LEFT_OUT or pointer[0] == "environments"
            if not optional or pointer in REQUIRED_THOUGH:
                yield f"{name} left out", _without(tree, pointer)


def _values(node: Any, pointer: Pointer) -> Iterator[tuple[Pointer, Any]]:
    entries: Any = ()
    if isinstance(node, dict):
        entries = node.items()
    elif isinstance(node, list):
        entries = enumerate(node)
    for key, value in entries:
        yield (*pointer, key), value
        yield from _values(value, (*pointer, key))


def _parent(tree: Any, pointer: Pointer) -> tuple[Any, Any]:
    made = node = json.loads(json.dumps(tree))
    for key in pointer[:-1]:
        node = node[key]
    return made, node


def _with(tree: Any, pointer: Pointer, value: Any) -> Any:
    made, node = _parent(tree, pointer)
    node[pointer[-1]] = value
    return made


def _without(tree: Any, pointer: Pointer) -> Any:
    made, node = _parent(tree, pointer)
    del node[pointer[-1]]
    return made


def _renamed(tree: Any, pointer: Pointer) -> Any:
    made, node = _parent(tree, pointer)
    entries = [(f"{key}x" if key == pointer[-1] else key, value) for key, value in node.items()]
    node.clear()
    node.update(entries)
    return made


def test_whatever_is_spoilt_in_a_policy_is_refused_with_line_and_column(tmp_path: Path) -> None:
    made = 0
    for name, tree in _spoilt():
        made += 1
        path = write(tmp_path, json.dumps(tree, indent=1))  # JSON is YAML, and quick to write
        with pytest.raises(InvalidInput) as refusal:
            assert load_policies(path) is None, f"{name}: accepted"
        assert PLACE.match(str(refusal.value)), f"{name}: {refusal.value}"
    assert made > 500


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(pointer=st.sampled_from([pointer for pointer, _ in _values(GOOD_TREE, ())]), value=TREES)
def test_whatever_stands_anywhere_is_read_or_refused_with_its_place(
    tmp_path_factory: pytest.TempPathFactory, pointer: Pointer, value: Any
) -> None:
    """Never another error, and never a policy without its phases or with one that cannot block."""
    path = write(
        tmp_path_factory.mktemp("any"), json.dumps(_with(GOOD_TREE, pointer, value), indent=1)
    )
    try:
        policies = load_policies(path)
    except InvalidInput as refusal:
        assert PLACE.match(str(refusal)), refusal  # noqa: PT017  (it may also be accepted)
        return
    for policy in policies.values():
        assert policy.phases == PHASES
        for phase in PHASES:
            gates = policy.gates_of(phase, GateStage.EXIT)
            assert any(gate.severity is GateSeverity.BLOCKING for gate in gates)


@given(text=st.text(max_size=60))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("any") / "mine.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(InvalidInput) as refusal:
        load_policies(path)
    place_of(refusal)
