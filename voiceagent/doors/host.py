"""What a door needs from the process behind it. The agent implements this; a door knows no more of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from voiceagent.doors.lender import Lender
from voiceagent.session.config import ConversationConfig
from voiceagent.session.coordinator import Session
from voiceagent.session.reports import Report
from voiceagent.session.snapshot import Snapshot
from voiceagent.trace.metrics import Metrics
from voiceagent.trace.steps import StepLog


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many callers there is room for at the moment."""

    callers: int | None
    """How many can be answered in time; None while unknown."""
    most: int
    """How many may be connected at once."""
    late: bool = False
    """Recent answers were late or nearly late, and this machine is the cause."""
    settling: bool = False
    """The newest caller's effect on the others is not known yet."""
    per_address: int = 0
    """How many of one address may be connected at once; 0: no limit of its own."""


class Host(Lender, Protocol):
    """The process behind the doors: its models, and the sessions they serve. All of it is on the event loop."""

    @property
    def models(self) -> Mapping[str, str]:
        """The models that listen, think and speak (asr, llm, tts), by the name shown to people."""

    @property
    def config(self) -> ConversationConfig:
        """The configuration of sessions that are given no other; change it with `replace`."""

    @property
    def tools(self) -> tuple[str, ...]:
        """The names of the agent's tools, which run here."""

    @property
    def metrics(self) -> Metrics:
        """The Prometheus metrics of the process."""

    @property
    def steps(self) -> StepLog:
        """The steps that the lanes ran recently."""

    def open_session(
        self,
        on_report: Callable[[Report], None],
        config: ConversationConfig | None = None,
        past: Snapshot | None = None,
    ) -> Session:
        """Begin a session that reports to `on_report`, or go on with a `past` one; None is the host's configuration.

        Raises VoiceAgentError for an unsupported configuration, before anything is taken.
        """

    def readiness(self) -> dict[str, bool]:
        """Return, for each engine, whether it is loaded, warm and healthy."""

    def troubles(self) -> dict[str, str]:
        """Return, for each unhealthy engine, what is wrong and what to do."""

    def lost(self) -> list[str]:
        """Return the names of unreachable MCP servers, which conversations do without."""

    def capacity(self) -> Capacity:
        """Return how many callers there is room for."""
