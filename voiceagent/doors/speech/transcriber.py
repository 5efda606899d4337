"""Audio becomes transcripts, utterance by utterance, however long it is and however fast it comes.

A voice activity detector hears every second first; the recogniser then gets it up to where an utterance ends, and its
text before it gets more. So at most one utterance is ahead of the recogniser, and `push` waits for it.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from voiceagent.audio.pcm import Pcm
from voiceagent.audio.speech import Word
from voiceagent.doors.host import Host
from voiceagent.engines.asr.contract import SAMPLE_RATE, AsrEvent, Transcript
from voiceagent.engines.contract import Need, StreamFailed
from voiceagent.engines.vad.contract import FRAME_SAMPLES, VadEvent, VadFrame
from voiceagent.errors import VoiceAgentError
from voiceagent.session.endpointing import Endpointer
from voiceagent.session.events import SpeechPaused, SpeechStarted, SpeechStopped
from voiceagent.text.timing import estimate_word_times

log = logging.getLogger(__name__)

PIECE_SAMPLES = SAMPLE_RATE
"""How much the detector hears at once."""
SILENCE_S, BREATH_S = 0.6, 0.2
"""Silence that ends an utterance, and a long one."""
QUIET_S = 0.1
"""Silence in which a client that ends an utterance is believed: what is said next is the beginning of another."""
LONG_S, LONGEST_S = 15.0, 28.0
"""An utterance longer than the first ends at a breath; it ends at the second in any case."""


class TranscriptionError(VoiceAgentError):
    """The recogniser or the detector failed; the speech under way is lost, later speech is heard."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said between two silences. Times are in seconds since the first sample."""

    text: str
    start_s: float
    end_s: float
    words: tuple[Word, ...]
    """Each word's time: as the recogniser heard it, or estimated from its length where it tells none."""
    confidence: float | None = None
    """How sure the recogniser is, 0 to 1; None if it does not say."""


