"""One response in the making: text from the LLM, cut into segments, spoken by the TTS, queued for playout.

It sets the deadlines: now, while somebody waits in silence; later, the moment this session's playout runs dry. A
response that is not released yet prepares its first segment and then holds, so that little is lost if it is dropped.
It does not know why it was started or when it ends; the machine decides that.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from voiceagent.audio.playout import Playout
from voiceagent.audio.speech import SpeechChunk, Word
from voiceagent.engines.contract import HOLD, StreamFailed
from voiceagent.engines.llm.contract import Completed, LlmEvent, LlmStream, Message, Token
from voiceagent.engines.tts.contract import SpeechAudio, TtsEvent, TtsStream
from voiceagent.text import Segmenter, ends_sentence, speakable
from voiceagent.trace.turn import Mark

SPECULATIVE_HORIZON_S = 1.0
"""A speculative response is wanted about when the turn may be judged complete; only its order matters."""
SYNTHESIS_MARGIN_S = 0.15
"""Audio is wanted this long before the playout runs dry: one segment's synthesis and a scheduling hiccup."""
SPEECH_CHARS_PER_S = 15.0
"""Usual rate of English speech, for text whose audio is not made yet."""


@dataclass(slots=True)
class Segment:
    """A piece of the response's text."""

    text: str
    """As the model wrote it."""
    spoken: str
    """As it is read aloud."""
    words: list[str] = field(default_factory=list)
    audio_done: bool = False


@dataclass(frozen=True, slots=True)
class Voices:
    """What a response needs of its session."""

    llm: LlmStream
    tts: TtsStream
    playout: Playout
    clock: Callable[[], float]
    pause_s: float
    """Silence between sentences."""
    segmenter: Callable[[], Segmenter]


class ResponseRun:
    """The pipeline of one generation."""

    def __init__(
        self,
        generation: int,
        begun_at: float,
        voices: Voices,
        on_segment: Callable[[int, list[str]], None],
        on_failed: Callable[[str, Exception | None], None],
    ) -> None:
        self.generation = generation
        self.segments: list[Segment] = []
        self.marks: dict[Mark, float] = {}
        """When the first token, segment and audio came."""
        self.begun_at = begun_at
        self.released = False
        self._voices = voices
        self._on_segment = on_segment
        self._on_failed = on_failed
        self._segmenter = voices.segmenter()
        self._text_complete = False

    def think(self, messages: tuple[Message, ...]) -> None:
        """Let the language model reply to `messages`."""
        deadline = self._voices.clock() + SPECULATIVE_HORIZON_S
        self._voices.llm.generate(self.generation, messages, deadline, speculative=True)

    def say(self, text: str) -> None:
        """Speak a given text."""
        self._take(self._segmenter.push(text) + self._segmenter.flush())
        self._complete_text()

    def release(self) -> None:
        """Somebody listens from now on: nothing of this is speculative any more."""
        self.released = True
        self._voices.playout.release(self.generation)
        for index, segment in enumerate(self.segments):
            if segment.words:
                self._on_segment(index, segment.words)
        self._reschedule()

    def end(self) -> None:
        """Stop making more of it; the playout is the caller's to stop."""
        self._voices.llm.cancel(self.generation)
        self._voices.tts.cancel(self.generation)

    def on_llm(self, event: LlmEvent) -> None:
        """Take what the language model made."""
        match event:
            case Token():
                self.marks.setdefault("first_token", self._voices.clock())
                self._take(self._segmenter.push(event.text))
            case Completed(_, reason):
                rest = self._segmenter.flush()
                if reason == "length" and self.segments:
                    rest = [text for text in rest if ends_sentence(text)]  # better unsaid than broken off
                self._take(rest)
                self._complete_text()
            case StreamFailed():
                self._on_failed("llm", event.error)

    def on_tts(self, event: TtsEvent) -> None:
        """Take what the voice made."""
        if isinstance(event, StreamFailed):
            self._on_failed("tts", event.error)
            return
        self.marks.setdefault("first_audio", self._voices.clock())
        self._enqueue(event)
        if self.released:
            self._reschedule()

    def heard_text(self, heard_words: dict[int, int]) -> str:
        """Return what was heard, given the number of words heard of each segment.

        Segments heard whole are given as the model wrote them, so that it recognises its own words.
        """
        heard = ""
        for index, segment in enumerate(self.segments):
            count = heard_words.get(index, 0)
            if not segment.audio_done or count < len(segment.words):
                return f"{heard} {' '.join(segment.words[:count])}".strip()
            heard += segment.text
        return heard.strip()

    def _take(self, texts: list[str]) -> None:
        for text in texts:
            spoken = speakable(text)
            if not spoken:
                if self.segments:
                    self.segments[-1].text += text
                continue
            self.marks.setdefault("first_segment", self._voices.clock())
            self.segments.append(Segment(text, spoken, spoken.split()))
            index = len(self.segments) - 1
            if self.released:
                self._on_segment(index, self.segments[index].words)
            self._voices.tts.speak(
                self.generation, index, spoken, self._audio_deadline(), speculative=not self.released
            )
        if texts:
            self._reschedule()

    def _complete_text(self) -> None:
        self._text_complete = True
        if not self.segments:
            self._on_failed("llm", None)
        self._finish_if_whole()

    def _enqueue(self, audio: SpeechAudio) -> None:
        segment = self.segments[audio.segment]
        segment.audio_done = audio.final
        words = tuple(Word(word.text, word.start_s, word.end_s) for word in audio.words)
        pause_s = self._voices.pause_s if audio.final and ends_sentence(segment.text) else 0.0
        self._voices.playout.enqueue(
            SpeechChunk(self.generation, audio.segment, audio.pcm, words, audio.final, pause_s)
        )
        self._finish_if_whole()

    def _finish_if_whole(self) -> None:
        if self._text_complete and self.segments and all(segment.audio_done for segment in self.segments):
            self._voices.playout.finish(self.generation)

    def _reschedule(self) -> None:
        llm, tts = self._voices.llm, self._voices.tts
        if not self.released:
            if self.segments:
                llm.reschedule(self.generation, HOLD, speculative=True)
            return
        dry_at = self._audio_deadline()
        unspoken = sum(len(segment.spoken) for segment in self.segments if not segment.audio_done)
        tts.reschedule(self.generation, dry_at)
        llm.reschedule(self.generation, dry_at + unspoken / SPEECH_CHARS_PER_S)

    def _audio_deadline(self) -> float:
        now = self._voices.clock()
        return max(now, now + self._voices.playout.buffered_s(self.generation) - SYNTHESIS_MARGIN_S)
