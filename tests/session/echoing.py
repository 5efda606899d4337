"""A caller whose loudspeaker is heard by their microphone, and a recogniser that understands both voices on it."""

from collections import deque

import numpy as np

from voiceagent.engines.asr.scripted.engine import ScriptedAsr
from voiceagent.engines.timing import SMALL_CPU
from voiceagent.engines.tts.scripted.engine import ScriptedTts
from voiceagent.session.reports import SegmentAnnounced, WordHeard
from voiceagent.testing.sound import silence, voice

REAL = {"timing": SMALL_CPU, "sleep": lambda seconds: None}
FRAME_S, WORD_S = 0.02, 0.3


def engines():
    """A recogniser that reveals a word soon after it was given, and a voice at its sample rate."""
    return {"asr": ScriptedAsr([""], words_per_second=12.5, **REAL), "tts": ScriptedTts(sample_rate=16_000, **REAL)}


class EchoingRoom:
    """Gives the agent's voice back to a microphone, at `level_db` and `delay_s` later; `mishear` changes its words."""

    def __init__(self, talk, level_db, delay_s, mishear=lambda word: word):
        self.talk, self.mishear = talk, mishear
        self.gain = 10 ** (level_db / 20)
        self.loop = talk._loop
        self.air = deque([silence(FRAME_S)] * round(delay_s / FRAME_S))
        self.delay_s = delay_s
        self.words = {(one.generation, one.segment): one.words for one in talk.of(SegmentAnnounced)}
        self.coming = deque()
        self.number = dict(talk.session.streams)["asr"]
        self.ear, talk._also_report = talk.ear, self.report

    def report(self, report):
        match report:
            case SegmentAnnounced(generation, segment, words):
                self.words[generation, segment] = words
            case WordHeard(generation, segment, index):
                self.coming.append((self.loop.time() + self.delay_s, self.words[generation, segment][index]))

    async def passes(self, seconds, text=""):
        """Let time pass, while the caller says something or nothing."""
        said = text.split()
        for frame in range(round(max(seconds, len(said) * WORD_S) / FRAME_S)):
            number, within = divmod(frame, round(WORD_S / FRAME_S))
            speaks = number < len(said)
            while self.coming and self.coming[0][0] <= self.loop.time():
                word = self.coming.popleft()[1]
                if self.gain * 0.14 >= 0.01:
                    self.hears(self.mishear(word))
            if speaks and within == round(WORD_S / FRAME_S / 2):
                self.hears(said[number])
            near = self.air.popleft() * self.gain if self.air else silence(FRAME_S)
            self.talk.session.hear((near + voice(FRAME_S) if speaks else near).astype(np.float32))
            pulled = self.talk.session.pull()
            self.ear.hear(pulled, self.loop.time())
            self.air.append(pulled)
            await self.talk._await_frame()

    def hears(self, word):
        if word:
            self.talk._asr.say(self.number, word)
