"""Speech of the person, and not of what is far away from the microphone: an endpointer that is deaf to what is quieter.

A television, people in the room, or the person turned away from the microphone are quieter than the person who talks to
the agent. How loud that person is, and how evenly they speak, is learned from what was understood of them; until then
everything is heard. Someone who is ignored counts as a little nearer each time, so that a person who has walked away is
heard again.
"""

from dataclasses import replace

import numpy as np

from voiceagent.audio.pcm import Pcm
from voiceagent.engines.vad.contract import VadFrame
from voiceagent.session.config import ConversationConfig
from voiceagent.session.echo import Levels
from voiceagent.session.endpointing import FRAME_S, Endpointer
from voiceagent.session.events import SpeechPaused, SpeechStarted, SpeechStopped
from voiceagent.text import words

Change = SpeechStarted | SpeechPaused | SpeechStopped | None

ONSET_S, RELEASE_S = 0.1, 0.3
"""A louder sound within this time keeps a sound near: words begin softly, and end more softly."""
SOFT_FRAMES = 3
"""Frames before the first that is loud enough: they belong to its word."""
RELEASE_DB = 8.0
"""By how much more than `background_db` a sound must be quieter to end what the person says: sentences fall off."""
LEARN = 0.5, 0.2
"""Weights of an utterance that is louder, or quieter, than the person is known to be."""
SPREADS = 3.0
"""What is more than three mean deviations quieter than the person is not the person."""
LEAST_DB, LEAST_SHARE = 7.0, 0.7
"""However evenly somebody speaks, what is no quieter than that, or than this share of `background_db`, is heard."""
LEARN_SPREAD = 0.5, 0.25
"""Weights of a deviation that is larger, or smaller, than the mean: four utterances are enough to know who speaks
evenly, and one to know better."""
IGNORED_DB = 1.5
"""How much nearer somebody who was ignored counts each time."""
FEWEST_WORDS = 2
"""One word may be a laugh that was misheard."""
FEWEST_FRAMES = 20
"""A shorter sound (0.6 s) is nobody who was ignored: a click, or the end of the agent's echo."""


class Nearby(Endpointer):
    """One session's. What is `background_db` quieter than the person, or less where they speak evenly, is taken for
    silence, except where turns are ended by hand; 0: nothing is.
    """

    def __init__(self, config: ConversationConfig) -> None:
        super().__init__(config.thresholds)
        self._adopt(config)
        self._levels = Levels()
        self.level_db: float | None = None
        """How loud the person is, in dB of full scale, the loudest 20 ms of what they say; None while unknown."""
        self._loudest = 0.0
        """The same of what is being said, as RMS."""
        self._spread_db: float | None = None
        """By how much that differs from one utterance to the next, on average; None while unknown."""
        self._soft = self._ignored = 0
        """Frames of speech in a row that were not heard; and those of them while the agent was silent."""

    def adopt(self, config: ConversationConfig) -> None:
        """Go by another configuration from the next frame on."""
        self.configure(config.thresholds)
        self._adopt(config)

    def hear(self, pcm: Pcm, at: float) -> None:
        """The microphone heard this, up to a time."""
        self._levels.add(at, pcm)

    def feed(self, frame: VadFrame, *, agent_speaks: bool = False) -> Change:
        """Take one frame; return what it changes. While the agent speaks, nobody who is ignored is let nearer."""
        if self._is_far(frame.heard_at):
            if frame.probability >= self._limits.onset:
                self._soft += 1
                self._ignored += not agent_speaks
            else:
                self._forgive()
            return super().feed(replace(frame, probability=0.0))
        if self._soft and not self.speaking:  # the soft beginning of a word
            self._voiced_s += min(self._soft, SOFT_FRAMES) * FRAME_S
        self._soft = self._ignored = 0
        change = super().feed(frame)
        if self.speaking:
            self._loudest = max(self._loudest, self._levels.loudest(frame.heard_at - FRAME_S, frame.heard_at))
        return change

    def learn(self, text: str) -> None:
        """This was understood of the person in what was heard up to now."""
        if not self._loudest or len(words(text)) < FEWEST_WORDS:
            return
        level_db, self._loudest = 20 * float(np.log10(self._loudest)), 0.0
        if self.level_db is None:
            self.level_db = level_db
        else:
            difference_db = level_db - self.level_db
            self.level_db += LEARN[difference_db < 0] * difference_db
            spread_db = self._background_db / SPREADS if self._spread_db is None else self._spread_db
            beyond_db = abs(difference_db) - spread_db
            self._spread_db = spread_db + LEARN_SPREAD[beyond_db < 0] * beyond_db

    @property
    def below_db(self) -> float:
        """How much quieter than the person a sound must be to be ignored, in dB; while they speak, see RELEASE_DB."""
        if self._spread_db is None:
            return self._background_db
        least_db = max(LEAST_DB, LEAST_SHARE * self._background_db)
        return min(self._background_db, max(least_db, SPREADS * self._spread_db))

    def forget(self) -> None:
        """What was heard up to now is nobody's whose words were understood."""
        self._loudest = 0.0

    def _adopt(self, config: ConversationConfig) -> None:
        self._background_db = config.background_db
        self._deaf = config.background_db > 0 and not config.rules.manual

    def _is_far(self, at: float) -> bool:
        if self.level_db is None or not self._deaf:
            return False
        speaking = self.speaking
        below_db = self._background_db + RELEASE_DB if speaking else self.below_db
        loudest = self._levels.loudest(at - (RELEASE_S if speaking else ONSET_S), at)
        return loudest < 10 ** ((self.level_db - below_db) / 20)

    def _forgive(self) -> None:
        if self._ignored >= FEWEST_FRAMES and self.level_db is not None:
            self.level_db -= IGNORED_DB
        self._soft = self._ignored = 0
