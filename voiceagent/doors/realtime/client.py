"""One Realtime client, on whichever transport: carries out its events, and tells it what its session reports."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from voiceagent.audio.pcm import Pcm
from voiceagent.audio.speech import Heard
from voiceagent.doors.realtime import configuration
from voiceagent.doors.realtime.beta import from_beta
from voiceagent.doors.realtime.conversation import Conversation, Entry, item, message
from voiceagent.doors.realtime.errors import EventError, error_of
from voiceagent.doors.realtime.events.base import ClientEvent
from voiceagent.doors.realtime.events.buffers import AppendInput, ClearInput, ClearOutput, CommitInput
from voiceagent.doors.realtime.events.items import (
    CreateItem,
    DeleteItem,
    FunctionCallOutput,
    Message,
    RetrieveItem,
    TruncateItem,
)
from voiceagent.doors.realtime.events.parse import id_of, parse_event, read_event
from voiceagent.doors.realtime.events.responses import CancelResponse, CreateResponse
from voiceagent.doors.realtime.events.session import Session as SessionObject
from voiceagent.doors.realtime.events.session import UpdateSession
from voiceagent.doors.realtime.formats import Decoder
from voiceagent.doors.realtime.listening import Listening
from voiceagent.doors.realtime.outbox import Outbox, Wire, new_id
from voiceagent.doors.realtime.response import content
from voiceagent.doors.realtime.speaking import Speaking
from voiceagent.errors import VoiceAgentError
from voiceagent.session.config import ConversationConfig
from voiceagent.session.coordinator import Session
from voiceagent.session.effects import Floor, ResponseKind
from voiceagent.session.reports import (
    AgentResumed,
    EngineFailed,
    FloorChanged,
    Report,
    ResponseEnded,
    ResponseStarted,
    SegmentAnnounced,
    SegmentHeard,
    ToolUsed,
    UserStarted,
    UserStopped,
    UserTurnEnded,
)

log = logging.getLogger(__name__)

MIN_COMMIT_MS = 100.0
"""Less audio than this is no turn."""


@dataclass(frozen=True, slots=True)
class Agent:
    """What a client is served: the agent's configuration, and the names of the tools that run here."""

    config: ConversationConfig
    tools: tuple[str, ...]


