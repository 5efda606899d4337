"""One text being spoken: pieces of text in, pieces of audio out."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

import numpy as np

from voiceagent.audio.pcm import Pcm
from voiceagent.audio.speech import Word
from voiceagent.audio.tempo import Tempo
from voiceagent.engines.contract import Need, StreamFailed
from voiceagent.engines.tts.contract import SpeechAudio, TtsEvent, TtsStream
from voiceagent.errors import VoiceAgentError
from voiceagent.text import Segmenter, ends_sentence, speakable

SEGMENTS_AHEAD = 2
"""Segments with the voice at once: one is made while the audio of the one before is taken."""
MARGIN_S = 0.15
"""Audio for somebody who listens is wanted this long before what has been made runs out."""


class SpeechError(VoiceAgentError):
    """The voice failed; the rest of this text is not spoken."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A piece of a text's audio, in order."""

    pcm: Pcm
    """At the speaker's `rate`."""
    words: tuple[Word, ...]
    """The words that begin in it or soon after, in seconds since the text's first sample."""


class Speech:
    """Takes a text by `push` and `finish`, and gives its audio by `pieces`, to one taker."""

    def __init__(
        self,
        stream: TtsStream,
        number: int,
        rate: int,
        segmenter: Segmenter,
        *,
        voice: str | None,
        language: str,
        speed: float,
        pause_s: float,
        live: bool,
        on_over: Callable[[], object],
    ) -> None:
        self._stream = stream
        self._number = number
        self._rate = rate
        self._segmenter = segmenter
        self._voice = voice
        self._language = language
        self._speed = speed
        self._tempo = Tempo(rate, speed) if speed != 1.0 else None
        self._pause = np.zeros(round(pause_s * rate), np.float32)
        self._live = live
        self._on_over = on_over
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._waiting: deque[tuple[str, str]] = deque()
        """Segments that the voice has not been given yet: as written, and as read aloud."""
        self._written: list[str] = []
        """Segments that it has been given."""
        self._taken = 0
        """Segments whose audio has been taken."""
        self._audio: deque[SpeechAudio] = deque()
        self._whole = False
        self._over = False
        self._error: SpeechError | None = None
        self._made_s, self._heard_from = 0.0, 0.0
        """Seconds of audio made, and when the first of it came."""
        self._at_s = 0.0
        """Seconds of audio taken, pauses included."""
        self._segment, self._segment_at_s = -1, 0.0
        """The segment that was taken from last, and where its audio begins."""

    def push(self, text: str) -> None:
        """Take more of the text."""
        self._append(self._segmenter.push(text))

    def finish(self) -> None:
        """The text is whole."""
        self._append(self._segmenter.flush())
        self._whole = True
        self._news.set()

    def cancel(self) -> None:
        """Speak no more of it; `pieces` ends at once. Safe to call twice."""
        if not self._over:
            self._over = True
            self._waiting.clear()
            self._audio.clear()
            self._stream.cancel(self._number)
            self._news.set()
            self._on_over()

    async def pieces(self) -> AsyncGenerator[Spoken, None]:
        """Yield the audio as it is made, until the text is spoken or cancelled.

        Raises SpeechError when the voice fails, after what was made before. Close it early to cancel the text.
        """
        try:
            while not self._over:
                if self._audio:
                    yield self._take()
                elif self._error is not None:
                    raise self._error
                elif self._whole and not self._waiting and self._taken == len(self._written):
                    break
                else:
                    self._news.clear()
                    await self._news.wait()
            if self._tempo is not None and not self._over:
                yield Spoken(self._tempo.flush(), ())
        finally:
            self.cancel()

    def take(self, event: TtsEvent) -> None:
        """Take what the voice made."""
        if isinstance(event, StreamFailed):
            self._error = SpeechError(f"The voice failed: {event.error}")
        else:
            self._heard_from = self._heard_from if self._made_s else self._loop.time()
            self._made_s += len(event.pcm) / self._rate / self._speed
            self._audio.append(event)
            deadline, need = self._claim()
            self._stream.reschedule(self._number, deadline, need=need)
        self._news.set()

    def _append(self, segments: list[str]) -> None:
        for text in segments:
            if spoken := speakable(text, self._language):
                self._waiting.append((text, spoken))
        self._feed()

    def _feed(self) -> None:
        """Give the voice what it may have."""
        while self._waiting and len(self._written) - self._taken < SEGMENTS_AHEAD and not self._over:
            text, spoken = self._waiting.popleft()
            deadline, need = self._claim()
            try:
                self._stream.speak(
                    self._number,
                    len(self._written),
                    spoken,
                    deadline,
                    need=need,
                    voice=self._voice,
                    language=self._language,
                )
            except VoiceAgentError as error:
                self._error = SpeechError(f"The voice failed: {error}")
                self._waiting.clear()
            self._written.append(text)
            self._news.set()

    def _take(self) -> Spoken:
        """Return the next piece, after a pause where it begins a segment that follows a sentence."""
        audio = self._audio.popleft()
        pcm = audio.pcm
        if audio.segment != self._segment:
            before = self._written[self._segment] if self._segment >= 0 else ""
            if ends_sentence(before, self._language):
                pcm = np.concatenate((self._pause, pcm))
                self._at_s += len(self._pause) / self._rate
            self._segment, self._segment_at_s = audio.segment, self._at_s
        self._at_s += len(audio.pcm) / self._rate
        if audio.final:
            self._taken += 1
            self._feed()
        begin_s, speed = self._segment_at_s, self._speed
        words = (Word(w.text, (begin_s + w.start_s) / speed, (begin_s + w.end_s) / speed) for w in audio.words)
        return Spoken(pcm if self._tempo is None else self._tempo.push(pcm), tuple(words))

    def _claim(self) -> tuple[float, Need]:
        """Return when the next audio is wanted, and by whom."""
        now = self._loop.time()
        if not self._live:
            return now, Need.BACKGROUND
        if not self._made_s:
            return now, Need.AWAITED
        return max(now, self._heard_from + self._made_s - MARGIN_S), Need.PROMISED
