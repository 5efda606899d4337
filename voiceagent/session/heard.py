"""What is remembered of the agent's words: of each response what was heard, as playout or client report it."""

from voiceagent.audio.playout import Playout
from voiceagent.audio.speech import Heard
from voiceagent.session.history import History
from voiceagent.session.items import response_item
from voiceagent.session.response import ResponseRun


class HeardWords:
    """Ends one session's responses in its playout, and puts what was heard of them into its history."""

    def __init__(self, playout: Playout, history: History) -> None:
        self._playout = playout
        self._history = history
        self._ended: ResponseRun | None = None
        """The last response."""
        self._limit: tuple[int, float] | None = None

    def limit(self, generation: int, ms: float) -> None:
        """Count no more than the first `ms` of a response as heard when it ends."""
        self._limit = generation, ms

    def remember(self, run: ResponseRun) -> tuple[str, int]:
        """Silence a response and remember what was heard of it; return it, and its number of words.

        What is not spoken was read as far as it was written.
        """
        heard = self._playout.stop(run.generation)
        if self._limit is not None and self._limit[0] == run.generation:
            heard = self._playout.heard_within(*self._limit) or heard
        counts = _counts(heard) if run.spoken else run.written
        self._history.fill(response_item(run.generation), run.remembered(counts))
        self._history.trim()
        self._ended = run
        return run.heard_text(counts), sum(counts.values())

    def correct(self, generation: int, ms: float) -> bool:
        """Remember no more than the first `ms` of the last response, which has ended; return whether it could."""
        run, heard = self._ended, self._playout.heard_within(generation, ms)
        if run is None or run.generation != generation or heard is None or not run.spoken:
            return False
        return self._history.fill(response_item(generation), run.remembered(_counts(heard)))


def _counts(heard: Heard) -> dict[int, int]:
    """Return the number of words heard of each segment."""
    return {part.segment: len(part.words) for part in heard.segments}
