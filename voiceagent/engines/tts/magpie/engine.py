"""Magpie TTS as a voice: every session's next frames in one step, and sound as soon as there are enough of them.

The event loop owns streams and segments; the lane owns the speaker's rows and places. Rows and places to free are
queued for the next step, so that a cancelled utterance costs the event loop nothing and affects no other. Segments of a
generation follow each other; those of different generations are decoded together.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import perf_counter
from typing import Any

from voiceagent.audio.pcm import checked
from voiceagent.engines.base import EngineBase
from voiceagent.engines.contract import HOLD, Batch, CostKey, Need, StreamFailed, order
from voiceagent.engines.tts.contract import TtsEvent
from voiceagent.engines.tts.magpie.decode_loop import Row
from voiceagent.engines.tts.magpie.presets import PRESETS
from voiceagent.engines.tts.magpie.sampling import Sampling
from voiceagent.engines.tts.magpie.segment import Segment
from voiceagent.engines.tts.magpie.speaker import Begin, Decode, Decoded, Read, Sound, Speaker, Task
from voiceagent.engines.tts.magpie.stream import MagpieStream
from voiceagent.engines.tts.magpie.voices import voice_index, voice_names
from voiceagent.engines.tts.magpie.work import TaskWork, sound_key, sound_of, work_of
from voiceagent.errors import VoiceAgentError

log = logging.getLogger(__name__)

SAMPLE_RATE = 22_050
"""NanoCodec's."""
AHEAD = 2
"""A segment that no caller waits for is decoded up to this many relaxed pieces ahead of its sound."""
CHARACTERS_PER_SIZE = 100
STEP_S = 0.02
"""The most that a step should take: promised audio needs this much time for each step towards it."""


