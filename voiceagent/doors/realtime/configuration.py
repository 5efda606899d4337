"""A session of the protocol, and what it makes of the agent's own configuration."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from voiceagent.doors.realtime.client_tools import ClientCalls
from voiceagent.doors.realtime.errors import EventError
from voiceagent.doors.realtime.events.responses import ResponseOptions
from voiceagent.doors.realtime.events.session import (
    Audio,
    AudioIn,
    AudioOut,
    FunctionTool,
    McpTool,
    Pcm24,
    SemanticVad,
    ServerVad,
    Session,
    Transcription,
    TurnDetection,
    VoiceId,
)
from voiceagent.doors.realtime.outbox import Wire
from voiceagent.session.config import ConversationConfig
from voiceagent.session.rules import Rules
from voiceagent.tools.contract import Tool

OPENAIS_VOICES = frozenset(
    "alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse".split()  # noqa: SIM905
)
"""Clients name one of these when their user has not chosen: then the agent speaks with its own voice."""
EAGER_WAIT_S = {"low": 4.0, "high": 0.5}
"""How long a speaker who seems not to have finished is waited for, at most."""
MODEL = "voiceagent"
PCM = "audio/pcm"
LONGEST_REPLY = 0.5
"""Of the session's context: a client's `max_output_tokens` above that is cut to it."""


def first(config: ConversationConfig, model: str | None) -> Session:
    """Return the session as it is before a client has configured it."""
    detection = SemanticVad(type="semantic_vad") if config.rules.judge else ServerVad(type="server_vad")
    return Session(
        type="realtime",
        model=model or MODEL,
        output_modalities=["audio"],
        audio=Audio(
            input=AudioIn(format=Pcm24(type="audio/pcm"), transcription=Transcription(), turn_detection=detection),
            output=AudioOut(format=Pcm24(type="audio/pcm"), speed=1.0),
        ),
        tools=[],
        tool_choice="auto",
    )


def merged(old: Session, new: Session) -> Session:
    """Return a session with what an update gives; what it does not give stays.

    Raises EventError for what the agent lacks.
    """
    if new.prompt is not None:
        raise EventError("unsupported_parameter", "Stored prompts are OpenAI's: send instructions.", "session.prompt")
    if old.type != (new.type or old.type):
        raise EventError("invalid_value", f"This is a {old.type} session; open another one.", "session.type")
    if any(isinstance(tool, McpTool) for tool in new.tools or ()):
        raise EventError("unsupported_parameter", "MCP servers are the server's: see its setting mcp.", "session.tools")
    if new.audio is not None and new.audio.output is not None and new.audio.output.speed not in (None, 1.0):
        raise EventError("unsupported_parameter", "The voice has one speed: 1.0.", "session.audio.output.speed")
    if new.output_modalities is not None and len(new.output_modalities) > 1:
        raise EventError(
            "invalid_value", 'output_modalities is ["audio"], text included, or ["text"].', "session.output_modalities"
        )
    if new.tool_choice not in (None, "auto", "none"):
        raise EventError(
            "unsupported_parameter", "tool_choice is auto or none: the model cannot be forced.", "session.tool_choice"
        )
    whole: Session = _over(old, new.model_copy(update={"type": old.type, "model": old.model}))
    return whole


def shown(session: Session, base: ConversationConfig) -> Wire:
    """Return the session as the client is shown it."""
    wire: Wire = session.model_dump(exclude_none=True)
    wire["audio"]["input"].setdefault("transcription", None)  # null says something here
    detection = turn_detection(session)
    wire["audio"]["input"]["turn_detection"] = None if detection is None else _detection_shown(detection, base)
    return wire


def _detection_shown(detection: TurnDetection, base: ConversationConfig) -> Wire:
    """Return how turns are detected with the numbers that hold; clients go by `interrupt_response`."""
    usual: Wire = {"create_response": True, "interrupt_response": True}
    if isinstance(detection, SemanticVad):
        usual |= {"eagerness": "auto"}
    else:
        usual |= {
            "threshold": base.thresholds.onset,
            "silence_duration_ms": round(base.rules.silence_s * 1000),
            "prefix_padding_ms": 0,
            "idle_timeout_ms": None,
        }
    return {**usual, **detection.model_dump(exclude_none=True)}


def _over(old: Any, new: BaseModel) -> Any:
    changes = {}
    for name in new.model_fields_set:
        before, after = getattr(old, name), getattr(new, name)
        nested = isinstance(after, Audio | AudioIn | AudioOut) and before is not None
        changes[name] = _over(before, after) if nested else after
    return old.model_copy(update=changes)


def configured(
    base: ConversationConfig, session: Session, own: Iterable[str], calls: ClientCalls
) -> ConversationConfig:
    """Return the configuration of the conversation. `own` names the agent's tools; the client's come to `calls`."""
    assert session.audio is not None
    heard, spoken = session.audio.input or AudioIn(), session.audio.output or AudioOut()
    detection = heard.turn_detection
    language = heard.transcription.language if heard.transcription is not None else None
    vad = detection if isinstance(detection, ServerVad) else None
    threshold = base.thresholds.onset if vad is None or vad.threshold is None else vad.threshold
    stop_s = base.thresholds.stop_s
    if vad is not None and vad.silence_duration_ms is not None:
        stop_s = min(stop_s, vad.silence_duration_ms / 1000)
    tokens = session.max_output_tokens
    return replace(
        base,
        system_prompt=session.instructions or base.system_prompt,
        language=language or base.language,
        greeting="",
        tool_filler="",
        voice=voice_of(spoken.voice) or base.voice,
        temperature=base.temperature if session.temperature is None else session.temperature,
        max_tokens=min(tokens, int(base.context_tokens * LONGEST_REPLY))
        if isinstance(tokens, int)
        else base.max_tokens,
        speak="text" not in (session.output_modalities or ()),
        count_usage=True,
        tools=chosen_tools(session, own, calls),
        rules=_rules(base.rules, detection),
        thresholds=replace(
            base.thresholds,
            onset=threshold,
            release=min(base.thresholds.release, threshold),
            stop_s=stop_s,
            pause_s=min(base.thresholds.pause_s, stop_s),
        ),
    )


def _rules(base: Rules, detection: TurnDetection | None) -> Rules:
    if detection is None:
        return replace(base, manual=True, answer=False, idle_s=0.0)
    common = replace(
        base,
        answer=detection.create_response is not False,
        interruptible=detection.interrupt_response is not False,
        idle_s=0.0,
    )
    if isinstance(detection, SemanticVad):
        if (wait_s := EAGER_WAIT_S.get(detection.eagerness or "auto")) is None:
            return common
        return replace(common, max_wait_s=wait_s, patience_s=wait_s)
    silence = detection.silence_duration_ms
    return replace(
        common,
        judge=False,
        silence_s=base.silence_s if silence is None else silence / 1000,
        idle_s=(detection.idle_timeout_ms or 0) / 1000,
    )


def voice_of(voice: str | VoiceId | None) -> str | None:
    """Return the engine's name for a voice; None: its own."""
    name = voice.id if isinstance(voice, VoiceId) else voice
    return None if name in OPENAIS_VOICES else name


