"""What is known about a recogniser in another voiceagent process."""

from typing import Any, Literal

from voiceagent.config.settings import AsrSettings
from voiceagent.engines.remote.settings import RemoteSettings
from voiceagent.engines.remote.spec import PACKAGES, RemoteSpec


class RemoteAsrSettings(RemoteSettings, AsrSettings):
    """The recogniser of another voiceagent process (docs/split.md)."""

    engine: Literal["remote"] = "remote"


class RemoteAsrSpec(RemoteSpec):
    """Describes the backend."""

    def engine(self, there: RemoteSettings, settings: RemoteAsrSettings) -> Any:
        """Return the recogniser."""
        from voiceagent.engines.asr.remote.engine import RemoteAsr

        return RemoteAsr(there, partials=settings.partials, partial_interval_s=settings.partial_interval_ms / 1000)


SPEC = RemoteAsrSpec("asr", "remote", RemoteAsrSettings, packages=PACKAGES)
