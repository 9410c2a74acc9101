"""Names of models: `anthropic:NAME`, `openai:NAME`, `google:NAME`, `http://host/v1#name`."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from maestro.domain.models import WorkStyle
from maestro.errors import InvalidInput

ANTHROPIC, GOOGLE, OPENAI = "anthropic", "google", "openai"
KEYS = {
    ANTHROPIC: "ANTHROPIC_API_KEY",
    OPENAI: "OPENAI_API_KEY",
    GOOGLE: "GOOGLE_API_KEY",
}
"""Environment variable that holds the key of each provider."""
SERVER_KEY = "MODEL_API_KEY"
"""The same for servers named by their URL; they may need none."""
SERVER = "server"
_FORMS = "anthropic:NAME, openai:NAME, google:NAME or http://host:port/v1#NAME"
_LONGEST = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelName:
    """A parsed name."""

    text: str
    provider: str
    """`anthropic`, `openai`, `google`, or `server` for one named by its URL."""
    model: str
    base_url: str = ""
    """Of a server that speaks OpenAI's chat format."""

    @property
    def style(self) -> WorkStyle:
        return WorkStyle.FILES if self.provider == SERVER else WorkStyle.TOOLS


def model_name(text: str) -> ModelName:
    """Raises InvalidInput for anything that is not one of the four forms."""
    if len(text) > _LONGEST or not text.isprintable() or " " in text:
        raise InvalidInput(f"model {text[:80]!r}: write {_FORMS}, without spaces")
    if text.startswith(("http://", "https://")):
        return _server(text)
    provider, colon, model = text.partition(":")
    if not colon or not model or provider not in KEYS:
        raise InvalidInput(f"model {text!r}: write {_FORMS}")
    return ModelName(text=text, provider=provider, model=model)


def _server(text: str) -> ModelName:
    url, _, model = text.partition("#")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidInput(f"model {text!r}: {error}; write http://host:port/v1#NAME") from error
    if parts.username is not None or parts.password is not None:
        raise InvalidInput(
            f"a model's address holds no password; put the key into the variable {SERVER_KEY}"
        )
    if not host or not model or parts.query:
        raise InvalidInput(f"model {text!r}: write http://host:port/v1#NAME")
    return ModelName(text=text, provider=SERVER, model=model, base_url=url.rstrip("/"))