class Transcriber:
    """Transcribes one stream of audio: `push`, and `finalise` when the client asks for it or the audio is over.

    `on_utterance` gets each utterance when it is over, `on_partial` the text of the one under way as it grows (where
    the settings have partials). `live` is for a person who waits for the text; anything else lets callers go first.
    Raises UnavailableError when no recogniser can be lent.
    """

    _endpointer: Endpointer

    def __init__(
        self,
        host: Host,
        on_utterance: Callable[[Utterance], None] = lambda utterance: None,
        on_partial: Callable[[str], None] = lambda text: None,
        *,
        live: bool = False,
        language: str | None = None,
    ) -> None:
        self._host = host
        self._on_utterance = on_utterance
        self._on_partial = on_partial
        self._language = language or host.config.language
        self._loop = asyncio.get_running_loop()
        self._thresholds = replace(host.config.thresholds, pause_s=BREATH_S, stop_s=SILENCE_S)
        self._turn = asyncio.Lock()
        self._news = asyncio.Event()
        self._asr = host.open_recogniser(self._on_asr, Need.PROMISED if live else Need.BACKGROUND)
        self._forks = count(1)
        self._finals: list[Transcript] = []
        self._error: TranscriptionError | None = None
        self._closed = False
        self._detector_begins = 0
        self._frames: list[VadFrame] = []
        self._held = np.zeros(0, np.float32)
        """What the recogniser has not been given yet."""
        self._given = 0
        """Samples it has been given."""
        self._said: list[str] = []
        """The utterances since the last hard end."""
        self._begun_at: int | None = None
        """The first sample of the utterance under way."""
        self._silent = True
        self._open_text = ""
        self._known: Transcript | None = None
        """The transcript of the utterance under way, where nothing was said since it was made."""
        self._listen()

    @property
    def text(self) -> str:
        """All text since the last hard end, with that of the utterance under way as far as it is known."""
        return " ".join(filter(None, (*self._said, self._open_text)))

    @property
    def heard_s(self) -> float:
        """Seconds of audio pushed so far."""
        return (self._given + len(self._held)) / SAMPLE_RATE

    async def push(self, pcm: Pcm) -> None:
        """Hear more audio (16 kHz mono float32); wait for the recogniser where an utterance ends in it.

        Raises TranscriptionError when a model failed.
        """
        async with self._turn:
            for start in range(0, len(pcm), PIECE_SAMPLES):
                await self._hear(pcm[start : start + PIECE_SAMPLES])
            self._raise_failure()

    async def finalise(self, *, hard: bool = True) -> str:
        """Return all text since the last hard end, "" for none. A hard one ends the utterance and begins a new text; a
        soft one goes on as if nothing had happened.

        Raises TranscriptionError when a model failed.
        """
        async with self._turn:
            self._give(len(self._held))
            if self._begun_at is not None and self._given > self._begun_at:
                if hard:
                    silent_s = self._endpointer.silent_s
                    if self._quiet:
                        self._endpointer = Endpointer(self._thresholds)
                        self._silent = True
                    await self._end_utterance(silent_s)
                else:
                    self._open_text = (await self._transcribe_once()).text
            self._raise_failure()
            text = self.text
            if hard:
                self._said.clear()
            return text

    def close(self) -> None:
        """End the streams. Safe to call twice."""
        self._asr.close()
        self._vad.close()
        self._closed = True
        self._fail("stream", VoiceAgentError("it was closed."))

    # Finding utterances

    def _listen(self) -> None:
        """Begin with a detector that has heard nothing."""
        self._endpointer = Endpointer(self._thresholds)
        self._detector_begins = self._given + len(self._held)
        self._unjudged = 0
        self._vad = self._host.open_detector(self._on_vad)

    async def _hear(self, pcm: Pcm) -> None:
        self._held = np.concatenate((self._held, pcm))
        for frame in await self._judge(pcm):
            if frame.probability >= self._thresholds.release:
                self._known = None
            change = self._endpointer.feed(frame)
            at = self._detector_begins + frame.end_sample
            if isinstance(change, SpeechStarted):
                self._give(at - self._given)
                self._asr.begin_speech()
                self._silent = False
                if self._begun_at is None:
                    self._begun_at = at - round(self._thresholds.onset_s * SAMPLE_RATE)
            elif self._begun_at is not None and self._ends(change, at):
                self._give(at - self._given)
                await self._end_utterance(self._endpointer.silent_s)
        self._give(len(self._held) - self._unjudged)

    async def _judge(self, pcm: Pcm) -> list[VadFrame]:
        """Return the detector's frames that this audio completes."""
        self._unjudged += len(pcm)
        self._vad.push(pcm, self._loop.time())
        while self._error is None and self._unjudged >= FRAME_SAMPLES:
            await self._hear_news()
        frames, self._frames = self._frames, []
        return frames

    def _ends(self, change: object, at: int) -> bool:
        assert self._begun_at is not None
        lasts_s = (at - self._begun_at) / SAMPLE_RATE
        if isinstance(change, SpeechPaused | SpeechStopped):
            self._silent = True
        return isinstance(change, SpeechStopped) or lasts_s >= (LONG_S if self._silent else LONGEST_S)

    def _give(self, samples: int) -> None:
        """Hand the recogniser the next samples."""
        if samples > 0:
            self._asr.push(self._held[:samples])
            self._held = self._held[samples:].copy()
            self._given += samples

    async def _end_utterance(self, silent_s: float) -> None:
        """Report the utterance under way, after so much silence; speech that goes on is the next one."""
        assert self._begun_at is not None
        start_s, end_s = self._begun_at / SAMPLE_RATE, self._given / SAMPLE_RATE
        if self._silent:
            end_s = max(start_s, end_s - silent_s)
        self._begun_at = None if self._silent else self._given
        self._open_text = ""
        final = await self._transcribe_once()
        self._asr.commit()
        self._open_text, self._known = "", None
        if final.text:
            self._said.append(final.text)
            words = final.words or _estimated(final.text, start_s, end_s, self._language)
            self._on_utterance(Utterance(final.text, start_s, end_s, words, final.confidence))

    async def _transcribe_once(self) -> Transcript:
        """Return the transcript; the same again, at once, while there is only silence."""
        final = self._known or await self._transcribe()
        self._known = final if self._quiet and self._error is None else None
        return final

    @property
    def _quiet(self) -> bool:
        return self._silent or self._endpointer.silent_s >= QUIET_S

    async def _transcribe(self) -> Transcript:
        """Return the transcript of all that the recogniser was given; an empty one when it failed."""
        fork = next(self._forks)
        self._finals.clear()
        self._asr.finalise(fork, self._loop.time())
        if not self._silent:
            self._asr.begin_speech()
        while self._error is None and not self._finals:
            await self._hear_news()
        return self._finals.pop() if self._finals else Transcript("", fork)

    # News of the engines

    async def _hear_news(self) -> None:
        self._news.clear()
        await self._news.wait()

    def _on_vad(self, event: VadEvent) -> None:
        if isinstance(event, StreamFailed):
            self._fail("voice activity detector", event.error)
        elif not 0 <= event.probability <= 1:
            self._fail("voice activity detector", VoiceAgentError(f"It gave a probability of {event.probability}."))
        else:
            self._unjudged -= FRAME_SAMPLES
            self._frames.append(event)
            self._news.set()

    def _on_asr(self, event: AsrEvent) -> None:
        match event:
            case StreamFailed():
                self._fail("recogniser", event.error)
            case Transcript(text, None):
                self._open_text = text
                self._on_partial(text)
            case Transcript():
                self._finals.append(event)
                self._news.set()

    def _fail(self, what: str, error: Exception) -> None:
        if self._error is None:
            self._error = TranscriptionError(f"The {what} failed: {error}")
        self._news.set()

    def _raise_failure(self) -> None:
        """Raise what has failed, and begin again with what is pushed next."""
        if (error := self._error) is None:
            return
        if self._closed:
            raise error
        self._error, self._begun_at, self._silent, self._open_text, self._known = None, None, True, "", None
        self._give(len(self._held))
        self._asr.finalise(next(self._forks), self._loop.time())
        self._asr.commit()
        self._frames.clear()
        self._vad.close()
        self._listen()
        raise error


def _estimated(text: str, start_s: float, end_s: float, language: str) -> tuple[Word, ...]:
    words = text.split()
    times = estimate_word_times(words, end_s - start_s, language=language)
    return tuple(Word(word, start_s + begin, start_s + end) for word, (begin, end) in zip(words, times, strict=True))
