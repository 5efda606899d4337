"""The turns of one session as they are recorded: one TurnTrace each, from the first sign of silence to the last sample.

Collects the times that the coordinator reports and returns each finished trace; decides nothing.
"""

from collections.abc import Callable
from dataclasses import replace

from voiceagent.session.events import Outcome
from voiceagent.session.response import ResponseRun
from voiceagent.trace.metrics import Metrics
from voiceagent.trace.steps import StepLog
from voiceagent.trace.turn import Mark, TurnTrace

MAX_LOOK_BACK_S = 10.0
"""Steps older than this do not explain a turn that begins now."""

AT_ONCE_S = 0.5
"""An answer that is asked for later than this after the turn was not what the user waited for."""


class TurnLog:
    """Records one session's turns. The turn being listened to and the one being answered may overlap."""

    def __init__(self, session_id: str, steps: StepLog, metrics: Metrics, on_turn: Callable[[TurnTrace], None]) -> None:
        self._session = session_id
        self._steps = steps
        self._metrics = metrics
        self._on_turn = on_turn
        self._listening = TurnTrace(session_id, 0)
        self._answering: TurnTrace | None = None
        self._unanswered: TurnTrace | None = None
        """The last turn that nobody answered by themselves."""

    def silence(self, speech_end: float, at: float) -> None:
        """The user fell silent, perhaps for good; what an earlier pause led to was not the end."""
        self._listening.rewind("speech_end")
        self._listening.mark("speech_end", speech_end)
        self._listening.mark("silence", at)

    def mark(self, name: Mark, at: float) -> None:
        """Something happened in the turn being listened to."""
        self._listening.mark(name, at)

    def dropped(self) -> None:
        """A response that was prepared was not used."""
        self._listening.speculations_dropped += 1

    def released(self, turn: int, run: ResponseRun, user_text: str, at: float) -> None:
        """The turn is over, and `run` answers it."""
        trace, self._listening = self._listening, TurnTrace(self._session, 0)
        trace.turn, trace.generation, trace.user_text = turn, run.generation, user_text
        trace.mark("turn_decision", at)
        trace.speculations_used, self._unanswered = int(run.begun_at < at), None
        self._answering = trace

    def noted(self, turn: int, user_text: str, at: float) -> None:
        """The turn is over, and nobody answers it by themselves."""
        trace, self._listening = self._listening, TurnTrace(self._session, 0)
        trace.turn, trace.user_text = turn, user_text
        trace.mark("turn_decision", at)
        self._unanswered = trace

    def prompted(self, turn: int, run: ResponseRun, at: float) -> None:
        """The model answers after all, or says something unasked after `turn` turns."""
        trace, self._unanswered = self._unanswered or TurnTrace(self._session, turn), None
        trace.generation = run.generation
        if at - trace.marks.get("turn_decision", at) > AT_ONCE_S:
            trace.marks.clear()
        trace.mark("turn_decision", at)
        self._answering = trace

    def first_packet(self, generation: int, at: float) -> None:
        """The beginning of the answer is being sent to the listener."""
        if self._answering is not None and self._answering.generation == generation:
            self._answering.mark("first_packet", at)

    def false_interruption(self) -> None:
        """The agent paused for nothing."""
        self._metrics.false_interruptions.inc()

    def engine_failed(self, engine: str) -> None:
        """A step of this session raised."""
        self._metrics.engine_errors.labels(engine).inc()

    def ended(self, run: ResponseRun, outcome: Outcome, heard: str, at: float) -> TurnTrace | None:
        """The answer is over; return the turn's trace, or None where it answered no one (a greeting)."""
        trace = self._answering
        if trace is None or trace.generation != run.generation:
            return None
        self._answering = None
        trace.outcome, trace.agent_text = outcome.value, heard
        for name, when in run.marks.items():
            trace.mark(name, when)
        trace.mark("playout_end", at)
        trace.steps = self._steps.since(max(min(trace.marks.values()), at - MAX_LOOK_BACK_S))
        trace.tools = [replace(use) for use in run.tool_uses]  # some may go on
        if outcome is Outcome.INTERRUPTED:
            self._metrics.interruptions.inc()
        self._on_turn(trace)
        return trace
