"""What is remembered of the agent's words: of each response what was heard, as playout or client report it."""

from dataclasses import dataclass

from voiceagent.audio.playout import Playout
from voiceagent.audio.speech import Heard
from voiceagent.engines.llm.contract import Message
from voiceagent.session.history import History
from voiceagent.session.response import ResponseRun


@dataclass(frozen=True, slots=True)
class _Ended:
    """The last response, and the history before and after what was heard of it."""

    run: ResponseRun
    before: tuple[Message, ...]
    after: tuple[Message, ...]


class HeardWords:
    """Ends one session's responses in its playout, and puts what was heard of them into its history."""

    def __init__(self, playout: Playout, history: History) -> None:
        self._playout = playout
        self._history = history
        self._ended: _Ended | None = None
        self._limit: tuple[int, float] | None = None

    def limit(self, generation: int, ms: float) -> None:
        """Count no more than the first `ms` of a response as heard when it ends."""
        self._limit = generation, ms

    def remember(self, run: ResponseRun) -> tuple[str, int]:
        """Silence a response and remember what was heard of it; return it, and its number of words."""
        heard = self._playout.stop(run.generation)
        if self._limit is not None and self._limit[0] == run.generation:
            heard = self._playout.heard_within(*self._limit) or heard
        counts = _counts(heard)
        before = self._history.mark()
        self._history.add_agent(run.remembered(counts))
        self._history.trim()
        self._ended = _Ended(run, before, self._history.mark())
        return run.heard_text(counts), sum(counts.values())

    def correct(self, generation: int, ms: float) -> bool:
        """Remember no more than the first `ms` of the last response, which has ended; return whether it could."""
        ended, heard = self._ended, self._playout.heard_within(generation, ms)
        if ended is None or ended.run.generation != generation or heard is None:
            return False
        after = self._history.revise(ended.before, ended.after, ended.run.remembered(_counts(heard)))
        if after is None:
            return False
        self._ended = _Ended(ended.run, ended.before, after)
        return True


def _counts(heard: Heard) -> dict[int, int]:
    """Return the number of words heard of each segment."""
    return {part.segment: len(part.words) for part in heard.segments}
