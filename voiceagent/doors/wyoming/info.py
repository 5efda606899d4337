"""What is offered, as Home Assistant asks for it: one program each to hear, to speak and to answer."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from wyoming.info import (
    AsrModel,
    AsrProgram,
    Attribution,
    HandleModel,
    HandleProgram,
    Info,
    TtsProgram,
    TtsVoice,
)

from voiceagent.doors.host import Host

NAME = "voiceagent"


def info_of(host: Host) -> Info:
    """Describe the loaded models. Raises VoiceAgentError while they load."""
    abilities, models, language = host.abilities, host.models, host.config.language
    return Info(
        asr=[
            AsrProgram(
                **_artifact(NAME, "Speech recognition"),
                models=[AsrModel(**_artifact(models["asr"], models["asr"]), languages=[language])],
                supports_transcript_streaming=True,
            )
        ],
        tts=[
            TtsProgram(
                **_artifact(NAME, f"Voice: {models['tts']}"),
                voices=[
                    TtsVoice(**_artifact(voice, voice), languages=list(abilities.spoken or (language,)))
                    for voice in abilities.voices
                ],
                supports_synthesize_streaming=True,
            )
        ],
        handle=[
            HandleProgram(
                **_artifact(NAME, "Conversation"),
                models=[HandleModel(**_artifact(models["llm"], models["llm"]), languages=[language])],
                supports_handled_streaming=True,
            )
        ],
    )


def _artifact(name: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "description": description,
        "attribution": Attribution(NAME, ""),
        "installed": True,
        "version": _version(),
    }


def _version() -> str:
    try:
        return version(NAME)
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0"
