"""Talk at a distance is not heard: it neither pauses the agent, nor is a turn, nor keeps the person's turn open."""

from dataclasses import replace

import numpy as np
import pytest
from shipped_rules import SHIPPED, THRESHOLDS
from test_answered_early import TALE, replies
from test_conversation import rehearse

from voiceagent.engines.vad.contract import FRAME_SAMPLES, VadFrame
from voiceagent.session.endpointing import FRAME_S
from voiceagent.session.events import SpeechPaused, SpeechStarted, SpeechStopped
from voiceagent.session.nearby import IGNORED_DB, LEAST_DB, Nearby
from voiceagent.session.reports import AgentPaused, NothingHeard, UserText, UserTurnEnded
from voiceagent.testing.sound import voice

PERSON = 0.1
"""RMS of the person at the microphone."""


class Room:
    """What a microphone hears, frame by frame, all of it like speech."""

    def __init__(self, background_db=10.0):
        self.nearby, self.now = Nearby(replace(SHIPPED, background_db=background_db)), 0.0

    def passes(self, seconds, level_db=None):
        """Let time pass with speech at a level in dB of the person's, or in silence; return what changes, and when."""
        rms = 0.0 if level_db is None else PERSON * 10 ** (level_db / 20)
        begun, changes = self.now, []
        for _ in range(round(seconds / FRAME_S)):
            self.now += FRAME_S
            self.nearby.hear(np.full(FRAME_SAMPLES, rms, np.float32), self.now)
            change = self.nearby.feed(VadFrame(0.01 if level_db is None else 0.99, 0, self.now))
            changes += [] if change is None else [(type(change), self.now - begun)]
        return changes

    def knows(self):
        """Have the person said something that was understood."""
        self.passes(1.0, 0.0)
        self.passes(0.5)
        self.nearby.learn("good morning")
        return self

    def kinds(self, seconds, level_db=None):
        return [kind for kind, _ in self.passes(seconds, level_db)]


def test_everything_is_heard_until_somebody_was_understood():
    assert Room().kinds(0.5, -25.0) == [SpeechStarted]


@pytest.mark.parametrize("level_db", [-11.0, -16.0, -25.0])
def test_what_is_much_quieter_than_the_person_is_not_heard(level_db):
    assert Room().knows().kinds(3.0, level_db) == []


@pytest.mark.parametrize("level_db", [-9.0, -3.0, 0.0, 6.0])
def test_what_is_about_as_loud_is_heard_at_once(level_db):
    ((kind, after_s),) = Room().knows().passes(0.5, level_db)
    assert kind is SpeechStarted
    assert after_s <= THRESHOLDS.onset_s + FRAME_S


def test_a_word_that_begins_softly_is_heard_as_soon_as_it_is_loud():
    room = Room().knows()
    assert room.kinds(2 * FRAME_S, -14.0) == []
    ((kind, after_s),) = room.passes(0.3, -2.0)
    assert kind is SpeechStarted
    assert after_s < 2 * FRAME_S


def test_a_sentence_may_fall_off_at_its_end():
    room = Room().knows()
    room.passes(1.0, 0.0)
    assert room.kinds(1.0, -15.0) == []
    assert room.kinds(0.5) == [SpeechPaused, SpeechStopped]


def test_a_television_does_not_keep_the_person_s_turn_open():
    room = Room().knows()
    room.passes(1.0, 0.0)
    assert room.kinds(1.0, -20.0) == [SpeechPaused, SpeechStopped]


def test_who_has_walked_away_is_heard_after_a_few_tries():
    room, tries = Room().knows(), 1
    while not room.passes(0.8, -15.0):
        room.passes(0.6)
        tries += 1
    assert tries == 1 + np.ceil((15.0 - 10.0) / IGNORED_DB)


def test_a_click_is_nobody_who_was_ignored():
    room = Room().knows()
    for _ in range(20):
        room.passes(0.3, -15.0)
        room.passes(0.6)
    assert room.kinds(0.6, -15.0) == []


def test_a_single_word_teaches_nothing():
    room = Room()
    room.passes(0.5, 12.0)
    room.nearby.learn("Haha.")
    assert room.nearby.level_db is None


def test_it_learns_how_loud_the_person_is_from_turn_to_turn():
    room = Room().knows()
    for _ in range(12):
        room.passes(1.0, -8.0)
        room.passes(0.6)
        room.nearby.learn("and then we went home")
    assert room.kinds(0.6, -14.0) == [SpeechStarted]


def speaks(room, levels_db):
    """Have the person say something at each of these levels that is understood."""
    for level_db in levels_db:
        room.passes(1.0, level_db)
        room.passes(0.6)
        room.nearby.learn("and then we went home")


