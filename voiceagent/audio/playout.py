"""The clock that knows which samples the listener was really sent, and so which words were heard.

A door pulls one frame every `frame_ms`, always, and gets silence when there is nothing to say; speech is enqueued
as fast as it is made. How far the pulling has come is the only measure of what was heard.

- Audio of a generation is held back until `release`: it may answer a turn that has not ended.
- A generation that is stopped, dropped, or older than one that was released is gone: what still comes of it is
  refused. At most one generation is ever heard.
- Sound that begins after silence is faded in, sound that is cut or runs dry is faded out, each over 5 ms, whatever
  the audio is like: no click can come from here.
- `pause` falls silent at once; `resume` goes on with the very sample, or from the beginning of the word that was cut.

A client that plays what is pulled at once needs nothing else. One that plays it later, because the door sends ahead
(`pacer.py`), is followed: what it has not played is not heard, and is taken back when the agent pauses or stops.

It has no clock of its own, no thread and no knowledge of how frames travel; what is under way to the listener (the
network and the client's jitter buffer) counts as heard.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from voiceagent.audio.pcm import FADE_MS, Pcm, checked, ramp_up
from voiceagent.audio.response_buffer import ResponseBuffer
from voiceagent.audio.segment_buffer import SegmentBuffer
from voiceagent.audio.speech import Drained, Heard, PlayoutEvent, SegmentHeard, SegmentStarted, SpeechChunk, WordHeard

REWIND_S = 0.3
"""A word cut this soon after its beginning is said again from the start; a longer one goes on where it was."""

_NOTHING: Pcm = np.zeros(0, np.float32)


class Client(Protocol):
    """A client that plays later what is pulled now."""

    @property
    def unplayed_s(self) -> float:
        """Seconds of what was pulled that it has yet to play."""

    def clear(self) -> None:
        """Make it drop what it has not played."""


class Playout:
    """One listener's agent audio, as it is sent. `rate` in Hz; a frame has `rate * frame_ms / 1000` samples."""

    def __init__(self, rate: int, frame_ms: int = 20, fade_ms: float = FADE_MS) -> None:
        self.rate = rate
        self.frame_samples = rate * frame_ms // 1000
        self.may_begin: Callable[[], bool] = lambda: True
        """Asked before silence turns into speech; while it says no, the silence goes on."""
        self.underruns = 0
        """Gaps inside a segment because its audio came late."""
        self._fade = round(rate * fade_ms / 1000)
        self._newest = -1  # generations up to this one are known, or gone for good
        self._held: dict[int, ResponseBuffer] = {}
        self._live: ResponseBuffer | None = None
        self._last: ResponseBuffer | None = None  # the live one, or the one that was
        self._client: Client | None = None
        self._paused = False
        self._events: list[PlayoutEvent] = []
        self._tail = _NOTHING  # a fade-out still to be sent
        self._tail_in_pause = False  # it replaces this much of a pause
        self._sounding = False
        self._last_sample = np.float32(0.0)  # of speech that was sent
        self._rise = _NOTHING  # the gains of a fade-in still to be applied
        self._cut_unsent = False  # `pause` came after the last pull

    # -- speech comes in

    def enqueue(self, chunk: SpeechChunk) -> bool:
        """Take a piece of speech; return False if its generation is gone.

        Raises AudioError for invalid audio (see `checked`), ValueError for a piece that is not the next of its
        segment, or a segment older than the last; nothing of it is kept then.
        """
        response = self._response(chunk.generation)
        if response is None or response.drained:
            return False
        response.append(chunk, checked(chunk.pcm), self.rate)
        return True

    def finish(self, generation: int) -> None:
        """Mark the generation's last chunk as enqueued."""
        if response := self._response(generation):
            response.finished = True

    def release(self, generation: int) -> None:
        """Let a generation be heard. An older one that still sounds is stopped; a pause ends."""
        response = self._response(generation)
        if response is None or response is self._live:
            return
        self.stop(generation - 1)
        del self._held[generation]
        self._live = self._last = response

    def drop(self, generation: int) -> None:
        """Forget a generation that was never released."""
        self._newest = max(self._newest, generation)
        self._held.pop(generation, None)

    def buffered_s(self, generation: int) -> float:
        """Return how long a generation's enqueued audio lasts, pauses included, until the listener hears no more."""
        response = self._find(generation)
        unplayed_s = (self.unplayed_s or 0.0) if response is self._live else 0.0
        return unplayed_s + response.buffered / self.rate if response else 0.0

    # -- frames are sent

    def pull(self) -> Pcm:
        """Return the next frame: speech, or silence."""
        self._cut_unsent = False
        frame = np.zeros(self.frame_samples, np.float32)
        at = 0
        self._settle()
        while at < len(frame) and (sent := self._send(frame[at:])) is not None:
            at += sent
            self._settle()
        if at < len(frame):
            self._book(len(frame) - at)
        return frame

    def follow(self, client: Client | None) -> None:
        """Send to a client that plays later what is pulled now; None: at once."""
        self._client = client

    @property
    def unplayed_s(self) -> float | None:
        """Seconds of what was pulled that the client has yet to play; None for one that plays it at once."""
        return None if self._client is None else self._client.unplayed_s

    def has_frame(self, *, dry: bool) -> bool:
        """Return whether there is something to pull now for a client that is ahead, or has nothing left (`dry`).

        While it has, a gap is not sent: what will fill it may still come in time.
        """
        live = self._live
        if live is None or live.drained or self._paused:
            return False
        playable = live.playable
        if playable >= self.frame_samples or (live.finished and playable > 0):
            return True
        begun = live.timeline.sent > 0
        return dry and begun and bool(playable or live.silence or self._sounding or len(self._tail))

    def note_played(self) -> None:
        """Record what the listener has played meanwhile; events may follow."""
        if self._live is not None:
            self._live.timeline.play(self._live.timeline.sent - round((self.unplayed_s or 0.0) * self.rate))
            self._settle()

    def drain_events(self) -> list[PlayoutEvent]:
        """Return what has happened in the frames pulled since the last call, in order."""
        events, self._events = self._events, []
        return events

    def heard(self, generation: int) -> Heard:
        """Return what was heard of a generation so far; of a drained one, until the next is released."""
        if self._live is None or self._live.generation != generation:
            return Heard(generation)
        return self._live.heard_so_far(self.rate)

    def heard_within(self, generation: int, ms: float) -> Heard | None:
        """Return what is heard in the first `ms` of what was sent of the last generation; None of any other."""
        if self._last is None or self._last.generation != generation:
            return None
        return self._last.heard_within(round(ms * self.rate / 1000), self.rate)

    # -- the floor changes hands

    def pause(self) -> None:
        """Fade out now, and stay silent until `resume`, `stop`, or the release of another generation."""
        if self._client is not None:
            self._take_back()
        elif self._sounding:
            self._cut()
            self._cut_unsent = True
        self._paused = True

    def resume(self) -> None:
        """Go on where `pause` fell silent, or from the beginning of the word it cut if that is 0.3 s back or less."""
        if not self._paused:
            return
        self._paused = False
        if self._cut_unsent:  # no sample was pulled since: the pause was never heard
            self._cut_unsent = False
            self._sounding = True
            self._tail = _NOTHING
        elif self._live is not None and self._live.segment is not None:
            self._live.segment.step_back(round(REWIND_S * self.rate), self.rate)

    def rewind(self, seconds: float) -> None:
        """Send the last seconds of the live response again, whole words; a line has lost them. None is heard twice."""
        if self._live is not None and not self._live.drained and not self._paused:
            self._live.rewind(round(seconds * self.rate), self.rate)
            self._sounding, self._tail = False, _NOTHING

    def stop(self, generation: int) -> Heard:
        """Fade out now and forget this generation and all older ones; a pause ends.

        Returns what was heard of the one that was being sent, or nothing if that is newer, or there was none.
        """
        self._newest = max(self._newest, generation)
        self._held = {held: response for held, response in self._held.items() if held > generation}
        live = self._live
        if live is not None and live.generation > generation:
            return Heard(generation)
        self._paused = self._cut_unsent = False
        if live is None:
            return Heard(generation)
        if self._client is not None:
            self._take_back()
        elif self._sounding:
            self._cut()
        if live.heard < len(live.segments):  # words named since the last pull; `Heard` reports them, no event does
            live.segments[live.heard].hear_words(self.rate)
        self._live = None
        live.forget_audio()
        return live.heard_so_far(self.rate)

    # -- inside

    def _find(self, generation: int) -> ResponseBuffer | None:
        if self._live is not None and self._live.generation == generation:
            return self._live
        return self._held.get(generation)

    def _response(self, generation: int) -> ResponseBuffer | None:
        """Return a generation's response, a new one if it is newer than all, None if it is gone."""
        if generation > self._newest:
            self._newest = generation
            self._held[generation] = ResponseBuffer(generation)
        return self._find(generation)

    def _send(self, room: Pcm) -> int | None:
        """Write what is due into `room`; return for how many samples, None for silence with no end in sight."""
        if len(self._tail):
            sent = min(len(room), len(self._tail))
            room[:sent], self._tail = self._tail[:sent], self._tail[sent:]
            self._book(sent, pause=self._tail_in_pause)
            return sent
        response = self._live
        if response is None or self._paused:
            return None
        segment = response.segment
        if segment is not None and segment.left and not response.silence:
            if not self._sounding and not self.may_begin():
                return None
            return self._speak(response.generation, segment, room)
        if self._sounding:
            self.underruns += segment is not None and segment.position > 0
            self._fade_out(_NOTHING)
            self._tail_in_pause = response.silence > 0
            response.silence = max(0, response.silence - len(self._tail))
            return 0
        if not response.silence:
            return None
        sent = min(len(room), response.silence)
        response.silence -= sent
        self._book(sent, pause=True)
        return sent

    def _speak(self, generation: int, segment: SegmentBuffer, room: Pcm) -> int:
        if not segment.begun:
            segment.begun = True
            self._events.append(SegmentStarted(generation, segment.number))
        if not self._sounding:
            self._sounding = True
            self._rise = ramp_up(self._fade)
        pcm = segment.read(len(room))
        room[: len(pcm)] = pcm
        rising = min(len(pcm), len(self._rise))
        room[:rising] *= self._rise[:rising]
        self._rise = self._rise[rising:]
        assert self._live is not None
        self._live.timeline.add(len(pcm), segment, start=segment.position)
        segment.position += len(pcm)
        self._last_sample = room[len(pcm) - 1]
        return len(pcm)

    def _book(self, silence: int, *, pause: bool = False) -> None:
        """Record silence as sent in the middle of a response."""
        live = self._live
        if live is not None and live.timeline.sent and not self._paused and not live.drained:
            live.timeline.add(silence, pause=pause)

    def _take_back(self) -> None:
        """Take back what the listener has not played, to be sent again when the response goes on."""
        live = self._live
        if live is None or live.drained:
            return
        live.timeline.play(live.timeline.sent - round((self.unplayed_s or 0.0) * self.rate))
        taken = live.take_back()
        self._sounding = False
        self._tail = _NOTHING
        if taken and self._client is not None:
            self._client.clear()

    def _settle(self) -> None:
        """Draw the conclusions from what was sent and played so far, and from news about it."""
        response = self._live
        if response is None or response.drained:
            return
        while (segment := response.segment) is not None and segment.complete and not response.silence:
            response.current += 1
            response.silence = segment.pause
        if self._client is None:
            response.timeline.play(response.timeline.sent)
        self._hear(response)
        if response.finished and response.heard == len(response.segments):
            response.drained = True
            response.silence = 0
            self._events.append(Drained(response.generation))

    def _hear(self, response: ResponseBuffer) -> None:
        while response.heard < len(response.segments):
            segment = response.segments[response.heard]
            for index in segment.hear_words(self.rate):
                self._events.append(WordHeard(response.generation, segment.number, index))
            if response.heard == response.current or not segment.played:
                return
            if not segment.length:
                self._events.append(SegmentStarted(response.generation, segment.number))
            self._events.append(SegmentHeard(response.generation, segment.number))
            response.forget_before(response.heard)
            response.heard += 1

    def _cut(self) -> None:
        """Fade out in the middle of what is being said."""
        segment = self._live.segment if self._live is not None and not self._live.silence else None
        self._fade_out(_NOTHING if segment is None else segment.read(self._fade))

    def _fade_out(self, upcoming: Pcm) -> None:
        """Send the samples that were to come as a falling tail; where they end, hold the last one."""
        rising = min(len(upcoming), len(self._rise))
        upcoming[:rising] *= self._rise[:rising]
        tail = np.full(self._fade, upcoming[-1] if len(upcoming) else self._last_sample, np.float32)
        tail[: len(upcoming)] = upcoming
        self._tail = tail * ramp_up(self._fade)[::-1]
        self._sounding = False
