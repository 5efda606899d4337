"""What is known about a voice in another voiceagent process."""

from typing import Any, Literal

from voiceagent.config.settings import TtsSettings
from voiceagent.engines.remote.settings import RemoteSettings
from voiceagent.engines.remote.spec import PACKAGES, RemoteSpec


class RemoteTtsSettings(RemoteSettings, TtsSettings):
    """The voice of another voiceagent process (docs/split.md)."""

    engine: Literal["remote"] = "remote"


class RemoteTtsSpec(RemoteSpec):
    """Describes the backend."""

    def engine(self, there: RemoteSettings, settings: RemoteTtsSettings) -> Any:
        """Return the voice."""
        from voiceagent.engines.tts.remote.engine import RemoteTts

        return RemoteTts(there)


SPEC = RemoteTtsSpec("tts", "remote", RemoteTtsSettings, packages=PACKAGES)
