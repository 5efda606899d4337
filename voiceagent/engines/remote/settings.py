"""The settings that all engines in another voiceagent process have."""

from typing import Annotated

from pydantic import AfterValidator, Field

from voiceagent.config.section import Section
from voiceagent.config.values import Name, web_address


class RemoteSettings(Section):
    """Where the other process is, and how long it is waited for."""

    url: Annotated[str, AfterValidator(web_address)] = "http://127.0.0.1:7861"
    """The address of the voiceagent process that has the model; its `doors` include `engines`."""
    token_env: Name = "VOICEAGENT_ENGINE_TOKEN"
    """The environment variable that holds the token of that process; it may be unset where none is needed."""
    timeout_s: float = Field(default=5, gt=0, le=600)
    """How long a request may go without an answer, a new connection included."""
    start_s: float = Field(default=120, gt=0, le=3600)
    """How long the start waits for that process, which may still be loading."""
