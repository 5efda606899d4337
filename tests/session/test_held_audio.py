"""Audio of turns that end by hand: every sample goes to the turn that it was sent in, however it comes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.engines.vad.contract import FRAME_SAMPLES
from voiceagent.session.held_audio import HeldAudio


class Rig:
    """A detector that judges when told to, and a recogniser that keeps what it is given, turn by turn."""

    def __init__(self):
        self.detected = self.judged = 0
        self.turns = [[]]
        self.ended = []
        self.held = HeldAudio(self._detect, self._recognise, self._reached)

    def _detect(self, pcm):
        self.detected += len(pcm)

    def _recognise(self, pcm):
        self.turns[-1].extend(pcm.tolist())

    def _reached(self, how):
        self.ended.append(how)

    @property
    def waits(self):
        """Whether a turn has ended that is not dealt with."""
        return len(self.ended) == len(self.turns)

    def judge(self):
        """Judge one frame, if there is a whole one."""
        if self.detected - self.judged >= FRAME_SAMPLES:
            self.judged += FRAME_SAMPLES
            self.held.judged()
            self.held.advance()

    def deal(self):
        if self.waits:
            self.turns.append([])
            self.held.go_on()


acts = st.lists(
    st.one_of(st.integers(1, 2_000), st.sampled_from(["end", "judge", "judge", "judge", "deal", "fail"])), max_size=60
)


@given(acts)
def test_every_sample_goes_to_its_turn_and_none_before_it_is_judged(acts):
    rig, sent, expected = Rig(), 0, [[]]
    for act in acts:
        if isinstance(act, int):
            numbers = list(range(sent, sent + act))
            sent += act
            expected[-1] += numbers
            rig.held.push(np.array(numbers, np.float32))
        elif act == "end":
            rig.held.end(len(expected))
            expected.append([])
        elif act == "judge":
            rig.judge()
        elif act == "deal":
            rig.deal()
        else:
            rig.judged = rig.detected
            rig.held.give_up()
        ahead = sum(map(len, rig.turns)) - rig.judged
        assert ahead < FRAME_SAMPLES if rig.ended else ahead <= 0, "nothing that nobody has judged"
    while rig.detected - rig.judged >= FRAME_SAMPLES or rig.waits:
        rig.judge()
        rig.deal()
    rig.held.release()
    assert rig.ended == list(range(1, len(expected)))
    assert [list(map(int, turn)) for turn in rig.turns] == expected
