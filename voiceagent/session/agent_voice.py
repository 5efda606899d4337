"""The agent's own voice, as it is spoken and as it comes back: what a session does without echo cancellation.

Compares what is heard with what is being, and has just been, spoken: by words, in time, and by level once the line is
known (`own_words.py`, `echo.py`). Decides nothing about turns.
"""

import asyncio
from collections.abc import Callable

from voiceagent.audio.pcm import Pcm
from voiceagent.session.agent_words import AgentWords
from voiceagent.session.echo import LAG_S, Echo
from voiceagent.session.own_words import compare
from voiceagent.session.reports import Report
from voiceagent.text import words

LITTLE, MOST = 1 / 3, 0.6
"""Shares of the letters heard: less is chance; so much is the agent's, misheard in places."""
OTHERS = 2
"""Words in a row that are not the agent's: no mishearing of it."""
COINCIDENCES, COINCIDENCES_WITHOUT_WORDS = 3, 2
"""Sounds in a row that begin and end with the agent's, equally late: from this many on they are its own, whatever was
understood."""
FIRST = 8
"""Letters: the first echo on a line begins with the first words of what the agent says."""
FRAGMENT = 2
"""Words that are too few to be known again when they were misheard."""
ONSET_S = 0.1
"""How long after its beginning a sound is noticed."""
RECENT_S = 0.5
"""What a partial transcript may not know yet."""
RISE_FRAMES = 3
"""Frames in a row (about 0.1 s) that are louder than the echo: they are another voice."""


class AgentVoice:
    """One session's."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.spoken = AgentWords()
        self._echo = Echo()
        self._loop = asyncio.get_running_loop()
        self._begun_at: float | None = None
        """When the first sound of the turn was noticed."""
        self._latest = float("-inf")
        self._own = False
        self._loud_frames = 0

    @property
    def speaks(self) -> bool:
        """Whether a response is being made or heard."""
        return self.spoken.generation != 0

    def overhear(self, report: Callable[[Report], None]) -> Callable[[Report], None]:
        """Return a `report` that is overheard."""

        def overheard(one: Report) -> None:
            self.spoken.take(one, self._loop.time())
            report(one)

        return overheard

    def play(self, frame: Pcm, ahead_s: float) -> None:
        """The listener is played this, once they have heard `ahead_s` of what was sent before."""
        self._echo.play(frame, self._loop.time() + ahead_s)

    def hear(self, pcm: Pcm) -> None:
        """The microphone heard this."""
        self._echo.hear(pcm, self._loop.time())

    def begins(self, at: float) -> bool:
        """A sound like speech was noticed; return whether it may be the agent's own."""
        self._latest = at
        if self._begun_at is None:
            self._begun_at = at
        self._echo.notice()
        self._loud_frames = 0
        self._own = self._echo.explains(at - ONSET_S, at)
        return self._own

    def rises(self, at: float) -> bool:
        """The sound goes on; return whether it was the agent's own, and now is louder than that."""
        self._echo.notice()
        if not self._own:
            return False
        self._loud_frames = 0 if self._echo.explains(at - ONSET_S / 2, at) else self._loud_frames + 1
        if self._loud_frames < RISE_FRAMES:
            return False
        self._own = False
        return True

    def commit(self) -> None:
        """What was heard up to now is dealt with."""
        self._begun_at = None

    def without_own(self, text: str, end: float, *, final: bool) -> tuple[str, bool]:
        """Return what was understood up to `end` without the agent's words, and whether there were only those."""
        begin = (self._latest if self._begun_at is None else self._begun_at) - ONSET_S
        since = begin - LAG_S if self._echo.known else self._echo.source_of(begin) - ONSET_S
        said = self.spoken.spoken_since(since)
        coincided = 0
        if final and len(words(text)) <= FRAGMENT:
            coincided = self._echo.coincided(begin, end)
            if coincided >= (COINCIDENCES if words(text) else COINCIDENCES_WITHOUT_WORDS):
                self._echo.learn(begin, end)
                return "", True
        if not said or not words(text) or not self._echo.begins_with(begin):
            return text, False
        heard = compare(text, said, self.language)
        share, others = heard.share, heard.longest_other
        in_time, quiet = self._echo.may_hold(begin, end), self._echo.explains(begin, end)
        if len(heard.words) <= FRAGMENT and quiet:
            own = True
        elif share < LITTLE:
            own = False
        elif self._echo.known:
            own = others == 0 or (others < OTHERS and quiet and share >= MOST)
        else:
            own = others < OTHERS and (share >= MOST or coincided > 0) and heard.begins_at <= FIRST
        if own and in_time:
            raised = self._echo.known and not self._echo.explains(end - RECENT_S, end)
            if not self._echo.known or (final and not others):
                self._echo.learn(begin, end)
            self._own = final or not raised  # what was just raised over it is not understood yet
            return "", self._own
        if share < LITTLE or not self._echo.known or not others:
            return text, False  # said after the agent, or in its words
        return heard.others, False
