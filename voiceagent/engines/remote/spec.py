"""What is known about an engine in another voiceagent process, whatever its kind."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from voiceagent.engines.finding import Finding
from voiceagent.engines.remote.findings import reachable
from voiceagent.engines.remote.settings import RemoteSettings
from voiceagent.engines.spec import BuildContext, Device, EngineSpec
from voiceagent.engines.steps import Steps, Talk, no_steps

PACKAGES = ("websockets",)


class RemoteSpec(EngineSpec[Any]):
    """Describes the backend; a kind's own spec says which engine it is. Its settings are `RemoteSettings`, too."""

    @abstractmethod
    def engine(self, there: RemoteSettings, settings: Any) -> Any:
        """Return the engine of the process that is `there`; `settings` are those of the kind."""

    def build(self, settings: Any, context: BuildContext) -> Any:
        """Return the engine."""
        there = RemoteSettings(
            url=settings.url,
            token_env=settings.token_env,
            timeout_s=settings.timeout_s,
            start_s=settings.start_s,
        )
        return self.engine(there, settings)

    def model(self, settings: Any) -> str:
        """Return where it is."""
        return str(settings.url)

    def device(self, settings: Any) -> Device:
        """Return "remote": another process computes."""
        return "remote"

    def steps(self, settings: Any, talk: Talk) -> Steps:
        """Return no steps: none compute in this process."""
        return no_steps(self.kind, talk)

    def findings(self, settings: Any, context: BuildContext) -> Iterator[Finding]:
        """Yield whether the process can be reached."""
        yield from reachable(self.kind, settings)
