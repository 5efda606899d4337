"""A remote language model: a real client, and a server that does what servers do."""

import asyncio
import json

import pytest
from openai_server import FOREVER, OpenAiServer

from voiceagent.engines.contract import HOLD, StreamFailed
from voiceagent.engines.llm.contract import Completed, Message, ReplyOptions, Token, ToolCall, ToolCalls, ToolSpec
from voiceagent.errors import VoiceAgentError
from voiceagent.session.reply import Reply
from voiceagent.text import Segmenter

pytest.importorskip("openai")
from voiceagent.engines.llm.openai.engine import OpenAiEngine
from voiceagent.engines.llm.openai.spec import SPEC, OpenAiSettings
from voiceagent.engines.spec import BuildContext

SAMPLING = {"temperature": 0.0, "max_tokens": 64}
HELLO = (Message("system", "Be brief."), Message("user", "Hello?"))


def engine_at(url, **options):
    defaults = {"key_variable": "TEST_LLM_KEY", "timeout_s": 10.0, "retries": 1, "sampling": SAMPLING}
    return OpenAiEngine(url, "big-model", **(defaults | {"template_arguments": {}} | options))


class Talk:
    """One stream on the running loop."""

    def __init__(self, engine):
        self.events = []
        self.news = asyncio.Event()
        self.stream = engine.open(self._take)

    def _take(self, event):
        self.events.append(event)
        self.news.set()

    async def until(self, kind):
        async with asyncio.timeout(30):
            while not any(isinstance(event, kind) for event in self.events):
                self.news.clear()
                await self.news.wait()
        return next(event for event in self.events if isinstance(event, kind))

    @property
    def text(self):
        return "".join(event.text for event in self.events if isinstance(event, Token))


def talk(scene, *replies, **options):
    """Run a scene against a server that answers with `replies`."""

    async def main(server):
        engine = engine_at(server.url, **options)
        engine.load()
        try:
            await scene(Talk(engine), server)
        finally:
            engine.close()
            await asyncio.gather(engine._keeper, return_exceptions=True)
        if ending := asyncio.all_tasks() - {asyncio.current_task()}:  # the client's own, on their way out
            assert (await asyncio.wait(ending, timeout=10))[1] == set()

    with OpenAiServer(*replies) as server:
        asyncio.run(main(server))


def test_a_reply_is_streamed():
    async def scene(talk, server):
        talk.stream.generate(1, HELLO, 0.0)
        assert await talk.until(Completed) == Completed(1, "stop")
        assert talk.text == "Hello there."
        assert server.requests == [
            {
                "model": "big-model",
                "stream": True,
                "temperature": 0.0,
                "max_tokens": 64,
                "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}],
            }
        ]

    talk(scene)


def test_what_is_set_is_asked_for():
    settings = OpenAiSettings(top_p=0.5, seed=7, max_tokens=9, frequency_penalty=0.5, temperature=0.1)

    async def scene(talk, server):
        engine = SPEC.build(settings.model_copy(update={"base_url": server.url}), BuildContext(None, 1))
        remote = Talk(engine)
        remote.stream.generate(1, HELLO, 0.0)
        await remote.until(Completed)
        engine.close()
        await asyncio.gather(engine._keeper, return_exceptions=True)
        asked = {
            name: value for name, value in server.requests[0].items() if name not in ("messages", "stream", "model")
        }
        assert asked == {"top_p": 0.5, "seed": 7, "max_tokens": 9, "frequency_penalty": 0.5, "temperature": 0.1}

    talk(scene)


def test_a_replys_own_options_take_the_place_of_the_engines():
    async def scene(talk, server):
        talk.stream.generate(1, HELLO, 0.0, options=ReplyOptions(temperature=0.9))
        await talk.until(Completed)
        talk.events.clear()
        talk.stream.generate(2, HELLO, 0.0, options=ReplyOptions(max_tokens=7))
        await talk.until(Completed)
        sent = [(request["temperature"], request["max_tokens"]) for request in server.requests]
        assert sent == [(0.9, 64), (0.0, 7)]

    talk(scene, ["One.", ("stop",)], ["Two.", ("stop",)])


def test_the_key_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("TEST_LLM_KEY", "secret")

    async def scene(talk, server):
        assert server.keys == ["Bearer secret"]

    talk(scene)


def test_the_chat_template_is_told_what_is_configured():
    async def scene(talk, server):
        talk.stream.generate(1, HELLO, 0.0)
        await talk.until(Completed)
        assert server.requests[0]["chat_template_kwargs"] == {"enable_thinking": False}

    talk(scene, template_arguments={"enable_thinking": False})


