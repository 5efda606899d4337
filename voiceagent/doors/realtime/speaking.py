"""The agent's side of the protocol: what a session reports of its responses, as responses, items and pieces of them.

One response of the session may be several of the protocol's: each that calls tools of the client's is over with the
calls, and the session goes on with the results in the next.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from voiceagent.audio.speech import Heard
from voiceagent.doors.realtime.client_tools import ClientCalls
from voiceagent.doors.realtime.conversation import Conversation, Entry, Spoken
from voiceagent.doors.realtime.errors import EventError
from voiceagent.doors.realtime.outbox import Outbox, Wire
from voiceagent.doors.realtime.response import Response, content, cut_short, failed, usage_of
from voiceagent.errors import VoiceAgentError
from voiceagent.session.effects import ResponseKind
from voiceagent.session.events import Outcome
from voiceagent.session.reports import ResponseEnded, ResponseStarted

ALL_MS = 1e9
CANCELLED = {"type": "cancelled", "reason": "client_cancelled"}
INTERRUPTED = {"type": "cancelled", "reason": "turn_detected"}


@dataclass(slots=True)
class Asked:
    """A response that the client has asked for, as it is to be shown, and the session's number of the request."""

    shown: Wire
    request: int = 0


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a response, by its place."""

    generation: int
    number: int


@dataclass(frozen=True, slots=True)
class HeardItem:
    """What was heard of an item."""

    text: str
    ms: float


class Speaking:
    """What one agent says. `shown` returns what the client is told of a response by default; `heard_within` is the
    playout's: what is heard in the first ms of a generation."""

    def __init__(
        self,
        outbox: Outbox,
        conversation: Conversation,
        shown: Callable[[], Wire],
        heard_within: Callable[[int, float], Heard | None],
    ) -> None:
        self.calls = ClientCalls()
        self.cancelled = False
        """The client wants silence: an interruption that follows is its doing."""
        self._outbox = outbox
        self._conversation = conversation
        self._shown = shown
        self._heard_within = heard_within
        self._sounding: str | None = None
        """The id of the response that is heard, where audio travels beside the events."""
        self._asked: Asked | None = None
        """What was asked for and has not begun."""
        self._response: Response | None = None
        self._generation = 0
        self._memory = ""
        """What the session calls the response."""
        self._sent_ms = 0.0
        """Audio of the generation so far."""
        self._last = self._heard = Segment(0, -1)
        self._calling = False
        """The response is over as soon as its last words are heard."""
        self._resumes = False
        """The client has asked for the next response, and not yet given all outputs."""
        self._failure: str | None = None
        self._interrupted: str | None = None
        """The id of the last response, if the user interrupted it."""
        self._cut: tuple[Entry, float] | None = None
        """The client says how much of an item it has played."""

    @property
    def active(self) -> str | None:
        """The id of the response under way."""
        return self._response.id if self._response is not None else None

    @property
    def busy(self) -> bool:
        """Whether no other response can be asked for."""
        return self._response is not None or self._asked is not None or self._resumes

    def ask(self, shown: Wire, respond: Callable[[], int]) -> None:
        """The client asks for a response by `respond`, the session's. Raises what that raises."""
        asked = self._asked = Asked(shown)
        try:
            asked.request = respond()
        except VoiceAgentError:
            self._asked = None
            raise

    def give_up(self, response_id: str | None) -> int | None:
        """Return the request that waits, if the client cancels that; its response is cancelled before it begins."""
        asked = self._asked
        if asked is None or response_id is not None:
            return None
        self._asked = None
        Response(self._outbox, self._conversation, asked.shown).end("cancelled", CANCELLED)
        return asked.request

    def forgives_cancel(self, response_id: str | None) -> bool:
        """Return whether a response has just been interrupted that the client may want cancelled besides, once."""
        interrupted, self._interrupted = self._interrupted, None
        return interrupted is not None and response_id in (None, interrupted)

    def resume(self) -> None:
        """The client asks for the response that follows its tools' outputs; it begins when all are there."""
        self._resumes = bool(self.calls.missing)
        if not self._resumes:
            self._open(self._shown())
            self.calls.release()

    def answered(self) -> None:
        """The client has given an output."""
        if self._resumes and not self.calls.missing:
            self.resume()

    def failed(self, message: str) -> None:
        """A model failed; the response that ends now ends of it."""
        self._failure = message

    def started(self, start: ResponseStarted) -> None:
        """The session begins a response."""
        self._generation, self._memory = start.generation, start.item
        self._sent_ms, self.cancelled = 0.0, False
        self._failure = self._interrupted = None
        self._last = self._heard = Segment(start.generation, -1)
        asked = self._asked if start.kind is ResponseKind.PROMPTED else None
        if asked is not None:
            self._asked = None
        self._open(self._shown() if asked is None else asked.shown)

    def says(self, segment: int, words: tuple[str, ...]) -> None:
        """These words come next."""
        response = self._open_response()
        entry = response.message or self._begin_message(response, Spoken(self._generation, self._sent_ms))
        text = " ".join(words)
        if entry.spoken is not None:
            text = f" {text}" if entry.spoken.segments else text
            entry.spoken.segments[segment] = words
        response.write(text)
        self._last = Segment(self._generation, segment)

    def writes(self, text: str) -> None:
        """This text comes next; it is not spoken."""
        response = self._open_response()
        if response.message is None:
            self._begin_message(response, None)
        response.write(text)

    def sounds(self, audio: str, ms: float) -> None:
        """Send audio, base64."""
        if audio and self._response is not None and self._response.message is not None:
            self._response.sound(audio)
        self._sent_ms += ms

    def plays(self, ms: float, *, sounding: bool) -> None:
        """So much audio is sent beside the events; the first that is `sounding` begins what is heard of a response."""
        if sounding and self._sounding is None and self._response is not None and self._response.message is not None:
            self._sounding = self._response.id
            self._outbox.emit("output_audio_buffer.started", response_id=self._sounding)
        if sounding or self._sent_ms:
            self._sent_ms += ms

    def segment_heard(self, generation: int, number: int) -> None:
        """The last sample of a segment is heard."""
        self._heard = Segment(generation, number)
        self._close_if_calling()

    def uses(self, call_id: str, name: str, arguments: str) -> None:
        """The model calls a tool; one of the client's becomes an item."""
        if name not in self.calls.names:
            return
        self.calls.expect(call_id, name)
        self._open_response().call(call_id, name, arguments)
        self._calling = True
        asyncio.get_running_loop().call_soon(self._close_if_calling)  # there may be more calls

    def ended(self, end: ResponseEnded) -> None:
        """The session's response is over."""
        self.calls.interrupted()
        self._calling = self._resumes = False
        response, self._response = self._response, None
        if response is None:
            return
        cut_entry, within_ms = self._take_cut() or (None, ALL_MS)
        entry = response.message
        heard = None
        whole = end.outcome is Outcome.COMPLETED
        if entry is not None and not whole:
            heard = self._heard_of(entry, within_ms if entry is cut_entry else ALL_MS)
        status = "completed" if whole and not end.cut else "incomplete"
        response.end_message(status, None if heard is None else heard.text)
        usage = usage_of(end.usage)
        match end.outcome:
            case Outcome.COMPLETED:
                response.end(*cut_short(end.cut), usage)
            case Outcome.FAILED:
                response.end("failed", failed(self._failure), usage)
            case _:
                response.end("cancelled", CANCELLED if self.cancelled else INTERRUPTED, usage)
                self._interrupted = None if self.cancelled else response.id
        self._silent("stopped" if whole else "cleared")
        if heard is not None and entry is not None and response.spoken:
            self._truncated(entry, within_ms if entry is cut_entry else heard.ms)

    def truncate(self, entry: Entry, ms: int, heard_until: Callable[[int, float], None]) -> None:
        """The client has played so much of an item, and will play no more; `heard_until` is the session's.

        Raises EventError for an item that was not spoken.
        """
        if (spoken := entry.spoken) is None:
            raise EventError("invalid_value", "Only what the agent has said aloud can be truncated.", "item_id")
        self._cut = entry, ms
        heard_until(spoken.generation, spoken.begins_ms + ms)
        if self._take_cut() is None:  # it was under way, and has ended there
            return
        if (heard := self._heard_of(entry, ms)) is not None:
            entry.wire |= {"content": [content(heard.text, spoken=True)]}
        self._truncated(entry, ms)

    def _heard_of(self, entry: Entry, within_ms: float) -> HeardItem | None:
        """Return what was heard in the first ms of an item; None where the session no longer knows."""
        spoken = entry.spoken
        if spoken is None:
            return None
        heard = self._heard_within(spoken.generation, min(ALL_MS, spoken.begins_ms + within_ms))
        if heard is None:
            return None
        parts = [(spoken.segments[part.segment], part) for part in heard.segments if part.segment in spoken.segments]
        text = " ".join(word for words, part in parts for word in words[: len(part.words)])
        return HeardItem(text, sum(part.played_s for _, part in parts) * 1000)

    def _take_cut(self) -> tuple[Entry, float] | None:
        cut, self._cut = self._cut, None
        return cut

    def _silent(self, how: str) -> None:
        if self._sounding is not None:
            self._outbox.emit(f"output_audio_buffer.{how}", response_id=self._sounding)
            self._sounding = None

    def _truncated(self, entry: Entry, ms: float) -> None:
        self._outbox.emit("conversation.item.truncated", item_id=entry.id, content_index=0, audio_end_ms=round(ms))

    def _begin_message(self, response: Response, spoken: Spoken | None) -> Entry:
        entry = response.begin_message(spoken)
        entry.memory = self._memory
        return entry

    def _open(self, shown: Wire) -> None:
        self._response = Response(self._outbox, self._conversation, shown)

    def _open_response(self) -> Response:
        if self._response is None:  # the session goes on by itself: a tool of the client's took too long
            self._open(self._shown())
        assert self._response is not None
        return self._response

    def _close_if_calling(self) -> None:
        if self._calling and self._heard == self._last and self._response is not None:
            self._calling = False
            response, self._response = self._response, None
            response.end_message()
            response.end("completed")
            self._silent("stopped")
