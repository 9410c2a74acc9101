"""Requests as lines of a POSIX shell; nothing of a contract is ever read by the shell."""

import shlex
from collections.abc import Mapping

from maestro.contracts.exports.planned_requests import PlannedRequest
from maestro.errors import InvalidInput


def curl_line(planned: PlannedRequest, command: str = "curl -sS") -> str:
    """One call; `$BASE_URL` is where the API is served.

    Raises:
        InvalidInput: the request holds what no argument of a command can hold.
    """
    words = [command, "--globoff"]
    method = planned.operation.method
    words.append("--head" if method == "HEAD" else f"--request {shlex.quote(method)}")
    words += [f"--header {quoted(f'{name}: {text}')}" for name, text in _headers(planned)]
    if planned.body:
        words.append(f"--data-raw {quoted(_text(planned.body))}")
    words.append('"$BASE_URL"' + quoted(planned.target))
    return " ".join(words)


def quoted(text: str) -> str:
    """One word of the shell, whatever it holds."""
    if "\0" in text:
        raise InvalidInput("a command's argument cannot hold the character 0")
    return shlex.quote(text)


def _headers(planned: PlannedRequest) -> list[tuple[str, str]]:
    sent: Mapping[str, str] = planned.sent_headers
    return [(name, text) for name, text in sent.items() if text]


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise InvalidInput("the body is no text") from None
