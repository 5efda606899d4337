"""What is remembered of the agent's words: of each response what was heard, as playout or client report it."""

from voiceagent.audio.playout import Playout
from voiceagent.audio.speech import Heard
from voiceagent.session.events import Outcome
from voiceagent.session.history import History
from voiceagent.session.items import response_item
from voiceagent.session.response import ResponseRun
from voiceagent.session.snapshot import Answer, Piece


class HeardWords:
    """Ends one session's responses in its playout, and puts what was heard of them into its history."""

    def __init__(self, playout: Playout, history: History) -> None:
        self._playout = playout
        self._history = history
        self._ended: ResponseRun | None = None
        """The last response."""
        self._ended_as: tuple[Outcome, dict[int, int]] = Outcome.COMPLETED, {}
        self._limit: tuple[int, float] | None = None

    def limit(self, generation: int, ms: float) -> None:
        """Count no more than the first `ms` of a response as heard when it ends."""
        self._limit = generation, ms

    def remember(self, run: ResponseRun, outcome: Outcome) -> tuple[str, int]:
        """Silence a response and remember what was heard of it; return it, and its number of words.

        What is not spoken was read as far as it was written.
        """
        heard = self._playout.stop(run.generation)
        if self._limit is not None and self._limit[0] == run.generation:
            heard = self._playout.heard_within(*self._limit) or heard
        counts = _counts(heard) if run.spoken else run.written
        self._history.fill(response_item(run.generation), run.remembered(counts))
        self._history.trim()
        self._ended, self._ended_as = run, (outcome, counts)
        return run.heard_text(counts), sum(counts.values())

    def correct(self, generation: int, ms: float) -> bool:
        """Remember no more than the first `ms` of the last response, which has ended; return whether it could."""
        run, heard = self._ended, self._playout.heard_within(generation, ms)
        if run is None or run.generation != generation or heard is None or not run.spoken:
            return False
        return self._history.fill(response_item(generation), run.remembered(_counts(heard)))

    def answer(self, live: ResponseRun | None) -> Answer | None:
        """Return the account of the response that is heard, or else of the last one."""
        outcome: Outcome | None
        if live is not None and live.released:
            run, outcome = live, None
            counts = _counts(self._playout.heard(run.generation)) if run.spoken else run.written
        elif self._ended is not None:
            run, (outcome, counts) = self._ended, self._ended_as
        else:
            return None
        return Answer(
            run.generation,
            tuple(Piece(each.text, tuple(each.words), each.reply) for each in run.segments),
            tuple(counts.get(index, 0) for index in range(len(run.segments))),
            run.remembered(counts),
            outcome,
            run.written_whole,
        )


def _counts(heard: Heard) -> dict[int, int]:
    """Return the number of words heard of each segment."""
    return {part.segment: len(part.words) for part in heard.segments}
