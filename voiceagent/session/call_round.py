"""The tool calls of one reply: they run concurrently, and every one of them gets an answer.

A call whose response ends before its result arrives is cancelled, or goes on, as its tool declares; either way it has
an answer at once, so that the conversation stays well-formed. The result of one that goes on arrives later.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from voiceagent.engines.llm.contract import Message, ToolCall
from voiceagent.tools.toolbox import Running
from voiceagent.trace.tools import ToolUse

CANCELLED = "Cancelled, because the user interrupted."
LOST = "Its result is not known: the connection was lost meanwhile."
UNFINISHED = "Not finished yet; the user interrupted meanwhile."


class StartCall(Protocol):
    """Runs a tool; the result, which may be an error, comes on the event loop."""

    def __call__(self, call: ToolCall, on_result: Callable[[str], None]) -> Running:
        """Start a call."""


class CallRound:
    """The calls of one reply, and their results."""

    def __init__(self, said: str, calls: tuple[ToolCall, ...]) -> None:
        self.said = said
        """What the model wrote before the calls."""
        self.calls = calls
        self._results: dict[str, str] = {}
        self._running: dict[str, Running] = {}
        self._on_late: Callable[[str, str], None] | None = None

    @property
    def answered(self) -> bool:
        """Whether every call has its answer."""
        return len(self._results) == len(self.calls)

    @property
    def uses(self) -> list[ToolUse]:
        """The calls as made, and their durations."""
        return [running.use for running in self._running.values()]

    def start(self, start: StartCall, on_answer: Callable[[ToolCall, str, ToolUse], None]) -> None:
        """Run the calls; `on_answer` gets each with its result when that arrives, unless `end` comes first."""

        def answer(call: ToolCall, result: str) -> None:
            if self._on_late is not None:
                self._on_late(call.id, result)
                return
            self._results[call.id] = result
            on_answer(call, result, self._running[call.id].use)

        for call in self.calls:
            self._running[call.id] = start(call, partial(answer, call))

    def end(self, on_late: Callable[[str, str], None]) -> None:
        """Stop waiting. `on_late(call id, result)` gets the results of the calls that go on."""
        self._on_late = on_late
        for call in self.calls:
            if call.id in self._results:
                continue
            running = self._running.get(call.id)
            if running is not None and running.finishes:
                self._results[call.id] = UNFINISHED
            else:
                self._results[call.id] = CANCELLED
                if running is not None:
                    running.cancel()

    def messages(self, heard: str) -> tuple[Message, ...]:
        """Return the round as it is remembered, if `heard` is what was heard of the words before it.

        A call that is neither answered nor ended has no result that the model could be told: it is `LOST`.
        """
        answers = (Message("tool", self._results.get(call.id, LOST), call_id=call.id) for call in self.calls)
        return (Message("assistant", heard, calls=self.calls), *answers)
