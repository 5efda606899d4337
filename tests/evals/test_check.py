"""What is expected, compared with records written by hand: each kind of expectation is met, missed, or late."""

import pytest

from voiceagent.evals.check import check
from voiceagent.evals.record import Call, Did, Happened, Record, Response, Understood
from voiceagent.evals.scenario import Scenario


def said(at, text, *, end, outcome="completed", heard=None, generation=1):
    words = text.split()
    return Response(at, generation, words=words, heard=len(words) if heard is None else heard, outcome=outcome, end=end)


def asked(*events, sounds=((2.6, 4.0),), history=None):
    """Return a record in which the user speaks from 1 s to 2 s."""
    ask = Did(1.0, "says", "What is the weather?", 0, 2.0)
    return Record(events=[ask, *events], sounds=list(sounds), turns=[0.9], history=history)


ANSWERED = (
    Happened(1.1, "user_starts"),
    Understood(2.3, 1, "What is the weather?"),
    Call(2.4, "weather", arguments={"city": "Rome", "days": 2}),
    said(2.5, "Sunny, 21 degrees.", end=4.0),
)


def failures(record, expect=(), engines="scripted", **rest):
    turn = {"user": "What is the weather?", "expect": list(expect), **rest.pop("turn", {})}
    scenario = Scenario.model_validate({"name": "x", "turns": [turn], **rest})
    return [finding.failure for finding in check(scenario, record, engines) if finding.failure]


@pytest.mark.parametrize(
    ("expected", "failure"),
    [
        ({"says": "SUNNY twenty-one"}, None),
        ({"says": "rain"}, "the agent said 'Sunny, 21 degrees.', which does not contain 'rain'"),
        ({"says": {"absent": "sunny"}}, "the agent said 'Sunny, 21 degrees.', which contains 'sunny'"),
        ({"says": {"matches": r"^sunny, \d+"}}, None),
        ({"says": {"matches": "^rain"}}, "the agent said 'Sunny, 21 degrees.', which does not match '^rain'"),
        ({"says": {"similar": "sunny, twenty-two degrees", "errors": 0.4}}, None),
        (
            {"says": {"similar": "rainy, eight degrees"}},
            "the agent said 'Sunny, 21 degrees.', which differs from 'rainy, eight degrees' in 3 of 3 words",
        ),
        ({"says": "sunny", "within_ms": 600}, None),
        ({"says": "sunny", "within_ms": 599}, "came after 600 ms, not within 599 ms"),
        ({"says": "sunny", "within_ms": 1500, "since": "speech_start"}, "came after 1,600 ms, not within 1,500 ms"),
        (
            {"says": "sunny", "outcome": "interrupted"},
            "the response 'Sunny, 21 degrees.' was completed, not interrupted",
        ),
        ({"says": {}, "scripted": "rain"}, "the agent said 'Sunny, 21 degrees.', which does not contain 'rain'"),
        ({"hears": "the weather", "within_ms": 300}, None),
        ({"hears": "the whether"}, "the agent understood 'What is the weather?', which does not contain 'the whether'"),
        ({"calls": "weather", "arguments": {"city": "Rome"}}, None),
        ({"calls": "*"}, None),
        ({"calls": "time"}, "the agent called weather(city='Rome', days=2)"),
        (
            {"calls": "weather", "arguments": {"city": "Oslo"}},
            "weather(city='Rome', days=2): city should be 'Oslo', but is 'Rome'",
        ),
        ({"calls": "weather", "arguments": {"hour": 2}}, "weather(city='Rome', days=2): hour should be 2, but is none"),
        ({"happens": "user_starts"}, None),
        ({"happens": "agent_pauses"}, "agent_pauses did not happen"),
        ({"absent": "agent_pauses"}, None),
        ({"absent": "calls"}, "there was: weather(city='Rome', days=2)"),
    ],
)
def test_one_expectation(expected, failure):
    assert failures(asked(*ANSWERED), [expected]) == ([] if failure is None else [failure])


def test_expectations_are_met_in_their_order_unless_it_does_not_matter():
    calls, hears = {"calls": "weather"}, {"hears": "weather"}
    assert failures(asked(*ANSWERED), [hears, calls]) == []
    assert failures(asked(*ANSWERED), [calls, hears]) == ["the agent understood nothing"]
    assert failures(asked(*ANSWERED), [calls, hears | {"anywhere": True}]) == []
    assert failures(asked(*ANSWERED), [calls, calls]) == ["no tool was called"]


def test_what_a_response_says_may_come_after_what_happens_while_it_lasts():
    filler = said(2.1, "One moment. Sunny.", end=9.0)
    called = Call(2.4, "weather")
    assert failures(asked(filler, called), [{"calls": "weather"}, {"says": "sunny"}]) == []
    ended = said(2.1, "One moment.", end=2.3)
    assert failures(asked(ended, called), [{"calls": "weather"}, {"says": "moment"}]) == ["the agent said nothing"]