class MagpieEngine(EngineBase):
    """A NeMo Magpie TTS model.

    `load_model` returns the model, on its device and in evaluation mode. `guidance` is classifier-free guidance;
    `temperature` None is the checkpoint's own. `max_streams` utterances are decoded at once; more wait. `recompute`
    decodes as NeMo does by default, for comparison: slow. With more than one of a CPU's `threads`, sound is made of
    frames while the next ones are decoded.
    """

    def __init__(
        self,
        load_model: Callable[[], Any],
        *,
        voice: str | None = None,
        language: str = "en",
        preset: str = "balanced",
        guidance: bool = True,
        temperature: float | None = None,
        normalize: bool = True,
        seed: int = 0,
        max_streams: int = 4,
        recompute: bool = False,
        threads: int = 1,
    ) -> None:
        super().__init__("tts")
        self._load_model = load_model
        self._voice, self._language = voice, language
        self._preset = PRESETS[preset]
        self._guidance, self._temperature = guidance, temperature
        self._normalize = normalize
        self.seed = seed
        self._max_streams = max_streams
        self._recompute = recompute
        self._threads = threads
        self._speaker: Speaker | None = None
        self._queue: list[Segment] = []
        self._free = list(range(max_streams))
        self._chore_rows: list[Row] = []
        self._chore_places: list[int] = []

    @property
    def sample_rate(self) -> int:
        """Sample rate of its audio in Hz."""
        return SAMPLE_RATE

    @property
    def voices(self) -> tuple[str, ...]:
        """The voices available for a segment, once it is loaded; the first is the default."""
        assert self._speaker is not None, "load() first"
        known = voice_names(self._speaker.voices)
        own = known[voice_index(self._voice, self._speaker.voices)]
        return (own, *(name for name in known if name != own))

    @property
    def languages(self) -> tuple[str, ...]:
        """What the checkpoint speaks, once it is loaded; the settings' language is the first."""
        assert self._speaker is not None, "load() first"
        return (self._language, *sorted(self._speaker.reader.languages.keys() - {self._language}))

    def load(self) -> None:
        """Load the model and run everything once. Raises VoiceAgentError with the remedy."""
        began = perf_counter()
        model = self._load_model()
        sampling = Sampling.of_model(model, guidance=self._guidance, temperature=self._temperature)
        speaker = Speaker(
            model,
            sampling,
            self._max_streams,
            normalize=self._normalize,
            recompute=self._recompute,
            threads=self._threads,
        )
        voice = voice_index(self._voice, speaker.voices)
        language = speaker.reader.require(self._language)
        if speaker.sample_rate != SAMPLE_RATE:
            raise VoiceAgentError(
                f"This codec's audio has {speaker.sample_rate} Hz: use nemo-nano-codec-22khz, with {SAMPLE_RATE} Hz."
            )
        log.info("warming up the voice: steps of up to %d utterances", self._max_streams)
        speaker.warm_up(self._preset, language, voice)
        self._speaker = speaker
        log.info("the voice is ready after %.1f s", perf_counter() - began)

    def open(self, on_event: Callable[[TtsEvent], None]) -> MagpieStream:
        """Start speaking for one session."""
        return MagpieStream(self, next(self._stream_ids), on_event)

    def pending(self, now: float) -> Batch | None:
        """Return the step that the most urgent segment needs next, joined by all that can share it."""
        heads = [segment for segment in self._heads() if segment.deadline != HOLD and self._can_go_on(segment)]
        if not heads:
            return None
        lead = min(heads, key=lambda segment: self._urgency(segment, now))
        segments, task, key = self._next(lead, heads, now)
        sounding: tuple[Segment, ...] = ()
        if isinstance(task, Decode) and (sounding := self._sounding(segments)):
            task = replace(task, sound=sound_of(sounding, self._frames_beside(sounding[0])))
            key = ("tts.decode_sound", key[1])
        generation = segments[0].generation if len(segments) == 1 else None
        streams = tuple(segment.stream for segment in segments)
        work = TaskWork(tuple(self._chore_rows), tuple(self._chore_places), segments, task, now, sounding)
        return Batch(self.lane, key, self._deadline(lead, now), streams, work, lead.need, generation, lead.order)

    def shrink(self, batch: Batch, fits: Callable[[CostKey], bool]) -> Batch:
        """Return fewer streams' sound, or a shorter piece; other steps cost the same for any set of streams."""
        work = work_of(batch)
        if not isinstance(work.task, Sound) or fits(batch.cost_key):
            return batch
        rows, size = len(work.segments), len(work.task.codes[0])
        smaller = [(fewer, size) for fewer in range(max(1, rows - 1), 0, -1)]
        smaller += [(1, frames) for frames in self._preset.sizes if frames < size]
        rows, size = next((known for known in smaller if fits(sound_key(*known))), smaller[-1])
        segments = work.segments[:rows]
        return replace(
            batch,
            cost_key=sound_key(rows, size),
            streams=batch.streams[:rows],
            work=replace(work, segments=segments, task=sound_of(segments, size)),
            generation=segments[0].generation if rows == 1 else None,
        )

    def run(self, batch: Batch) -> object:
        """Free what is to be freed, then run one step. On the lane's thread."""
        assert self._speaker is not None, "load() first"
        work = work_of(batch)
        self._speaker.free(work.rows, work.places)
        return self._speaker.run(work.task)

    def deliver(self, batch: Batch, results: Any) -> None:
        """Give segments the results of their step, and hand out their audio."""
        work = work_of(batch)
        del self._chore_rows[: len(work.rows)], self._chore_places[: len(work.places)]
        if isinstance(work.task, Begin):
            self._take_row(work.segments[0], results)
        elif isinstance(work.task, Read):
            self._take_text(work.segments[0], results)
        elif isinstance(work.task, Sound):
            self._take_sound(work.segments, work.task, results)
            for segment in work.segments:
                if not segment.gone:
                    self._hand_out(segment, len(segment.ready))
        else:
            self._take_decoded(work, results)

    def fail(self, batch: Batch, error: Exception) -> None:
        """Drop the generations whose step raised, and notify their streams. Others are not affected."""
        for segment in work_of(batch).segments:
            if not segment.gone:
                self._fail(segment, error)

    def discard(self, batch: Batch, results: Any) -> None:
        """Take back the results of the step: its segments are gone."""
        self.deliver(batch, results)

    def close(self) -> None:
        """Drop all segments and free the model."""
        for segment in self._queue:
            segment.gone = True
        self._queue.clear()
        if self._speaker is not None:
            self._speaker.close()
        self._speaker = None

    # For the streams:

    def style(self, voice: str | None, language: str | None) -> tuple[int, str]:
        """Return a voice's number and a language, the settings' where None. Raises VoiceAgentError."""
        assert self._speaker is not None, "load() first"
        index = voice_index(voice or self._voice, self._speaker.voices)
        return index, self._speaker.reader.require(language or self._language)

    def submit(self, segment: Segment) -> None:
        """Queue a segment, never more urgent than the one it follows."""
        for before in self._queue:
            if _same(before, segment.stream, segment.generation):
                segment.deadline = max(segment.deadline, before.deadline)
                segment.need = max(segment.need, before.need)
        self._queue.append(segment)
        self._wake()

    def is_queued(self, stream: int, generation: int) -> bool:
        """Return whether there is still something to say."""
        return any(_same(segment, stream, generation) for segment in self._queue)

    def reschedule(self, stream: int, generation: int, deadline: float, *, need: Need) -> None:
        """Move the deadlines of queued segments."""
        for segment in self._queue:
            if _same(segment, stream, generation):
                segment.deadline, segment.need = deadline, need
        self._wake()

    def cancel(self, stream: int, generation: int | None = None) -> None:
        """Drop a stream's segments, or those of one generation. A step under way finishes; its result is dropped."""
        for segment in [queued for queued in self._queue if _same(queued, stream, generation)]:
            self._drop(segment)

    # Inside

    def _heads(self) -> Iterator[Segment]:
        """Yield the first segment of every generation."""
        seen = set()
        for segment in self._queue:
            key = segment.stream, segment.generation
            if key not in seen:
                seen.add(key)
                yield segment

    def _can_go_on(self, segment: Segment) -> bool:
        """Return whether there is a place for it, if it needs one."""
        return segment.texts is None or segment.place is not None or bool(self._free)

    def _next(self, lead: Segment, heads: list[Segment], now: float) -> tuple[tuple[Segment, ...], Task, CostKey]:
        assert self._speaker is not None, "load() first"
        if lead.texts is None:
            return (lead,), Read(lead.text, lead.language), ("tts.text", len(lead.text) // CHARACTERS_PER_SIZE)
        if lead.place is None:
            lead.place = self._free.pop()
            self._chore_places.append(lead.place)
        if (size := self._missing(lead, now)) > 0:
            joining = [s for s in heads if s is not lead and s.place is not None and self._missing(s, now) == size]
            together = (lead, *joining[: self._speaker.most_sound_rows(size) - 1])
            return together, sound_of(together, size), sound_key(len(together), size)
        if lead.row is None:
            chunk, frames = lead.next_chunk()
            return (lead,), Begin(chunk, lead.context, frames), ("tts.begin", len(chunk.tokens) // CHARACTERS_PER_SIZE)
        most = AHEAD * self._preset.relaxed
        rest = [s for s in heads if s is not lead and s.row is not None and s.waiting < most]
        together = (lead, *rest)
        live = sum(s.row is not None for s in self._queue)  # all of them are computed in any case
        rows = tuple(s.row for s in together if s.row is not None)
        return together, Decode(rows), ("tts.decode", self._speaker.loop.bucket(live))

    def _urgency(self, segment: Segment, now: float) -> tuple[float, ...]:
        """Return a sort key, least first. Among equally urgent segments those not begun: then they share steps."""
        deadline = self._deadline(segment, now)
        return (*order(segment.need, deadline, now), segment.row is not None, segment.order)

    def _deadline(self, segment: Segment, now: float) -> float:
        """Return by when a segment's next step must be done for its next audio to be in time."""
        if segment.need is not Need.PROMISED or segment.ended:
            return segment.deadline
        assert self._speaker is not None
        missing = max(0, self._wanted(segment, now) + 1 - segment.waiting)
        return segment.deadline - STEP_S * -(-missing // self._speaker.loop.stacking)

    def _wanted(self, segment: Segment, now: float) -> int:
        """Return how many frames of a segment should form its next piece."""
        if segment.mode == "batch":
            return self._preset.relaxed
        return self._preset.frames(started=segment.sounded > 0, slack_s=segment.deadline - now)

    def _due(self, segment: Segment, now: float) -> int:
        """Return how many frames of a segment should be handed out as sound next, 0 for none yet.

        One more frame must exist: then the piece is not the last, and the ends of its words are known better.
        """
        if segment.ended:
            return min(segment.waiting, self._preset.relaxed)
        size = self._wanted(segment, now)
        return size if segment.waiting > size else 0

    def _missing(self, segment: Segment, now: float) -> int:
        """Return how many frames of the next piece are still to be turned into sound, none if the piece is not due."""
        return max(0, self._due(segment, now) - len(segment.ready))

    def _frames_beside(self, segment: Segment) -> int:
        """Return how many frames of a segment are turned into sound during a step: about as many as a step gives."""
        assert self._speaker is not None
        return min(len(segment.frames), 2 * self._speaker.loop.stacking)

    def _sounding(self, segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
        """Return the segments of a decoding step that have sound to be made meanwhile, equally much of each."""
        assert self._speaker is not None
        if not self._speaker.beside:
            return ()
        ready = [segment for segment in segments if segment.frames]
        return tuple(s for s in ready if self._frames_beside(s) >= self._frames_beside(ready[0]))

    def _take_text(self, segment: Segment, texts: Any) -> None:
        if segment.gone:
            return
        segment.understood(texts)
        if not texts:
            self._drop(segment)
            segment.on_event(segment.silence())

    def _take_row(self, segment: Segment, row: Row) -> None:
        if segment.gone:
            self._chore_rows.append(row)
        else:
            segment.row = row

    def _take_step(self, segment: Segment, stepped: Any) -> None:
        assert self._speaker is not None
        if not stepped.finite:
            segment.row = None
            self._fail(segment, VoiceAgentError("The voice's output is not a number in this utterance; it is dropped."))
            return
        segment.advance(stepped, self._speaker.frame_s)
        if stepped.bounded:
            log.warning("An utterance of %d characters did not end by itself and was cut off", len(segment.text))
        if segment.ended and not segment.decoded:
            self._drop(segment)
            segment.on_event(segment.silence())

    def _take_decoded(self, work: TaskWork, results: Decoded) -> None:
        """Take a step's frames and the sound made meanwhile, and hand out what is due."""
        if isinstance(work.task, Decode) and work.task.sound is not None:
            self._take_sound(work.sounding, work.task.sound, results.sound)
        for segment, stepped in zip(work.segments, results.rows, strict=True):
            if not segment.gone:
                self._take_step(segment, stepped)
            while not segment.gone and 0 < (size := self._due(segment, work.now)) <= len(segment.ready):
                self._hand_out(segment, size)

    def _take_sound(self, segments: tuple[Segment, ...], task: Sound, results: list[Any]) -> None:
        for segment, pcm, codes in zip(segments, results, task.codes, strict=True):
            if not segment.gone:
                segment.take_sound(checked(pcm), len(codes))

    def _hand_out(self, segment: Segment, count: int) -> None:
        assert self._speaker is not None
        audio = segment.hand_out(count, self._speaker.frame_s)
        if audio is None:
            return
        if audio.final:
            self._drop(segment)
        segment.on_event(audio)

    def _fail(self, segment: Segment, error: Exception) -> None:
        self.cancel(segment.stream, segment.generation)
        segment.on_event(StreamFailed(segment.generation, error))

    def _drop(self, segment: Segment) -> None:
        """Remove a segment, and free what it holds."""
        segment.gone = True
        self._queue.remove(segment)
        if segment.row is not None:
            self._chore_rows.append(segment.row)
            segment.row = None
        if segment.place is not None:
            self._free.append(segment.place)
            segment.place = None


def _same(segment: Segment, stream: int, generation: int | None) -> bool:
    return segment.stream == stream and generation in (None, segment.generation)
