"""The agent's own voice given back is known again from what the real recogniser makes of it."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from embedded import RATE, hibari, moonshine, room, spoken

from voiceagent.audio.files import read_audio, resample
from voiceagent.engines.drive import drive
from voiceagent.session.agent_voice import AgentVoice
from voiceagent.session.effects import ResponseKind
from voiceagent.session.reports import ResponseStarted, SegmentAnnounced, TextCompleted, WordHeard
from voiceagent.testing import run_virtual

FRAME = RATE // 50
TALE = "The deepest sea on earth is the Pacific Ocean, and its deepest point is called the Challenger Deep."
PERSON = Path("/usr/share/pocketsphinx/test/data/librivox/sense_and_sensibility_01_austen_64kb-0880.wav")

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def ears():
    engine = moonshine()
    engine.load()
    return engine


def understood(ears, pcm):
    events = []
    stream = ears.open(events.append)
    stream.push(room(0.3))
    stream.begin_speech()
    stream.push(pcm)
    stream.finalise(1, 0.0)
    drive(ears)
    stream.close()
    return events[-1].text


class Line:
    """A line with an echo, in virtual time: the agent speaks on it, and another person may."""

    def __init__(self, ears, level_db, delay_s):
        self.ears, self.gain, self.delay = ears, 10 ** (level_db / 20), round(delay_s * RATE)
        self.voice = AgentVoice("en")
        self.report = self.voice.overhear(lambda report: None)
        self.clock = asyncio.get_running_loop()

    async def speaks(self, text, person=None, person_at_s=0.0, played_s=None):
        """Have the agent say a text, or the first seconds of it; return what is understood, and what is left of it."""
        pieces = spoken(text)
        words = [word for piece in pieces for word in piece.words]
        far = resample(np.concatenate([piece.pcm for piece in pieces]), hibari().sample_rate, RATE)
        far = far[: int((played_s or 60) * RATE)]
        near = np.zeros(len(far) + self.delay + int(0.3 * RATE) + (0 if person is None else len(person)), np.float32)
        near[self.delay : self.delay + len(far)] += self.gain * far
        if person is not None:
            near[int(person_at_s * RATE) :][: len(person)] += person
        near += room(len(near) / RATE + 1)[: len(near)]
        far = np.concatenate((far, np.zeros(len(near) - len(far), np.float32)))
        self.report(ResponseStarted(1, ResponseKind.REPLY))
        self.report(SegmentAnnounced(1, 0, tuple(word.text for word in words)))
        self.report(TextCompleted(1))
        loud = [at for at in range(0, len(near), FRAME) if np.abs(near[at : at + FRAME]).max() > 0.01]
        begun, heard = self.clock.time(), 0
        for at in range(0, len(near) - FRAME, FRAME):
            self.voice.play(far[at : at + FRAME], 0.0)
            self.voice.hear(near[at : at + FRAME])
            while heard < len(words) and words[heard].middle_s * RATE <= min(at, int((played_s or 60) * RATE)):
                self.report(WordHeard(1, 0, heard))
                heard += 1
            if at == loud[0] + 5 * FRAME:
                self.voice.begins(self.clock.time())
            elif at > loud[0] and np.abs(near[at : at + FRAME]).max() > 0.01:
                self.voice.rises(self.clock.time())
            await asyncio.sleep(0.02)
        text = understood(self.ears, near[max(0, loud[0] - FRAME) : loud[-1] + 5 * FRAME])
        left = self.voice.without_own(text, begun + loud[-1] / RATE, final=True)
        self.voice.commit()
        await asyncio.sleep(1.0)
        return text, left


@pytest.mark.parametrize(("level_db", "delay_s"), [(-3, 0.06), (-14, 0.15), (-26, 0.3), (-14, 0.5)])
def test_what_comes_back_before_the_agent_falls_silent_is_known_for_its_own(ears, level_db, delay_s):
    async def scene():
        line = Line(ears, level_db, delay_s)
        for _ in range(2):
            text, left = await line.speaks(TALE, played_s=delay_s + 0.25)
            assert text
        assert left == ("", True), text

    run_virtual(scene())


@pytest.mark.parametrize(("level_db", "delay_s"), [(-3, 0.15), (-14, 0.04), (-26, 0.5)])
def test_a_whole_sentence_that_comes_back_is_known_for_its_own(ears, level_db, delay_s):
    async def scene():
        text, left = await Line(ears, level_db, delay_s).speaks(TALE)
        assert len(text) > len(TALE) / 2
        assert left == ("", True), text

    run_virtual(scene())


@pytest.mark.parametrize(("level_db", "delay_s"), [(-6, 0.15), (-14, 0.4), (-26, 0.15)])
def test_a_person_who_speaks_over_it_is_heard(ears, level_db, delay_s):
    person = read_audio(PERSON, RATE)[: int(2.5 * RATE)]  # "He was not an ill-disposed young man."
    person *= 0.05 / np.sqrt(np.mean(person**2))

    async def scene():
        line = Line(ears, level_db, delay_s)
        await line.speaks(TALE)
        text, (left, own) = await line.speaks(TALE, person, 2.0)
        assert not own
        assert "was not" in left.lower(), text
        assert "deepest sea" not in left.lower()

    run_virtual(scene())
