"""What the responses of a session are made with."""

from dataclasses import dataclass

from voiceagent.audio.playout import Playout
from voiceagent.engines.llm.contract import LlmStream
from voiceagent.engines.tts.contract import TtsStream
from voiceagent.session.call_round import StartCall


@dataclass(frozen=True, slots=True)
class Streams:
    """All of it is one session's."""

    llm: LlmStream
    tts: TtsStream
    playout: Playout
    start_call: StartCall