def test_a_reply_that_ran_out_of_tokens_says_so():
    async def scene(talk, server):
        talk.stream.generate(1, HELLO, 0.0)
        assert (await talk.until(Completed)).reason == "length"

    talk(scene, ["and so", ("length",)])


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "thinking"])
def test_thoughts_that_come_apart_from_the_text_are_not_told(field):
    async def scene(talk, server):
        talk.stream.generate(1, HELLO, 0.0)
        await talk.until(Completed)
        assert talk.text == "Hi."

    talk(scene, [{field: "What to say?"}, {field: "Hi?", "content": ""}, "Hi.", {field: "Well."}, ("stop",)])


def test_of_a_text_in_parts_the_thoughts_are_not_told():
    async def scene(talk, server):
        talk.stream.generate(1, HELLO, 0.0)
        await talk.until(Completed)
        assert talk.text == "Hi."

    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "What to say?"}]}
    talk(scene, [{"content": [thought]}, {"content": [{"type": "text", "text": "Hi."}, thought]}, ("stop",)])


def test_a_refusal_is_told():
    async def scene(talk, server):
        talk.stream.generate(1, HELLO, 0.0)
        await talk.until(Completed)
        assert talk.text == "I cannot help with that."

    talk(scene, [{"content": None, "refusal": "I cannot help"}, {"refusal": " with that."}, ("stop",)])


@pytest.mark.parametrize(
    ("pieces", "words", "called"),
    [
        (["<thi", "nk>Hm.</th", "ink>\n\nHi", "."], ["Hi."], []),
        (["One. <tool", '_call>{"name": "now"}</tool_call>'], ["One."], ["now"]),
        (['{"name": ', '"now", "parameters": {}}'], [], ["now"]),
        (["I am fine.", "\nUs", "er: And you?"], ["I am fine."], []),
        (["Ten&nb", "sp;euros \ud83d"], ["Ten euros"], []),
    ],
)
def test_what_the_server_leaves_in_the_text_is_taken_out_by_the_session(pieces, words, called):
    tools = (ToolSpec("now", "Tell the time.", '{"type": "object", "properties": {}}'),)
    asked = (Message("system", "Be brief.", tools=tools), HELLO[1])

    async def scene(talk, server):
        talk.stream.generate(1, asked, 0.0)
        await talk.until(Completed)
        reply = Reply(Segmenter(), asked)
        heard = [part for event in talk.events if isinstance(event, Token) for part in reply.push(event.text)]
        heard += reply.finish(cut=False)
        assert [part.strip() for part in heard] == words
        assert [call.name for call in reply.calls] == called

    talk(scene, [*pieces, ("stop",)])


