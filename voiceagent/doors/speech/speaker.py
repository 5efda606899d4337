"""Text becomes speech, whole or as it is written: cut into sentences, made speakable, spoken by a lent voice.

A `Speaker` is one voice; each text it reads is a `Speech`. No more than a few sentences are made ahead of the client,
so that a slow one costs no memory, and one that goes away no work.
"""

from itertools import count

from voiceagent.doors.host import Host
from voiceagent.doors.speech.speech import Speech
from voiceagent.engines.contract import StreamFailed
from voiceagent.engines.tts.contract import TtsEvent
from voiceagent.engines.tts.voices import voice_among
from voiceagent.errors import VoiceAgentError

SLOWEST, FASTEST = 0.25, 4.0


class Speaker:
    """A lent voice. `live` is for a listener who waits; any other lets callers go first.

    Raises UnavailableError when no voice can be lent.
    """

    def __init__(self, host: Host, *, live: bool = False) -> None:
        self.rate = host.abilities.voice_rate
        """Hz of its audio."""
        self._host = host
        self._live = live
        self._numbers = count(1)
        self._speeches: dict[int, Speech] = {}
        self._voice = host.open_voice(self._on_event)

    def speak(self, voice: str | None = None, language: str | None = None, speed: float = 1.0) -> Speech:
        """Begin a text; None are the voice's and the agent's own. Texts are spoken side by side.

        Raises VoiceAgentError, with what there is, for a voice, a language or a speed that there is not.
        """
        abilities, language = self._host.abilities, language or self._host.config.language
        if abilities.spoken and language not in abilities.spoken:
            known = ", ".join(abilities.spoken)
            raise VoiceAgentError(f"The voice does not speak the language {language!r}. Choose one of {known}.")
        if not SLOWEST <= speed <= FASTEST:
            raise VoiceAgentError(f"A speed is a number from {SLOWEST:g} to {FASTEST:g}, not {speed:g}.")
        name = voice_among(abilities.voices, voice) if voice is not None else None
        number = next(self._numbers)
        speech = Speech(
            self._voice,
            number,
            self.rate,
            self._host.config.segmenter(language),
            voice=name,
            language=language,
            speed=speed,
            pause_s=self._host.config.sentence_pause_s,
            live=self._live,
            on_over=lambda: self._speeches.pop(number, None),
        )
        self._speeches[number] = speech
        return speech

    def close(self) -> None:
        """Give the voice back; texts under way end. Safe to call twice."""
        for speech in tuple(self._speeches.values()):
            speech.cancel()
        self._voice.close()

    def _on_event(self, event: TtsEvent) -> None:
        number = event.tag if isinstance(event, StreamFailed) else event.generation
        if (speech := self._speeches.get(number)) is not None:
            speech.take(event)
