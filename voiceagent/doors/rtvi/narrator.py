"""What a session reports, as RTVI's messages. It keeps what RTVI wants repeated: a segment's text with every word."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from voiceagent.doors.rtvi.call_messages import CallMessages
from voiceagent.doors.rtvi.envelope import Payload, build, failure
from voiceagent.doors.rtvi.metrics import metrics_of
from voiceagent.doors.rtvi.session_config import as_shown
from voiceagent.session.effects import Floor
from voiceagent.session.events import Outcome
from voiceagent.session.reports import (
    AgentPaused,
    EngineFailed,
    FloorChanged,
    Report,
    ResponseEnded,
    ResponseStarted,
    SegmentAnnounced,
    TextCompleted,
    TextWritten,
    ToolUsed,
    TurnTraced,
    UserStarted,
    UserStopped,
    UserText,
    UserTextWithdrawn,
    UserTurnEnded,
    WordHeard,
)

USER = "user"
"""The `user_id` of transcripts: there is one user."""


@dataclass(slots=True)
class _Segment:
    id: int
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.words)


@dataclass(slots=True)
class _Response:
    generation: int
    segments: dict[int, _Segment] = field(default_factory=dict)
    is_spoken: bool = False
    """As far as is known; else it is text only."""
    is_heard: bool = False
    is_written: bool = False


class Narrator:
    """Tells one client what happens in its session."""

    def __init__(self, send: Callable[[Payload], None], calls: CallMessages, models: dict[str, str]) -> None:
        self.legacy = False
        """Whether the client is of major version 1."""
        self.typed: str | None = None
        """The id of the request whose text is being typed."""
        self.raw_vad = False
        """Whether it is also told of each sound like speech."""
        self._send = send
        self._calls = calls
        self._models = models
        self._user_speaks = False
        self._ended_turn = -1
        self._heard = ""
        """The latest transcript of the user's turn."""
        self._response: _Response | None = None
        self._segment_ids = count(1)

    def report(self, report: Report) -> None:
        """Tell of it, if the client wants to know."""
        match report:
            case UserStarted():
                self._user_spoke(True)
                self._raw_vad("started")
            case UserStopped():
                self._raw_vad("stopped")
            case UserText(turn, text) if turn != self._ended_turn:
                # It grows with every pause, and clients join final ones: only the whole turn's is final.
                self._heard = text
                self._transcript(text, final=False)
            case UserTurnEnded(turn, text):
                self._user_turn(turn, as_shown(text))
            case FloorChanged(holder):
                self._floor(holder)
            case ResponseStarted(generation):
                self._begin(generation)
            case SegmentAnnounced(generation, segment, words):
                self._segment(generation, segment, words)
            case TextWritten(generation, text):
                self._segment(generation, None, (text,))
            case TextCompleted(generation):
                self._written(generation)
            case WordHeard():
                self._word(report)
            case AgentPaused():
                self._bot_heard(False)
            case UserTextWithdrawn(_, text):
                self._user_input(text, "backchannel")
                self._heard = ""
            case ToolUsed():
                self._calls.report(report)
            case ResponseEnded(generation, outcome):
                self._end(generation, outcome)
            case TurnTraced(trace):
                self._tell("metrics", metrics_of(trace, self._models))
            case EngineFailed(_, _, message):
                self._send(failure(message))

    # The user

    def _user_spoke(self, speaks: bool) -> None:
        if speaks is not self._user_speaks:
            self._user_speaks = speaks
            self._tell(f"user-{'started' if speaks else 'stopped'}-speaking")

    def _raw_vad(self, what: str) -> None:
        if self.raw_vad:
            self._tell(f"vad-user-{what}-speaking")

    def _user_turn(self, turn: int, text: str) -> None:
        self._interrupt()
        if self.typed is None:
            self._transcript(text, final=True)
        else:
            self._user_input(text, "chat", msg_id=self.typed)
        self._heard, self._ended_turn = "", turn
        self._user_spoke(False)
        self._tell("user-llm-text", {"text": text})

    def _transcript(self, text: str, final: bool) -> None:
        self._user_input(text, "transcription", final=final)
        self._tell("user-transcription", {"text": text, "user_id": USER, "timestamp": _now(), "final": final})

    def _user_input(self, text: str, kind: str, final: bool = True, msg_id: str = "") -> None:
        data = {"text": text, "input_type": kind, "timestamp": _now(), "final": final, "user_id": USER}
        self._tell("user-input", {**data, "msg_id": msg_id} if msg_id else data)

    # The agent

    def _begin(self, generation: int) -> None:
        self._interrupt()
        self._response = _Response(generation)
        self._tell("bot-llm-started")

    def _floor(self, holder: Floor) -> None:
        if holder is not Floor.USER:
            self._user_spoke(False)
        if holder is Floor.AGENT:
            self._bot_heard(True)

    def _bot_heard(self, is_heard: bool) -> None:
        response = self._response
        if response is not None and response.is_spoken and response.is_heard is not is_heard:
            response.is_heard = is_heard
            self._tell(f"bot-{'started' if is_heard else 'stopped'}-speaking")

    def _segment(self, generation: int, number: int | None, words: tuple[str, ...]) -> None:
        """Tell of a segment: its words where it is numbered, to be spoken; else its text as it is written."""
        response = self._response
        if response is None or response.generation != generation:
            return
        segment = _Segment(next(self._segment_ids), words)
        if number is not None:
            if not response.is_spoken:
                response.is_spoken = True
                self._tell("bot-tts-started")
            response.segments[number] = segment
        self._tell("bot-llm-text", {"text": segment.text if number is None else f"{segment.text} "})
        segment.words = tuple(segment.text.split())
        self._tell("bot-transcription", {"text": segment.text})
        if self.legacy:
            self._tell("bot-output", {"text": segment.text, "spoken": False, "aggregated_by": "sentence"})
        else:
            self._output(segment, response, 0, "new")

    def _word(self, report: WordHeard) -> None:
        response = self._response
        segment = response.segments.get(report.segment) if response is not None else None
        if response is None or segment is None or response.generation != report.generation or not response.is_spoken:
            return
        word, heard = segment.words[report.index], report.index + 1
        if self.legacy:
            self._tell("bot-output", {"text": word, "spoken": True, "aggregated_by": "word"})
        else:
            self._output(segment, response, heard, "completed" if heard == len(segment.words) else "in-progress")
        self._tell("bot-tts-text", {"text": word})

    def _output(self, segment: _Segment, response: _Response, heard: int, status: str) -> None:
        data: Payload = {
            "text": segment.text,
            **dict.fromkeys(("output_type", "text_type", "aggregated_by"), "sentence"),
            "segment_id": segment.id,
            "will_be_spoken": response.is_spoken,
            "spoken_status": status,
        }
        if response.is_spoken:
            said, rest = " ".join(segment.words[:heard]), " ".join(segment.words[heard:])
            data["spoken_progress"] = {"accumulated_text": said, "remaining_text": rest}
        self._tell("bot-output", data)

    def _written(self, generation: int) -> None:
        response = self._response
        if response is not None and response.generation == generation and not response.is_written:
            response.is_written = True
            self._tell("bot-llm-stopped")

    def _interrupt(self) -> None:
        """End what a new turn or response is about to replace; the session reports it later."""
        if self._response is not None:
            self._end(self._response.generation, Outcome.INTERRUPTED)

    def _end(self, generation: int, outcome: Outcome) -> None:
        response = self._response
        if response is None or response.generation != generation:
            return
        if outcome is Outcome.INTERRUPTED:
            self._tell("bot-interrupted")
        self._calls.abandon()
        self._written(generation)
        if response.is_spoken:
            self._tell("bot-tts-stopped")
        self._bot_heard(False)
        self._response = None

    def _tell(self, type: str, data: object = None) -> None:
        self._send(build(type, data))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