def test_a_person_who_speaks_evenly_is_known_from_a_voice_that_is_little_quieter():
    room = Room().knows()
    assert room.kinds(0.6, -LEAST_DB - 0.5) == [SpeechStarted]
    room.passes(1.0)
    room.nearby.forget()
    speaks(room, [0.5, -0.5] * 4)
    assert room.kinds(0.6, -LEAST_DB - 1.0) == []
    assert room.kinds(0.6, -LEAST_DB + 1.0) == [SpeechStarted]


def test_whose_voice_is_even_may_let_a_sentence_fall_off_as_far_as_others():
    room = Room().knows()
    speaks(room, [0.5, -0.5] * 4)
    room.passes(1.0, 0.0)
    assert room.kinds(1.0, -16.5) == []
    assert room.kinds(0.5) == [SpeechPaused, SpeechStopped]


def test_a_person_who_speaks_now_loudly_and_now_softly_is_heard_as_before():
    room = Room().knows()
    speaks(room, [-6.0, 2.0, -5.0, 3.0] * 3)
    assert room.nearby.below_db == pytest.approx(10.0)


def test_one_who_turns_quiet_is_believed_to_do_so_again():
    room = Room().knows()
    speaks(room, [0.0] * 8)
    assert room.nearby.below_db == LEAST_DB
    speaks(room, [-6.5] * 2)
    assert room.nearby.below_db > LEAST_DB


def test_a_person_may_never_be_that_near_by_the_settings():
    room = Room(background_db=4.0).knows()
    speaks(room, [0.0] * 8)
    assert room.nearby.below_db == 4.0


def test_who_asks_for_a_wider_margin_keeps_most_of_it():
    room = Room(background_db=20.0).knows()
    speaks(room, [0.0] * 8)
    assert room.nearby.below_db == pytest.approx(14.0)


def test_what_is_learned_by_hand_is_no_other_than_else():
    by_hand, other = Room(), Room()
    by_hand.nearby.adopt(replace(SHIPPED, background_db=10.0, rules=replace(SHIPPED.rules, manual=True)))
    for room in (by_hand, other):
        speaks(room.knows(), [-1.0, 1.0])
    assert by_hand.kinds(0.5, -25.0) == [SpeechStarted]
    by_hand.nearby.adopt(replace(SHIPPED, background_db=10.0))
    assert by_hand.nearby.below_db == pytest.approx(other.nearby.below_db)


def test_nothing_is_too_quiet_where_it_is_switched_off():
    assert Room(background_db=0.0).knows().kinds(0.5, -25.0) == [SpeechStarted]


def test_what_is_ended_by_hand_is_heard_however_quiet():
    room = Room().knows()
    room.nearby.adopt(replace(SHIPPED, background_db=10.0, rules=replace(SHIPPED.rules, manual=True)))
    assert room.kinds(0.5, -25.0) == [SpeechStarted]


async def aside(talk, level_db, seconds=1.5):
    """Have something heard in the background."""
    talk._asr.say(dict(talk.session.streams)["asr"], "turn that down will you")
    await talk.plays((voice(seconds) * 10 ** (level_db / 20)).astype(np.float32))


@pytest.mark.parametrize("level_db", [-12.0, -16.0])
def test_side_talk_does_not_even_pause_the_agent(level_db):
    async def scene(talk):
        await talk.says("please tell me about it", wait=2.5)
        await aside(talk, level_db)
        await talk.listens(8.0)
        assert not talk.of(AgentPaused)
        assert [turn.text for turn in talk.of(UserTurnEnded)] == ["please tell me about it"]
        assert talk.heard == TALE
        assert all("please tell me about it".startswith(text.text) for text in talk.of(UserText))

    rehearse(scene, llm=replies(TALE))


def test_it_is_no_turn_while_nobody_speaks_either():
    async def scene(talk):
        await talk.says("please tell me about it")
        await aside(talk, -14.0)
        await talk.listens(3.0)
        assert len(talk.of(UserTurnEnded)) == 1
        assert not talk.of(NothingHeard)

    rehearse(scene, llm=replies(TALE))


def test_it_is_heard_where_the_setting_says_so():
    async def scene(talk):
        await talk.says("please tell me about it", wait=2.5)
        await aside(talk, -14.0)
        await talk.listens(3.0)
        assert len(talk.of(UserTurnEnded)) == 2

    rehearse(scene, "session.background_db=0", llm=replies(TALE))


def test_the_person_is_answered_while_a_television_goes_on():
    async def scene(talk):
        await talk.says("please tell me about it")
        number = dict(talk.session.streams)["asr"]
        talk._asr.say(number, "and the weather please")
        await talk.plays(voice(1.4))
        answered = len(talk.turns)
        await talk.plays((voice(3.0) * 0.1).astype(np.float32))
        assert len(talk.of(UserTurnEnded)) == 2
        assert answered < len(talk.turns) or talk.ear.audible

    rehearse(scene, llm=replies(TALE))
