"""Operations that ask for credentials let nobody in without them."""

import json
from collections.abc import Iterator
from functools import partial

from maestro.contracts.openapi.operations import Operation
from maestro.contracts.openapi.resources import ResourceAction
from maestro.contracts.verification.trials.api import Admission
from maestro.contracts.verification.trials.lab import Lab, Untestable
from maestro.contracts.verification.trials.refusals import placed
from maestro.contracts.verification.trials.trial import ApiTrial
from maestro.contracts.verification.trials.wire import Answer

RULE = "ignored_auth"
REFUSED = (401, 403)


def access_trials(lab: Lab) -> Iterator[ApiTrial]:
    for operation in lab.api.operations:
        if not lab.api.is_closed(operation):
            continue
        yield ApiTrial(
            rule="closed_without_credentials",
            subject=operation.key,
            statement="Without credentials nobody is let in.",
            run=partial(without, operation=operation),
        )
        yield ApiTrial(
            rule="closed_to_wrong_credentials",
            subject=operation.key,
            statement="Wrong credentials let nobody in.",
            run=partial(with_wrong, operation=operation),
        )


async def without(lab: Lab, operation: Operation) -> None:
    await _refused(lab, operation, Admission(), "without credentials")


async def with_wrong(lab: Lab, operation: Operation) -> None:
    if not lab.api.credentials(operation).known:
        raise Untestable(
            f"{operation.key}: without known credentials nobody can tell that others are wrong"
        )
    for wrong in lab.api.wrong_credentials(operation):
        await _refused(lab, operation, wrong, "with wrong credentials")


async def _refused(lab: Lab, operation: Operation, credentials: Admission, about: str) -> None:
    values, body = await placed(lab, operation)
    content = None if body is None else json.dumps(body).encode()
    answer = await lab.ask(operation, values, content=content, credentials=credentials)
    if answer.status not in REFUSED:
        if lab.api.owner(operation) is None and not answer.ok:
            raise Untestable(f"{operation.key} answers {answer.status} to samples")
        _keep(lab, operation, values, body, answer)
        raise answer.wrong(RULE, f"let in {about}", expected="401 or 403")


def _keep(lab: Lab, operation: Operation, values: object, body: object, answer: Answer) -> None:
    """An entry made by the intruder is taken away with the rest."""
    owner = lab.api.owner(operation)
    if owner is not None and owner[1] is ResourceAction.CREATE and answer.ok:
        lab.made(owner[0], dict(values) if isinstance(values, dict) else {}, body, answer)
    if owner is not None and owner[1] is ResourceAction.DELETE and answer.ok:
        lab.shared.pop(owner[0].name, None)
