"""A door that asks for everything at any time, of whole sessions: what is reported and remembered stays in order."""

import random
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise

import pytest
from test_conversation import REAL, rehearse
from tool_talk import WEATHER

from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.errors import VoiceAgentError
from voiceagent.session.reports import (
    AsideEnded,
    EngineFailed,
    ResponseEnded,
    ResponseStarted,
    UserStarted,
    UserStopped,
    UserTurnEnded,
)
from voiceagent.testing.sound import voice


class Model:
    """Says something else each time, and objects to a prompt that no chat template would take."""

    def __init__(self, fate):
        self.fate = fate
        self.replies = 0
        self.wrong = []

    def __call__(self, messages):
        roles = [message.role for message in messages[1:]]
        twice = [(one, two) for one, two in pairwise(roles) if one == two != "tool"]
        if twice or roles[-1] not in ("user", "tool") or "system" in roles:
            self.wrong.append(messages)
        self.replies += 1
        if roles[-1] == "user" and messages[0].tools and self.fate.random() < 0.2:
            return WEATHER
        return f"This is reply number {self.replies}. " + "It goes on. " * self.fate.randrange(3)


class Door:
    """Does anything that a door can do."""

    def __init__(self, talk, fate):
        self.talk, self.session, self.fate = talk, talk.session, fate
        self.requests = []
        self.apart = []

    def rules(self):
        name = self.fate.choice(("manual", "answer", "interruptible"))
        rules = self.session.config.rules
        self.session.configure(replace(self.session.config, rules=replace(rules, **{name: not getattr(rules, name)})))

    def speaking(self):
        self.session.configure(replace(self.session.config, speak=self.fate.random() < 0.6))

    def respond(self):
        own = replace(self.session.config, max_tokens=self.fate.randrange(3, 40), speak=self.fate.random() < 0.5)
        self.requests.append(self.session.respond(self.fate.choice(("", "Be brief.")), config=own))

    def ask_apart(self):
        with suppress(VoiceAgentError):
            self.apart.append(self.session.respond(remember=False))

    def withdraw(self):
        if self.requests:
            self.session.withdraw(self.fate.choice(self.requests + self.apart))

    def remember(self):
        after = self.fate.choice((None, "", *(item.id for item in self.session.items)))
        self.session.remember(self.fate.choice(("user", "assistant", "system")), "By the way.", after=after)

    def forget(self):
        if self.session.items:
            self.session.forget(self.fate.choice(self.session.items).id)

    def heard(self):
        self.session.heard_until(self.session.state.generation, self.fate.uniform(0, 2_000))

    def burst(self):
        self.session.hear(voice(self.fate.uniform(0.2, 3.0)))

    def act(self):
        self.fate.choice(
            (
                *(self.rules, self.speaking, self.respond, self.ask_apart, self.withdraw, self.remember, self.forget),
                *(self.session.commit_turn, self.session.commit_turn, self.session.discard_turn, self.heard),
                *(self.burst, self.session.stop_speaking, lambda: self.session.say("News."), self.press),
                lambda: self.session.type("tell me more"),
            )
        )()

    def press(self):
        self.session.press(self.fate.choice(("1", "23", "4#")))


@pytest.mark.exhaustive(quick=80, full=200)
@pytest.mark.parametrize("seed", range(3))
def test_whatever_a_door_asks_for_is_reported_in_order_and_the_next_turn_is_answered(seed, size):
    fate = random.Random(seed)
    model = Model(fate)

    async def scene(talk):
        door = Door(talk, fate)
        for _ in range(size):
            door.act()
            if fate.random() < 0.3:
                await talk.speaks(fate.uniform(0.1, 2.0))
            await talk.listens(fate.choice((0.0, 0.1, 0.5, 3.0)))
        for request in door.requests + door.apart:
            talk.session.withdraw(request)
        talk.session.configure(replace(talk.session.config, rules=talk_rules, speak=True))
        await talk.listens(60.0)
        assert not model.wrong
        assert not talk.of(EngineFailed)
        check_order(talk)
        assert sorted(aside.request for aside in talk.of(AsideEnded)) == door.apart
        assert len(door.apart) > 2
        assert len(talk.of(UserTurnEnded)) > size / 20
        state = talk.session.state
        assert state.response is None
        assert not state.wishes
        talk.session.discard_turn()
        talk.clear()
        await talk.speaks(3.0)
        await talk.listens(20.0)
        assert [end.outcome.value for end in talk.of(ResponseEnded)] == ["completed"]
        assert len(talk.of(UserTurnEnded)) == 1

    async def with_rules(talk):
        nonlocal talk_rules
        talk_rules = talk.session.config.rules
        await scene(talk)

    talk_rules = None
    rehearse(with_rules, asr=["one two three four five six seven eight"], llm=ScriptedLlm(model, **REAL))


def check_order(talk):
    """Responses begin and end one after the other, sounds begin and end, and turns are counted."""
    kinds = (ResponseStarted, ResponseEnded)
    responses = [one.report for one in talk.reports if isinstance(one.report, kinds)]
    assert [type(report) for report in responses] == list(kinds) * (len(responses) // 2)
    assert all(begun.item == ended.item for begun, ended in zip(responses[::2], responses[1::2], strict=True))
    sounds = [type(one.report) for one in talk.reports if isinstance(one.report, UserStarted | UserStopped)]
    assert sounds == [UserStarted, UserStopped] * (len(sounds) // 2)
    turns = [report.turn for report in talk.of(UserTurnEnded)]
    assert turns == list(range(1, len(turns) + 1))