def test_calls_that_a_server_does_not_number_are_told_apart_by_their_ids():
    async def scene(talk, server):
        talk.stream.generate(1, HELLO, 0.0)
        calls = (await talk.until(ToolCalls)).calls
        assert calls == (ToolCall("a", "now", '{"b": 1}'), ToolCall("c", "now", "{}"))
        await talk.until(Completed)

    first = {"index": 0, "id": "a", "type": "function", "function": {"name": "now", "arguments": '{"b":'}}
    rest = {"index": 0, "id": "a", "function": {"arguments": " 1}"}}
    other = {"index": 0, "id": "c", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    talk(scene, [[first], [rest], [other], ("tool_calls",)])


def test_tools_are_offered_and_calls_come_in_pieces():
    tool = ToolSpec("get_weather", "Look up the weather.", json.dumps({"type": "object", "properties": {}}))

    async def scene(talk, server):
        talk.stream.generate(1, (Message("system", "Be brief.", tools=(tool,)), HELLO[1]), 0.0)
        calls = (await talk.until(ToolCalls)).calls
        assert calls == (ToolCall("a", "get_weather", '{"city": "Rome"}'), ToolCall("b", "now", "{}"))
        await talk.until(Completed)
        assert server.requests[0]["tools"][0]["function"]["name"] == "get_weather"
        answered = (*HELLO, Message("assistant", "", calls=calls[:1]), Message("tool", "sunny", call_id="a"))
        talk.events.clear()
        talk.stream.generate(2, answered, 0.0)
        await talk.until(Completed)
        *_, asked, result = server.requests[1]["messages"]
        assert asked["tool_calls"][0]["function"] == {"name": "get_weather", "arguments": '{"city": "Rome"}'}
        assert result == {"role": "tool", "content": "sunny", "tool_call_id": "a"}

    pieces = [
        [{"index": 0, "id": "a", "type": "function", "function": {"name": "get_weather", "arguments": ""}}],
        [{"index": 0, "function": {"arguments": '{"city":'}}],
        [{"index": 1, "id": "b", "type": "function", "function": {"name": "now", "arguments": ""}}],
        [{"index": 0, "function": {"arguments": ' "Rome"}'}}],
        [{"index": 2, "id": "c", "type": "function", "function": {"name": "broken", "arguments": '{"a'}}],
    ]
    talk(scene, [*pieces, ("tool_calls",)], ["It is sunny.", ("stop",)])


def test_a_reply_on_hold_waits():
    async def scene(talk, server):
        talk.stream.generate(1, HELLO, HOLD)
        while not server.requests:  # noqa: ASYNC110 - the server is in another thread
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        assert talk.events == []
        talk.stream.reschedule(2, 0.0)
        await asyncio.sleep(0)
        assert talk.events == []
        talk.stream.reschedule(1, 0.0)
        await talk.until(Completed)
        assert talk.text == "Hello there."

    talk(scene)


def test_a_dropped_reply_tells_nothing_more_and_ends_at_the_server():
    async def scene(talk, server):
        talk.stream.generate(1, HELLO, 0.0)
        await talk.until(Token)
        talk.stream.cancel(2)
        talk.stream.cancel(1)
        assert await asyncio.to_thread(server.dropped.wait, 30)
        assert talk.events == [Token(1, "Hello")]

    talk(scene, ["Hello", FOREVER])


def test_a_new_reply_replaces_the_one_under_way():
    async def scene(talk, server):
        talk.stream.generate(1, HELLO, 0.0)
        await talk.until(Token)
        talk.stream.generate(2, HELLO, 0.0)
        assert await talk.until(Completed) == Completed(2, "stop")
        assert talk.text == "One two"

    talk(scene, ["One ", FOREVER], ["two", ("stop",)])


def test_a_reply_may_be_replaced_from_within_its_own_last_event():
    async def scene(talk, server):
        def go_on(event):
            talk._take(event)
            if event == Completed(1, "stop"):
                talk.stream.generate(2, HELLO, 0.0)

        talk.stream._on_event = go_on
        talk.stream.generate(1, HELLO, 0.0)
        await talk.until(Completed)
        async with asyncio.timeout(30):
            while talk.events[-1] != Completed(2, "stop"):
                talk.news.clear()
                await talk.news.wait()

    talk(scene)


def test_a_reply_may_be_dropped_from_within_any_event():
    async def scene(talk, server):
        def drop(event):
            talk._take(event)
            if event == Token(1, "<"):
                talk.stream.cancel(1)

        talk.stream._on_event = drop
        talk.stream.generate(1, HELLO, 0.0)
        async with asyncio.timeout(30):
            while talk.events[-1:] != [Token(1, "<")]:
                talk.news.clear()
                await talk.news.wait()
        talk.stream.generate(2, HELLO, 0.0)
        assert await talk.until(Completed) == Completed(2, "stop")

    talk(scene, ["Hi", "<", ("stop",)], ["Hi", ("stop",)])


def test_a_refused_request_is_sent_again():
    async def scene(talk, server):
        talk.stream.generate(1, HELLO, 0.0)
        await talk.until(Completed)
        assert len(server.requests) == 2

    for status in (429, 500, 503):
        talk(scene, status, ["Hello.", ("stop",)])


@pytest.mark.parametrize(
    ("reply", "complaint"),
    [
        (401, "refuses the key: put the right one into the environment variable TEST_LLM_KEY"),
        (403, "refuses the key"),
        (429, "refuses more requests"),
        (404, "answers with status 404"),
        (500, "answers with status 500"),
        (["Hello", FOREVER], "sent nothing for 0.2 s"),
        ([FOREVER], "sent nothing for 0.2 s"),
        (["Hello"], "ended a reply before it was complete"),
    ],
)
def test_a_failure_says_what_to_do_and_the_next_reply_may_be_well(reply, complaint):
    async def scene(talk, server):
        talk.stream.generate(1, HELLO, 0.0)
        failed = await talk.until(StreamFailed)
        assert failed.tag == 1
        assert complaint in str(failed.error)
        assert server.url in str(failed.error)
        talk.stream.generate(2, HELLO, 0.0)
        assert await talk.until(Completed) == Completed(2, "stop")

    talk(scene, reply, ["Hello.", ("stop",)], timeout_s=0.2 if isinstance(reply, list) else 10.0, retries=0)


def test_a_server_that_is_gone_fails_the_reply():
    async def scene(talk, server):
        server.__exit__()
        talk.stream.generate(1, HELLO, 0.0)
        assert "cannot be reached" in str((await talk.until(StreamFailed)).error)

    talk(scene)


def test_a_server_that_cannot_be_used_is_told_when_loading():
    with pytest.raises(VoiceAgentError, match=r"cannot be reached .*: start it, or correct llm.base_url"):
        engine_at("http://127.0.0.1:9/v1", retries=0).load()
    with OpenAiServer(models=401) as server, pytest.raises(VoiceAgentError, match="refuses the key"):
        engine_at(server.url).load()
    with OpenAiServer(models=404) as server:
        engine_at(server.url).load()


def test_it_offers_no_steps_and_counts_on_the_safe_side():
    engine = engine_at("http://127.0.0.1:9/v1")
    assert engine.pending(0.0) is None
    few, more = HELLO, (*HELLO, Message("assistant", "", calls=(ToolCall("1", "look_up", "{}"),)))
    assert 0 < engine.count_tokens(few) < engine.count_tokens(more)
    engine.close()