class RealtimeClient:
    """A client. `send` takes the text of an event; the session is `begin`'s.

    `asked` is the session that the client wanted when it connected (`client_secrets`, `calls`), or None.
    """

    def __init__(
        self,
        send: Callable[[str], None],
        agent: Agent,
        *,
        model: str | None = None,
        asked: SessionObject | None = None,
        beta: bool = False,
    ) -> None:
        self._agent = agent
        self._beta = beta
        self._outbox = Outbox(send, beta=beta)
        self._conversation = Conversation(self._outbox)
        self._id = new_id("sess")
        self._listening = Listening(self._outbox, self._conversation)
        self.speaking = Speaking(self._outbox, self._conversation, self._response_shown, self._heard_within)
        first = configuration.first(agent.config, model)
        self._wanted = first if asked is None else configuration.merged(first, asked)
        self.config = self._configured(self._wanted)
        """How the session is to begin."""
        self._decoder = Decoder(self.input_format)
        self._session: Session | None = None

    @property
    def input_format(self) -> str:
        """The format of the audio that it sends."""
        return configuration.input_format(self._wanted)

    @property
    def output_format(self) -> str:
        """The format of the audio that it is sent."""
        return configuration.output_format(self._wanted)

    @property
    def session(self) -> Session:
        """Its session."""
        assert self._session is not None
        return self._session

    def begin(self, session: Session) -> None:
        """Introduce the session."""
        self._session = session
        self._outbox.emit("session.created", session=self._session_shown())
        self._outbox.emit(
            "conversation.created", conversation={"id": self._conversation.id, "object": "realtime.conversation"}
        )

    def heard(self, pcm: Pcm) -> None:
        """The session is given this audio."""
        self._listening.hear(len(pcm))

    def refuse(self, error: VoiceAgentError, event_id: str | None = None) -> None:
        """Tell the client what cannot be done."""
        log.info("a client's event is refused: %s", type(error).__name__, extra={"session": self.session.id})
        self._outbox.emit("error", error=error_of(error, event_id))

    # What the client wants

    def receive(self, text: object) -> None:
        """Carry out an event, or tell what is wrong with it."""
        event_id = None
        try:
            raw = read_event(text)
            event_id = id_of(raw)
            self._carry_out(parse_event(from_beta(raw) if self._beta else raw))
        except VoiceAgentError as error:
            self.refuse(error, event_id)

    def _carry_out(self, event: ClientEvent) -> None:
        match event:
            case AppendInput():
                pcm = self._decoder.push(event.audio)
                self.heard(pcm)
                self.session.hear(pcm)
            case CommitInput():
                self._commit()
            case ClearInput():
                self._listening.discard()
                self.session.discard_turn()
            case ClearOutput():
                self._silence()
            case UpdateSession():
                self._update(event.session)
            case CreateItem():
                self._create_item(event)
            case RetrieveItem():
                self._outbox.emit("conversation.item.retrieved", item=self._conversation.find(event.item_id).wire)
            case DeleteItem():
                self._delete_item(event.item_id)
            case TruncateItem():
                self._truncate(event)
            case CreateResponse():
                self._create_response(event)
            case CancelResponse():
                self._cancel(event.response_id)

    def _update(self, change: SessionObject) -> None:
        wanted = configuration.merged(self._wanted, change)
        config = self._configured(wanted)
        if config != self.session.config:
            self.session.configure(config)
        self._wanted = wanted
        if self._decoder.name != self.input_format:
            self._decoder = Decoder(self.input_format)
        self._outbox.emit("session.updated", session=self._session_shown())

    def _configured(self, wanted: SessionObject) -> ConversationConfig:
        config = configuration.configured(self._agent.config, wanted, self._agent.tools, self.speaking.calls)
        self._listening.detects = configuration.turn_detection(wanted) is not None
        self._listening.transcribes = configuration.transcribes(wanted)
        padding_ms = configuration.padding_ms(wanted)
        self._listening.onset_ms = config.thresholds.onset_s * 1000 + padding_ms
        return config

    def _commit(self) -> None:
        if self._listening.unheard_ms < MIN_COMMIT_MS:
            raise EventError(
                "input_audio_buffer_commit_empty",
                f"The buffer has {self._listening.unheard_ms:.0f} ms of audio; a turn has at least {MIN_COMMIT_MS:.0f}.",
            )
        self._listening.commit()
        self.session.commit_turn()

    def _create_item(self, event: CreateItem) -> None:
        match event.item:
            case FunctionCallOutput() as output:
                self.speaking.calls.answer(output.call_id, output.output)
                wire = item("function_call_output", output.id, call_id=output.call_id, output=output.output)
                self._conversation.add(Entry({**wire, "status": "completed"}), event.previous_item_id)
                self.speaking.answered()
            case Message() as said:
                self._say(said, event.previous_item_id)
            case _:
                raise EventError(
                    "unsupported_item",
                    "Calls are the model's own: send messages and function_call_output.",
                    "item.type",
                )

    def _say(self, said: Message, after: str | None) -> None:
        if not self._conversation.at_end(after):
            raise EventError(
                "unsupported_parameter", "Items are added at the end: leave previous_item_id out.", "previous_item_id"
            )
        parts: list[Wire] = []
        for part in said.content:
            if part.type == "input_image":
                raise EventError("unsupported_content", "The model does not see: describe the image.", "item.content")
            text = part.text if part.text is not None else part.transcript
            if text is None:
                raise EventError(
                    "unsupported_content",
                    "Send audio by input_audio_buffer.append; here it needs its transcript.",
                    "item.content",
                )
            parts.append(_content(said.role, text, spoken="audio" in part.type))
        entry = Entry(message(said.role, parts, item_id=said.id))
        self._conversation.require_new(entry.id)
        text = " ".join(part.get("text") or part.get("transcript") or "" for part in parts)
        entry.memory = self.session.remember(said.role, text)
        self._conversation.add(entry)

    def _delete_item(self, item_id: str) -> None:
        entry = self._conversation.delete(item_id)
        if entry.memory is not None:
            self.session.forget(entry.memory)

    def _truncate(self, event: TruncateItem) -> None:
        entry = self._conversation.find(event.item_id)
        if event.content_index:
            raise EventError(
                "invalid_value", "An item of the agent's has one part: content_index is 0.", "content_index"
            )
        self.speaking.truncate(entry, event.audio_end_ms, self.session.heard_until)

    def _create_response(self, event: CreateResponse) -> None:
        if self.speaking.busy:
            raise EventError(
                "conversation_already_has_active_response",
                f"The response {self.speaking.active or ''} is under way: wait for response.done, or cancel it first.",
            )
        calls = self.speaking.calls
        if calls.given:
            self.speaking.resume()
        elif calls.missing:
            raise EventError(
                "function_call_output_missing", f"Send the outputs first; these calls wait: {', '.join(calls.missing)}."
            )
        else:
            self.speaking.ask(self._response_shown())
            self.session.respond(event.response.instructions or "" if event.response else "")

    def _cancel(self, response_id: str | None) -> None:
        active = self.speaking.active
        if active is None or response_id not in (None, active):
            raise EventError("response_cancel_not_active", "There is no such response under way.", "response_id")
        self._silence()

    def _silence(self) -> None:
        self.speaking.cancelled = True
        self.session.stop_speaking()

    # What the session reports

    def report(self, report: Report) -> None:
        """Tell the client."""
        match report:
            case UserStarted():
                self._listening.started()
            case UserStopped():
                self._listening.stopped()
            case UserTurnEnded():
                self._listening.understood(report.text)
            case AgentResumed():
                self._listening.came_to_nothing()
            case FloorChanged(holder) if holder is not Floor.USER:
                self._listening.came_to_nothing()
            case ResponseStarted(generation, kind):
                if kind is ResponseKind.IDLE:
                    self._listening.timed_out()
                self.speaking.started(generation, asked=kind is ResponseKind.PROMPTED)
            case SegmentAnnounced():
                self.speaking.says(report.segment, report.words)
            case SegmentHeard(generation, segment):
                self.speaking.segment_heard(generation, segment)
            case ToolUsed() if report.running:
                self.speaking.uses(report.call_id, report.name, report.arguments)
            case ToolUsed():
                self.speaking.calls.settled(report.call_id)
            case ResponseEnded():
                self.speaking.ended(report)
            case EngineFailed():
                self.speaking.failed(report.message)
            case _:
                pass

    # What the client is shown

    def _session_shown(self) -> Wire:
        wire = configuration.shown(self._wanted)
        return {"id": self._id, "object": "realtime.session", **wire}

    def _response_shown(self) -> Wire:
        return configuration.response_shown(self._wanted)

    def _heard_within(self, generation: int, ms: float) -> Heard | None:
        return self.session.playout.heard_within(generation, ms)


def _content(role: str, text: str, *, spoken: bool) -> Wire:
    if role == "assistant":
        return content(text, spoken=spoken)
    return {"type": "input_audio", "transcript": text} if spoken else {"type": "input_text", "text": text}
