"""An agent that writes and does not speak: its words are reported as they are written, and remembered in full."""

from dataclasses import replace

from test_conversation import LONG_REPLY, QUESTION, REAL, outcomes, rehearse
from tool_talk import WEATHER, slow_tool
from tool_talk import rehearse as rehearse_tools

from voiceagent.audio.pacer import Pacer
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.session.effects import Floor
from voiceagent.session.reports import (
    FloorChanged,
    ResponseEnded,
    SegmentAnnounced,
    TextWritten,
    UserTurnEnded,
    WordHeard,
)

MARKED = "The **sea** is 11 km deep. See [1]."


def written(talk):
    return "".join(report.text for report in talk.of(TextWritten))


def silenced(talk):
    return replace(talk.session.config, speak=False)


def test_a_spoken_turn_is_answered_in_writing_as_the_model_wrote_it():
    async def scene(talk):
        talk.session.configure(silenced(talk))
        await talk.speaks(3.0)
        await talk.listens(2.0)
        assert [turn.text for turn in talk.of(UserTurnEnded)] == [QUESTION]
        assert written(talk) == MARKED
        assert len(talk.of(TextWritten)) == 2
        assert not talk.of(SegmentAnnounced)
        assert not talk.of(WordHeard)
        assert not talk.sounds
        (end,) = talk.of(ResponseEnded)
        assert (end.outcome.value, end.heard_text) == ("completed", MARKED)
        assert [report.holder for report in talk.of(FloorChanged)][-2:] == [Floor.AGENT, Floor.NOBODY]
        assert [item.text for item in talk.session.items] == [QUESTION, MARKED]
        assert talk.turns[0].speculation == "used", "it is prepared like any other"

    rehearse(scene, llm=ScriptedLlm(lambda messages: MARKED, **REAL))


def test_one_response_may_be_in_writing():
    async def scene(talk):
        talk.session.respond(config=silenced(talk))
        talk.session.respond()
        await talk.listens(12.0)
        assert outcomes(talk) == ["completed"] * 2
        assert written(talk) == LONG_REPLY
        assert talk.said == LONG_REPLY
        assert [len(item.text) for item in talk.session.items] == [len(LONG_REPLY)] * 2

    rehearse(scene, llm=ScriptedLlm(lambda messages: LONG_REPLY, **REAL))


def test_what_was_written_when_the_user_interrupts_is_remembered():
    reply = " ".join(f"Here is sentence number {number} of very many." for number in range(400))

    async def scene(talk):
        talk.session.configure(silenced(talk))
        talk.session.type("hello")
        await talk.listens(0.6)
        talk.session.stop_speaking()
        (end,) = talk.of(ResponseEnded)
        assert end.outcome.value == "interrupted"
        assert 0 < len(end.heard_text) < len(reply)
        assert end.heard_text == written(talk).strip()
        assert talk.session.items[-1].text == end.heard_text
        talk.session.heard_until(end.generation, 0)
        assert talk.session.items[-1].text == end.heard_text, "nobody can play it"

    rehearse(scene, "llm.max_tokens=900", "llm.session_tokens=2000", llm=ScriptedLlm(lambda messages: reply, **REAL))


def test_the_greeting_is_written_too():
    async def scene(talk):
        assert not talk.of(TextWritten)
        talk.session.configure(silenced(talk))
        talk.session.say("Welcome back.")
        await talk.listens(0.1)
        assert written(talk) == "Welcome back."
        assert outcomes(talk) == ["completed"]

    rehearse(scene)


def test_tools_are_called_without_a_filler():
    async def scene(talk):
        talk.session.configure(silenced(talk))
        talk.session.type("the weather in Rome")
        await talk.listens(12.0)
        assert written(talk) == "It is sunny in Rome."
        assert outcomes(talk) == ["completed"]

    def model(messages):
        return WEATHER if messages[-1].role == "user" else f"It is {messages[-1].content}."

    rehearse_tools(scene, model, slow_tool(8.0))


def test_no_silence_is_sent_to_a_client_that_is_written_to():
    async def scene(talk):
        sent = []

        async def send(frame):
            sent.append(frame)

        async def clear():
            sent.clear()

        pacer = Pacer(talk.session, send, clear)
        talk.session.configure(silenced(talk))
        talk.session.playout.follow(pacer)
        talk.session.type("hello")
        for _ in range(100):
            await pacer._tick()
            await talk._await_frame()
        assert outcomes(talk) == ["completed"]
        assert not sent

    rehearse(scene)


def test_the_first_words_are_what_a_reader_waits_for():
    async def scene(talk):
        talk.session.configure(silenced(talk))
        await talk.speaks(3.0)
        await talk.listens(2.0)
        (trace,) = talk.turns
        assert 0 < trace.voice_to_voice_ms < 500
        assert trace.waited_s == trace.voice_to_voice_ms / 1000

    rehearse(scene, llm=ScriptedLlm(lambda messages: LONG_REPLY, **REAL))
