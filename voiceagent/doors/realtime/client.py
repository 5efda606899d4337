"""One Realtime client, on whichever transport: carries out its events, and tells it what its session reports."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from voiceagent.audio.pcm import Pcm
from voiceagent.audio.speech import Heard
from voiceagent.doors.intake import Intake
from voiceagent.doors.realtime import configuration, writing
from voiceagent.doors.realtime.apart import Apart
from voiceagent.doors.realtime.beta import from_beta
from voiceagent.doors.realtime.conversation import Conversation, Entry, item
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
from voiceagent.doors.realtime.events.responses import CancelResponse, CreateResponse, ResponseOptions
from voiceagent.doors.realtime.events.session import Session as SessionObject
from voiceagent.doors.realtime.events.session import UpdateSession
from voiceagent.doors.realtime.formats import Decoder
from voiceagent.doors.realtime.listening import Listening
from voiceagent.doors.realtime.outbox import Outbox, Wire, new_id
from voiceagent.doors.realtime.speaking import Speaking
from voiceagent.errors import VoiceAgentError
from voiceagent.session.config import ConversationConfig
from voiceagent.session.coordinator import Session
from voiceagent.session.effects import ResponseKind
from voiceagent.session.reports import (
    AsideEnded,
    EngineFailed,
    NothingHeard,
    Report,
    ResponseEnded,
    ResponseStarted,
    SegmentAnnounced,
    SegmentHeard,
    TextWritten,
    ToolUsed,
    UserStarted,
    UserStopped,
    UserTurnEnded,
)

log = logging.getLogger(__name__)

MOST_AHEAD_S = 60.0
"""Audio may come faster than it is spoken, from a file, but not without bound: the recogniser's time is everybody's."""
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
        self._wanted: SessionObject
        self._listening = Listening(self._outbox, self._conversation)
        self.speaking = Speaking(self._outbox, self._conversation, self._response_shown, self._heard_within)
        self._apart = Apart(self._outbox)
        first = configuration.first(agent.config, model)
        wanted = first if asked is None else configuration.merged(first, asked)
        self._decoder = Decoder(configuration.input_format(wanted))
        self.config = self._config_of(wanted)
        """How the session is to begin."""
        self._adopt(wanted, self.config)
        self._session: Session | None = None
        self._intake = Intake(MOST_AHEAD_S)
        self._told: set[str] = set()
        """The codes of errors that are in the log."""

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
        wire = error_of(error, event_id)
        if wire["code"] not in self._told:
            self._told.add(wire["code"])
            log.info("a client's event is refused", extra={"session": self.session.id, "reason": wire["code"]})
        self._outbox.emit("error", error=wire)

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
                self._append(event.audio)
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
                writing.erase(event.item_id, self._conversation, self.session)
            case TruncateItem():
                self._truncate(event)
            case CreateResponse():
                self._create_response(event)
            case CancelResponse():
                self._cancel(event.response_id)

    def _append(self, audio: str) -> None:
        pcm = self._decoder.push(audio)
        self._intake.take(pcm)
        self.heard(pcm)
        self.session.hear(pcm)

    def _update(self, change: SessionObject) -> None:
        wanted = configuration.merged(self._wanted, change)
        config = self._config_of(wanted)
        self.session.configure(config)
        self._adopt(wanted, config)
        self._outbox.emit("session.updated", session=self._session_shown())

    def _config_of(self, wanted: SessionObject) -> ConversationConfig:
        return configuration.configured(self._agent.config, wanted, self._agent.tools, self.speaking.calls)

    def _adopt(self, wanted: SessionObject, config: ConversationConfig) -> None:
        self._wanted = wanted
        self.speaking.calls.names = configuration.client_tools(config)
        self._listening.detects = configuration.turn_detection(wanted) is not None
        self._listening.transcribes = configuration.transcribes(wanted)
        self._listening.onset_ms = config.thresholds.onset_s * 1000 + configuration.padding_ms(wanted)
        if self._decoder.name != self.input_format:
            self._decoder = Decoder(self.input_format)

    def _commit(self) -> None:
        if self._listening.unheard_ms < MIN_COMMIT_MS:
            raise EventError(
                "input_audio_buffer_commit_empty",
                f"The buffer has {self._listening.unheard_ms:.0f} ms of audio; a turn has {MIN_COMMIT_MS:.0f} or more.",
            )
        self._listening.commit()
        self.session.commit_turn()

    def _create_item(self, event: CreateItem) -> None:
        match event.item:
            case FunctionCallOutput() as output:
                wire = item("function_call_output", output.id, call_id=output.call_id, output=output.output)
                place = self._conversation.place(wire["id"], event.previous_item_id)
                self.speaking.calls.answer(output.call_id, output.output)
                self._conversation.add(Entry({**wire, "status": "completed"}), place)
                self.speaking.answered()
            case Message() as said:
                writing.write(said, event.previous_item_id, self._conversation, self.session)
            case _:
                raise EventError(
                    "unsupported_item",
                    "Calls are the model's own: send messages and function_call_output.",
                    "item.type",
                )

    def _truncate(self, event: TruncateItem) -> None:
        entry = self._conversation.find(event.item_id)
        if event.content_index:
            raise EventError(
                "invalid_value", "An item of the agent's has one part: content_index is 0.", "content_index"
            )
        self.speaking.truncate(entry, event.audio_end_ms, self.session.heard_until)

    def _create_response(self, event: CreateResponse) -> None:
        options = event.response or ResponseOptions()
        shown = configuration.response_shown(self._wanted, options)
        if options.conversation == "none":
            self._respond_apart(options, shown)
            return
        if options.input is not None:
            raise EventError(
                "unsupported_parameter", 'An input of its own needs conversation "none".', "response.input"
            )
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
            own = self._own_config(options)
            self.speaking.ask(shown, lambda: self.session.respond(options.instructions or "", config=own))

    def _respond_apart(self, options: ResponseOptions, shown: Wire) -> None:
        if options.output_modalities is not None and "audio" in options.output_modalities:
            raise EventError(
                "unsupported_parameter",
                'Apart from the conversation a response is text: output_modalities is ["text"].',
                "response.output_modalities",
            )
        messages = writing.prompt_of(options.input or [], self._conversation)
        own = self._own_config(options)
        instructions = options.instructions or ""
        self._apart.begin(
            shown, lambda: self.session.respond(instructions, config=own, remember=False, messages=messages)
        )

    def _own_config(self, options: ResponseOptions) -> ConversationConfig | None:
        """Return the configuration that one response has to itself; None: the session's."""
        overlay = configuration.overlay(options)
        if not overlay.model_fields_set:
            return None
        config = self._config_of(configuration.merged(self._wanted, overlay))
        self.speaking.calls.names |= configuration.client_tools(config)
        return config

    def _cancel(self, response_id: str | None) -> None:
        if (request := self._apart.request_of(response_id) or self.speaking.give_up(response_id)) is not None:
            self.session.withdraw(request)
        elif self.speaking.active is None and self.speaking.forgives_cancel(response_id):
            pass
        elif self.speaking.active is None or response_id not in (None, self.speaking.active):
            raise EventError("response_cancel_not_active", "There is no such response under way.", "response_id")
        else:
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
                self._listening.understood(report.text, report.item)
            case NothingHeard():
                self._listening.nothing(failed=report.failed)
            case ResponseStarted():
                if report.kind is ResponseKind.IDLE:
                    self._listening.timed_out()
                self.speaking.started(report)
            case TextWritten():
                self.speaking.writes(report.text)
            case AsideEnded():
                self._apart.ended(report)
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
        wire = configuration.shown(self._wanted, self._agent.config)
        return {"id": self._id, "object": "realtime.session", **wire}

    def _response_shown(self) -> Wire:
        return configuration.response_shown(self._wanted)

    def _heard_within(self, generation: int, ms: float) -> Heard | None:
        return self.session.playout.heard_within(generation, ms)
