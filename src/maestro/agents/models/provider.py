"""A model of a provider, or of a server named by its URL, through the provider's own SDK."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import anthropic
import httpx2
import openai
from google.genai import errors as google_errors
from pydantic_ai.direct import model_request_stream
from pydantic_ai.exceptions import AgentRunError, ModelHTTPError, ModelTimeoutError, UserError
from pydantic_ai.messages import ModelResponse
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.profiles import merge_profile
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.openai import OpenAIProvider

from maestro.agents.models.names import ANTHROPIC, GOOGLE, KEYS, SERVER, SERVER_KEY, ModelName
from maestro.agents.models.prices import cost_of
from maestro.agents.models.wire import (
    calls_of,
    end_of,
    messages_of,
    parameters_of,
    settings_of,
    text_of,
)
from maestro.domain.encoding import encode
from maestro.domain.models import ModelAnswer, ModelProfile, ModelQuestion
from maestro.errors import InvalidInput, ModelFailed

_UNPAID = frozenset({409, 425, 429, 503, 529})
"""Statuses with which a provider says that it did nothing, and that it may do it later."""
_MAYBE_PAID = frozenset({408, 500, 502, 504})
"""With these somebody on the way gave up; the model may have answered."""
_WAITS = (0.5, 2.0)
"""Seconds before the second and the third try."""
_SHOWN = 400
_BYTES_PER_TOKEN = 2
"""No tokeniser makes more tokens of ordinary text than one of two bytes."""
_SDK_FAULTS = (
    AgentRunError,
    UserError,
    openai.OpenAIError,
    anthropic.AnthropicError,
    google_errors.APIError,
    httpx2.HTTPError,
    ValueError,
    KeyError,
    TypeError,
    AssertionError,
)
"""What an answer that is no answer makes the SDKs raise."""


class ProviderModel:
    """The LanguageModel port. One object belongs to one event loop."""

    def __init__(
        self, name: ModelName, profile: ModelProfile, environment: Mapping[str, str] | None = None
    ) -> None:
        """Raises InvalidInput when the key that the provider wants is not set."""
        env = os.environ if environment is None else environment
        self._name = name
        self._profile = profile
        self._key = _key(name, profile, env)
        self._places = asyncio.Semaphore(profile.concurrent)

    @property
    def name(self) -> str:
        return self._name.text

    async def ask(self, question: ModelQuestion) -> ModelAnswer:
        async with self._places:
            started = time.monotonic()
            try:
                response = await self._answered(question)
                end = end_of(response)
            except ModelFailed:
                raise
            except _SDK_FAULTS as error:
                unpaid = isinstance(error, ModelHTTPError) and error.status_code not in _MAYBE_PAID
                raise ModelFailed(self._complaint(error), unpaid=unpaid) from error
        used = response.usage
        return ModelAnswer(
            model=self._name.text,
            text=text_of(response),
            calls=calls_of(response),
            end=end,
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            cost=self._cost(used.input_tokens, used.output_tokens),
            seconds=round(time.monotonic() - started, 3),
        )

    def ceiling(self, question: ModelQuestion) -> tuple[int, float | None]:
        asked = len(repr(encode(question)).encode()) // _BYTES_PER_TOKEN
        most = question.output_tokens
        return asked + most, cost_of(self._name, self._profile.price, asked, most)

    def _cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """Unknown where the server told no usage: then there is nothing to reckon from."""
        if not input_tokens and not output_tokens:
            return None
        return cost_of(self._name, self._profile.price, input_tokens, output_tokens)

    async def _answered(self, question: ModelQuestion) -> ModelResponse:
        """Tries again only where the provider said that it had done nothing."""
        for wait in (*_WAITS, None):
            try:
                return await self._once(question)
            except ModelTimeoutError:
                raise
            except ModelHTTPError as error:
                if wait is None or error.status_code not in _UNPAID:
                    raise
                await asyncio.sleep(wait)
        raise AssertionError("the last try returns or raises")

    async def _once(self, question: ModelQuestion) -> ModelResponse:
        async with (
            self._client() as client,
            model_request_stream(
                self._model(client),
                messages_of(question),
                model_settings=settings_of(
                    question, self._profile.timeout_seconds, self._name.provider
                ),
                model_request_parameters=parameters_of(question),
            ) as stream,
        ):
            async for _ in stream:
                pass
            return stream.get()

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[httpx2.AsyncClient]:
        """A connection of its own: calls last seconds, so that making one is nothing."""
        url = self._name.base_url or self._profile.base_url or ""
        near = urlsplit(url).hostname in ("127.0.0.1", "::1", "localhost")
        client = await asyncio.to_thread(
            httpx2.AsyncClient, timeout=self._profile.timeout_seconds, trust_env=not near
        )
        async with client:
            yield client

    def _model(self, client: httpx2.AsyncClient) -> Model:
        provider, base_url = self._name.provider, self._profile.base_url
        if provider == ANTHROPIC:
            return AnthropicModel(
                self._name.model,
                provider=AnthropicProvider(
                    api_key=self._key, base_url=base_url, http_client=client
                ),
            )
        if provider == GOOGLE:
            return GoogleModel(
                self._name.model,
                provider=GoogleProvider(api_key=self._key, base_url=base_url, http_client=client),
            )
        chosen = OpenAIProvider(
            base_url=self._name.base_url or base_url, api_key=self._key, http_client=client
        )
        whole = OpenAIModelProfile(openai_chat_streaming_requires_finish_reason=True)
        return OpenAIChatModel(
            self._name.model,
            provider=chosen,
            profile=merge_profile(chosen.model_profile(self._name.model), whole),
        )

    def _complaint(self, error: BaseException) -> str:
        said = " ".join(str(error).split())[:_SHOWN]
        if self._key and len(self._key) > 3:
            said = said.replace(self._key, "***")
        return f"model {self._name.text!r} gave no usable answer: {type(error).__name__}: {said}"


def _key(name: ModelName, profile: ModelProfile, env: Mapping[str, str]) -> str:
    variable = profile.key_variable or KEYS.get(name.provider, SERVER_KEY)
    key = env.get(variable, "")
    if key:
        return key
    if name.provider == SERVER and profile.key_variable is None:
        return "none"  # the SDK wants one, such servers mostly do not
    raise InvalidInput(
        f"model {name.text!r} needs its API key in the environment variable {variable}; it is "
        "read from nowhere else"
    )