def chosen_tools(session: Session, own: Iterable[str], calls: ClientCalls) -> tuple[str | Tool, ...]:
    """Return the tools that the model may call: the agent's own, and the client's, which come first by name."""
    if session.tool_choice == "none":
        return ()
    declared = [tool for tool in session.tools or () if isinstance(tool, FunctionTool)]
    names = {tool.name for tool in declared}
    return (*(name for name in own if name not in names), *calls.tools(declared))


def client_tools(config: ConversationConfig) -> frozenset[str]:
    """Return the names of the tools that the client runs."""
    return frozenset(tool.spec.name for tool in config.tools or () if isinstance(tool, Tool))


def overlay(options: ResponseOptions) -> Session:
    """Return what a response is to have of its own, as a change of the session."""
    fields = ("output_modalities", "audio", "tools", "tool_choice", "temperature", "max_output_tokens", "prompt")
    given = {name: getattr(options, name) for name in fields if getattr(options, name) is not None}
    return Session.model_construct(set(given), **given)


def turn_detection(session: Session) -> TurnDetection | None:
    """Return how turns are detected; None: the client says when one is over."""
    return session.audio.input.turn_detection if session.audio and session.audio.input else None


def padding_ms(session: Session) -> float:
    """Return how much before a sound belongs to it."""
    detection = turn_detection(session)
    return float(detection.prefix_padding_ms or 0) if isinstance(detection, ServerVad) else 0.0


def transcribes(session: Session) -> bool:
    """Return whether the client wants to know what was understood."""
    return bool(session.audio and session.audio.input and session.audio.input.transcription is not None)


def input_format(session: Session) -> str:
    """Return the format of what the client sends."""
    given = session.audio.input.format if session.audio and session.audio.input else None
    return given.type if given is not None else PCM


def output_format(session: Session) -> str:
    """Return the format of what the client is sent."""
    given = session.audio.output.format if session.audio and session.audio.output else None
    return given.type if given is not None else PCM


def response_shown(session: Session, options: ResponseOptions | None = None) -> Wire:
    """Return what the client is shown of how a response is made."""
    whole = session if options is None else merged(session, overlay(options))
    given = whole.audio.output if whole.audio is not None else None
    out = given.model_dump(exclude_none=True, include={"format", "voice"}) if given is not None else {}
    return {
        "output_modalities": whole.output_modalities or ["audio"],
        "max_output_tokens": whole.max_output_tokens or "inf",
        "audio": {"output": out},
        "metadata": options.metadata if options is not None else None,
    }
