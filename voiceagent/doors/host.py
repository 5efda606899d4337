"""What a door asks of the process behind it. The agent keeps this; a door knows no more of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from voiceagent.engines.asr.contract import AsrEvent, AsrStream
from voiceagent.engines.tts.contract import TtsEvent, TtsStream
from voiceagent.session.config import ConversationConfig
from voiceagent.session.coordinator import Session
from voiceagent.session.reports import Report
from voiceagent.trace.metrics import Metrics
from voiceagent.trace.steps import StepLog


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many callers there is room for, as things are."""

    callers: int | None
    """As many as can be answered in time; None while that is not known."""
    most: int
    """As many as may be connected at once."""
    late: bool = False
    """Answers come late at the moment, or nearly so, by this machine's fault."""
    settling: bool = False
    """It is not yet seen how those present are answered with the one who came last."""


class Host(Protocol):
    """The process behind the doors: its models, and the sessions they serve. All of it is on the event loop."""

    @property
    def models(self) -> Mapping[str, str]:
        """What listens, thinks and speaks (asr, llm, tts), by the name that people are shown."""

    @property
    def config(self) -> ConversationConfig:
        """The configuration of sessions that are given no other; `replace` makes another of it."""

    @property
    def metrics(self) -> Metrics:
        """The Prometheus metrics of the process."""

    @property
    def steps(self) -> StepLog:
        """The steps that the lanes ran lately."""

    def open_session(self, on_report: Callable[[Report], None], config: ConversationConfig | None = None) -> Session:
        """Begin a session that reports to `on_report`; None is the host's own configuration.

        Raises VoiceAgentError for a configuration that cannot be had, before anything is taken.
        """

    def open_recogniser(self, on_event: Callable[[AsrEvent], None]) -> AsrStream:
        """Lend a recogniser's stream that belongs to no session; closing it gives its place back.

        Raises UnavailableError when none is left (server.speech_streams) or the machine is behind with its answers.
        """

    def open_voice(self, on_event: Callable[[TtsEvent], None]) -> TtsStream:
        """Lend a voice's stream likewise."""

    def readiness(self) -> dict[str, bool]:
        """Return for each engine whether it is loaded, warm and well."""

    def troubles(self) -> dict[str, str]:
        """Return for each engine that is not well what is wrong and what to do."""

    def lost(self) -> list[str]:
        """Return what conversations do without at the moment: MCP servers."""

    def capacity(self) -> Capacity:
        """Return how many callers there is room for."""