def test_only_what_was_heard_counts_as_said():
    cut = said(2.5, "Sunny, but tomorrow it rains.", end=3.0, outcome="interrupted", heard=2)
    assert failures(asked(cut), [{"says": "sunny but", "outcome": "interrupted"}]) == []
    assert failures(asked(cut), [{"says": "rains"}]) == ["the agent said 'Sunny, but', which does not contain 'rains'"]
    assert failures(asked(cut), never=["rains"]) == []
    assert failures(asked(cut), never=["sunny"]) == ["the agent said 'sunny': 'Sunny, but'"]
    assert failures(asked(cut), turn={"never": ["but"]}) == ["the agent said 'but': 'Sunny, but'"]


def test_what_scripted_engines_say_is_not_expected_of_real_ones():
    assert failures(asked(*ANSWERED), [{"says": {}, "scripted": "rain"}], engines="real") == []


def test_an_answer_that_is_not_wanted_and_one_that_is_not_given():
    assert failures(asked(*ANSWERED), turn={"answered": False}) == ["the agent answered: 'Sunny, 21 degrees.'"]
    assert failures(asked(), turn={"answered": True}) == ["the agent did not answer"]
    assert failures(asked(), turn={"answered": False}) == []


def test_an_agent_that_speaks_before_the_user_has_finished_is_reported_unless_it_may():
    early = asked(said(1.4, "Sunny.", end=3.0), sounds=[(1.5, 3.0)])
    assert failures(early) == ["the agent began to speak 0.5 s before the user had finished: 'Sunny.'"]
    assert failures(early, turn={"may_cut_in": True}) == []
    unheard = asked(said(1.4, "Sunny.", end=1.45, heard=0), sounds=[])
    assert failures(unheard) == []


def test_how_soon_the_agent_yields_counts_to_the_silence_and_not_to_a_pause_between_words():
    turn = {"cut_in": 2, "yields_within_ms": 300}
    assert failures(asked(sounds=[(0.0, 1.25)]), turn=turn) == []
    late = ["the agent was silent after 500 ms, not within 300 ms"]
    assert failures(asked(sounds=[(0.0, 1.1), (1.3, 1.5)]), turn=turn) == late
    assert failures(asked(sounds=[(0.0, 1.1), (2.6, 4.0)]), turn=turn) == []


def test_who_begins():
    assert failures(asked(*ANSWERED), begins="user") == []
    assert failures(asked(*ANSWERED), begins="agent") == ["the user spoke first"]
    greeted = asked(said(0.1, "Hello.", end=0.8), *ANSWERED[1:])
    assert failures(greeted, begins="user") == ["the agent spoke first"]


def test_the_state_at_the_end():
    history = [("user", "What is the weather?"), ("assistant", "Sunny, 21 degrees.")]
    record = asked(*ANSWERED, history=history)
    right = {
        "user_turns": 1,
        "responses": 1,
        "calls": 1,
        "outcomes": ["completed"],
        "remembers": ["the weather", "sunny"],
    }
    assert failures(record, end=right | {"history": [{"user": "weather"}, {"agent": "sunny"}]}) == []
    wrong = {"user_turns": 2, "responses": 0, "calls": 3, "outcomes": ["failed"], "remembers": ["rain"]}
    assert failures(record, end=wrong) == [
        "should be 2, but is 1",
        "should be 0, but is 1",
        "should be 3, but is 1",
        "should be failed, but is completed",
        "'rain' is not in it: What is the weather? Sunny, 21 degrees.",
    ]
    assert failures(record, end={"history": [{"user": "weather"}]})[0].startswith("should have 1 messages, but has 2")
    turned = [{"agent": "sunny"}, {"user": "weather"}]
    assert "should have a message of the agent where it has" in failures(record, end={"history": turned})[0]


def test_what_cannot_be_known_is_noted_and_neither_met_nor_missed():
    scenario = Scenario.model_validate({"name": "x", "turns": [{"user": "a"}], "end": {"remembers": ["b"]}})
    (note,) = [finding for finding in check(scenario, asked(), "real") if finding.note]
    assert note.note == "is not known through this door"
    assert note.failure is None
    unknown = asked(Call(2.4, "weather"))
    expected = [{"calls": "weather", "arguments": {"city": "Rome"}}]
    assert failures(unknown, expected) == ["the arguments of weather are not known through this door"]


def test_a_conversation_that_broke_off_has_failed():
    record = asked(*ANSWERED)
    record.trouble = "The recogniser failed."
    assert failures(record) == ["The recogniser failed."]
