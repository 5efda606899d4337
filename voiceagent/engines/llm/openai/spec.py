"""What is known about a language model behind a server that speaks OpenAI's protocol."""

import os
import socket
from collections.abc import Iterator
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from voiceagent.config.settings import LlmSettings
from voiceagent.config.values import Name, web_address
from voiceagent.engines.finding import Finding, ok, warning
from voiceagent.engines.spec import BuildContext, Device, EngineSpec
from voiceagent.engines.steps import LlmSteps, Talk
from voiceagent.errors import VoiceAgentError

ANSWER_WITHIN_S = 0.5


class OpenAiSettings(LlmSettings):
    """Any server that speaks OpenAI's protocol; needs `pip install voiceagent[openai]`."""

    engine: Literal["openai"] = "openai"
    model: Name = "gpt-4o-mini"
    """The model's name at the server."""
    base_url: Annotated[str, AfterValidator(web_address)] = "http://localhost:8000/v1"
    """Where the server is."""
    api_key_env: Name = "OPENAI_API_KEY"
    """The environment variable that holds the server's key; it may be unset where none is needed."""
    timeout_s: float = Field(default=15, gt=0, le=600)
    """How long the server may take to begin a reply, and between two pieces of one."""
    retries: int = Field(default=1, ge=0, le=10)
    """How often a request that was refused or not answered is sent again, within the timeout."""
    top_p: float = Field(default=0.95, gt=0, le=1)
    """Choose among the most likely tokens that together have this probability; 1 is off."""
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    """The seed of the random choices."""
    frequency_penalty: float = Field(default=0, ge=-2, le=2)
    """How much a token loses each time that it has been said in the response; 0 is off."""
    presence_penalty: float = Field(default=0, ge=-2, le=2)
    """How much a token loses for having been said in the response; 0 is off."""
    chat_template_kwargs: dict[str, bool | int | float | str] = Field(default={})
    """Further arguments of the server's chat template, such as {enable_thinking: false} (vLLM, llama.cpp)."""


class OpenAiSpec(EngineSpec[OpenAiSettings]):
    """Describes the backend."""

    def build(self, settings: OpenAiSettings, context: BuildContext) -> Any:
        """Return the client. Raises VoiceAgentError if the package openai is not installed."""
        try:
            from voiceagent.engines.llm.openai.engine import OpenAiEngine
        except ImportError as error:
            raise VoiceAgentError(
                f"llm.engine=openai needs a package that is not installed ({error.name}): "
                "pip install 'voiceagent[openai]'."
            ) from error
        penalties = {"frequency_penalty": settings.frequency_penalty, "presence_penalty": settings.presence_penalty}
        return OpenAiEngine(
            settings.base_url,
            settings.model,
            key_variable=settings.api_key_env,
            timeout_s=settings.timeout_s,
            retries=settings.retries,
            sampling={
                "temperature": settings.temperature,
                "top_p": settings.top_p,
                "max_tokens": settings.max_tokens,
                "seed": settings.seed,
                **{name: penalty for name, penalty in penalties.items() if penalty},
            },
            template_arguments=settings.chat_template_kwargs,
        )

    def model(self, settings: OpenAiSettings) -> str:
        """Return the model's name."""
        return settings.model

    def device(self, settings: OpenAiSettings) -> Device:
        """Return "remote": another machine computes."""
        return "remote"

    def steps(self, settings: OpenAiSettings, talk: Talk) -> LlmSteps:
        """Return no steps: none run on this machine."""
        return LlmSteps()

    def findings(self, settings: OpenAiSettings, context: BuildContext) -> Iterator[Finding]:
        """Yield whether the server can be reached."""
        url = urlsplit(settings.base_url)
        port = url.port or (443 if url.scheme == "https" else 80)
        has_key = os.environ.get(settings.api_key_env)
        key = "with a key" if has_key else f"without a key ({settings.api_key_env} is not set)"
        try:
            socket.create_connection((url.hostname or "", port), timeout=ANSWER_WITHIN_S).close()
        except OSError as error:
            yield warning(
                "llm", f"{settings.base_url} does not answer ({error})", "start the server, or set llm.base_url"
            )
        else:
            yield ok("llm", f"{settings.base_url} is reachable; requests are sent {key}")


SPEC = OpenAiSpec("llm", "openai", OpenAiSettings, extra="openai", packages=("openai",))
