"""The server's log: one JSON object a line, with the run it is about, and no secret."""

import json
import logging
import re
import sys
from datetime import UTC, datetime

from maestro.log_fields import log_fields
from maestro.settings import without_password

_SECRETS = (
    re.compile(r"mst_[0-9a-f]{12}_[A-Za-z0-9_-]+"),
    re.compile(r"whsec_[A-Za-z0-9+/]+=*"),
    re.compile(r"(?i)(?<=bearer )[A-Za-z0-9._~+/-]{8,}=*"),
    re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"),
)


def redacted(text: str) -> str:
    """Without keys, tokens and passwords of URLs."""
    for pattern in _SECRETS:
        text = pattern.sub("***", text)
    return without_password(text)


def _redacted(value: object) -> object:
    return redacted(value) if isinstance(value, str) else value


class JsonLines(logging.Formatter):
    """A record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redacted(record.getMessage()),
            **{name: _redacted(value) for name, value in log_fields().items()},
        }
        if record.exc_info:
            told["trace"] = redacted(self.formatException(record.exc_info))
        return json.dumps(told, ensure_ascii=False, default=str)


def log_to_standard_error(level: str) -> None:
    """Everything this process logs, from `level` on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("httpx").setLevel(logging.WARNING)
