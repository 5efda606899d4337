"""Conversations with the language model alone at /v1/chat/completions."""

import asyncio
import json

import pytest
from doors_served import AT_ONCE, error_of, events_of, serving

from voiceagent.engines.contract import Need
from voiceagent.engines.llm.contract import ReplyOptions
from voiceagent.engines.llm.scripted.engine import ScriptedLlm

URL = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "Hello"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Look up the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
CALL = 'Let me look. <tool_call>{"name": "get_weather", "arguments": {"city": "Rome"}}</tool_call>'


def asked(*sets, reply="Hello there, friend.", **parameters):
    """Return the answer, what the model was shown, and how it was to reply."""
    shown = []
    llm = ScriptedLlm(lambda messages: shown.append(messages) or reply, **AT_ONCE)

    async def test(house):
        options = []
        opened = llm.open

        def noting(on_event):
            stream = opened(on_event)
            generate = stream.generate

            def noted(*given, **how):
                options.append(how)
                generate(*given, **how)

            stream.generate = noted
            return stream

        llm.open = noting
        answer = await house.http.post(URL, json={"model": "gpt-4o", "messages": HELLO, **parameters})
        return answer, options

    answer, options = serving(test, *sets, llm=llm)
    return answer, shown[0] if shown else None, options[0] if options else None


def chunks_of(answer):
    assert answer.text.endswith("data: [DONE]\n\n")
    return events_of(answer.text)


def test_a_reply_is_a_completion_with_its_usage():
    answer, shown, how = asked()
    body = answer.json()
    (choice,) = body["choices"]
    assert choice["message"] == {"role": "assistant", "content": "Hello there, friend.", "refusal": None}
    assert (choice["index"], choice["finish_reason"]) == (0, "stop")
    assert body["object"] == "chat.completion"
    assert body["id"].startswith("chatcmpl-")
    assert body["usage"] == {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
    assert [(message.role, message.content) for message in shown] == [("user", "Hello")]
    assert how["need"] is Need.BACKGROUND


def test_the_conversation_reaches_the_model_as_it_is():
    call = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": [{"type": "text", "text": "Be "}, {"type": "text", "text": "kind."}]},
        {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "Sunny"},
        {"role": "assistant", "content": "Sunny."},
        {"role": "user", "content": "Thanks"},
    ]
    _, shown, _ = asked(messages=messages, tools=[WEATHER])
    assert [(message.role, message.content) for message in shown] == [
        ("system", "Be brief.\n\nBe kind."),
        ("user", "Weather?"),
        ("assistant", ""),
        ("tool", "Sunny"),
        ("assistant", "Sunny."),
        ("user", "Thanks"),
    ]
    assert shown[0].tools[0].name == "get_weather"
    assert shown[2].calls[0].arguments == '{"city": "Rome"}'
    assert shown[3].call_id == "c1"


def test_a_stream_is_chunks_whose_texts_are_the_reply():
    answer, _, _ = asked(stream=True)
    chunks = chunks_of(answer)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert all("usage" not in chunk for chunk in chunks)
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert [delta["content"] for delta in deltas[1:-1]] == ["Hello", " there,", " friend."]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * 4 + ["stop"]


def test_a_stream_tells_its_usage_on_request():
    answer, _, _ = asked(stream=True, stream_options={"include_usage": True})
    *chunks, last = chunks_of(answer)
    assert {chunk["usage"] for chunk in chunks} == {None}
    assert last["choices"] == []
    assert last["usage"] == {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}


def test_thoughts_are_not_shown_and_are_counted():
    answer, _, _ = asked(reply="<think>What to say? Hm.</think> Hello!")
    assert answer.json()["choices"][0]["message"]["content"] == "Hello!"
    assert answer.json()["usage"]["completion_tokens"] == 5
    streamed, _, _ = asked(reply="<think>What to say? Hm.</think> Hello!", stream=True)
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks_of(streamed)) == "Hello!"


def test_a_thought_that_only_ends_is_not_in_a_whole_reply():
    answer, _, _ = asked(reply="The user wants a word. </think> Hello!")
    assert answer.json()["choices"][0]["message"]["content"] == "Hello!"


def test_code_is_shown():
    code = "```python\nprint({'a': 1})\n```"
    assert asked(reply=code)[0].json()["choices"][0]["message"]["content"] == code


def test_a_call_is_a_tool_call_with_an_id():
    answer, shown, _ = asked(reply=CALL, tools=[WEATHER])
    (choice,) = answer.json()["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == "Let me look."
    (call,) = choice["message"]["tool_calls"]
    assert call["type"] == "function"
    assert call["function"] == {"name": "get_weather", "arguments": '{"city": "Rome"}'}
    assert call["id"].startswith("call_")
    assert shown[0].tools[0].description == "Look up the weather."


def test_a_streamed_call_comes_whole():
    answer, _, _ = asked(reply=CALL, tools=[WEATHER], stream=True)
    *_, called, last = chunks_of(answer)
    (call,) = called["choices"][0]["delta"]["tool_calls"]
    assert (call["index"], call["function"]["name"]) == (0, "get_weather")
    assert json.loads(call["function"]["arguments"]) == {"city": "Rome"}
    assert last["choices"][0]["finish_reason"] == "tool_calls"


def test_a_tool_can_be_asked_for_or_kept_from_the_model():
    _, shown, _ = asked(tools=[WEATHER], tool_choice="none")
    assert shown[0].tools == ()
    other = {"type": "function", "function": {"name": "now"}}
    named = {"type": "function", "function": {"name": "now"}}
    _, shown, _ = asked(tools=[WEATHER, other], tool_choice=named)
    assert [tool.name for tool in shown[0].tools] == ["now"]
    assert (shown[0].role, shown[1].content) == ("system", "Hello")
    assert "Call the function now" in shown[0].content
    _, shown, _ = asked(
        tools=[WEATHER], tool_choice="required", messages=[{"role": "system", "content": "Hi."}, *HELLO]
    )
    assert shown[0].content.startswith("Hi.\n\nCall one of your functions")
    assert [tool.name for tool in shown[0].tools] == ["get_weather"]


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_reply_that_is_cut_says_so(name):
    answer, _, how = asked(**{name: 2})
    (choice,) = answer.json()["choices"]
    assert choice["message"]["content"] == "Hello there,"
    assert choice["finish_reason"] == "length"
    assert how["options"].max_tokens == 2


def test_a_reply_may_take_the_context_that_the_prompt_leaves():
    _, _, how = asked("llm.session_tokens=100", "llm.max_tokens=7")
    assert how["options"] == ReplyOptions(None, 95)


def test_temperature_and_seed_reach_the_model():
    _, _, how = asked(temperature=1.5, seed=7)
    assert (how["options"].temperature, how["options"].draw) == (1.5, 7)


@pytest.mark.parametrize("stop", ["friend", ["x", "friend"]])
def test_a_stop_ends_the_reply(stop):
    answer, _, _ = asked(stop=stop)
    (choice,) = answer.json()["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("Hello there, ", "stop")


def test_what_asks_for_nothing_is_no_mistake():
    answer, _, _ = asked(
        n=1, logprobs=False, response_format={"type": "text"}, top_p=0.9, presence_penalty=0, user="me", store=False,
        parallel_tool_calls=True, logit_bias={}, stop=None, tools=None, stream=None, metadata={"a": "b"},
    )  # fmt: skip
    assert answer.status_code == 200


REFUSED = [
    ({"model": "llama-9"}, 404, "model", "There is no model 'llama-9' here."),
    ({"messages": []}, 400, "messages", "at least 1"),
    ({"messages": None}, 400, "messages", "list"),
    ({"messages": [{"role": "wizard", "content": "x"}]}, 400, "messages.0.role", "'system'"),
    ({"messages": [{"role": "user"}]}, 400, "messages.0.content", "has content"),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        400,
        "messages.0.content",
        "no image_url",
    ),
    ({"messages": [{"role": "tool", "tool_call_id": "c1", "content": "x"}]}, 400, "messages", "no open call"),
    ({"messages": [{"role": "tool", "content": "x"}]}, 400, "messages.0.tool_call_id", "tool_call_id"),
    ({"n": 2}, 400, "n", "1"),
    ({"temperature": 3}, 400, "temperature", "less than or equal to 2"),
    ({"max_tokens": 0}, 400, "max_tokens", "greater than or equal to 1"),
    ({"stop": ["a"] * 5}, 400, "stop", "4"),
    ({"tools": [{"type": "function", "function": {"name": "no spaces"}}]}, 400, "tools.0.function.name", "pattern"),
    ({"tools": [{"type": "web_search"}]}, 400, "tools.0.type", "function"),
    ({"tool_choice": "required"}, 400, "tool_choice", "no tools"),
    (
        {"tool_choice": {"type": "function", "function": {"name": "now"}}, "tools": [WEATHER]},
        400,
        "tool_choice",
        "'now', which is not in tools",
    ),
    ({"response_format": {"type": "json_object"}}, 400, "response_format", "not supported"),
    ({"logprobs": True}, 400, "logprobs", "not supported"),
    ({"logit_bias": {"7": 100}}, 400, "logit_bias", "not supported"),
    ({"functions": [{}]}, 400, "functions", "not supported"),
    ({"modalities": ["text", "audio"]}, 400, "modalities", "not supported"),
]


def test_a_wrong_parameter_is_refused_by_name():
    async def test(house):
        return [
            await house.http.post(URL, json={"model": "gpt-4o", "messages": HELLO, **parameters})
            for parameters, *_ in REFUSED
        ]

    for answer, (_, status, param, says) in zip(serving(test), REFUSED, strict=True):
        error = error_of(answer)
        assert answer.status_code == status
        assert error["type"] == "invalid_request_error"
        assert error["param"].startswith(param)
        assert says in error["message"]


@pytest.mark.parametrize("arguments", ["[]", "no json", "[" * 100_000])
def test_calls_with_broken_arguments_and_without_an_answer_are_refused(arguments):
    call = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": arguments}}
    answer, _, _ = asked(messages=[*HELLO, {"role": "assistant", "tool_calls": [call]}])
    assert "JSON object" in error_of(answer)["message"]
    call["function"]["arguments"] = "{}"
    answer, _, _ = asked(messages=[*HELLO, {"role": "assistant", "tool_calls": [call]}, *HELLO])
    assert "no answer: c1" in error_of(answer)["message"]


def test_a_conversation_that_is_too_long_is_refused_before_the_model_reads_it():
    answer, shown, _ = asked(messages=[{"role": "user", "content": "word " * 2000}])
    error = error_of(answer)
    assert answer.status_code == 400
    assert error["code"] == "context_length_exceeded"
    assert "2004 tokens and the model's context has 1024" in error["message"]
    assert shown is None
    answer, shown, _ = asked(messages=[{"role": "user", "content": "x" * 1_000_000}])
    assert error_of(answer)["code"] == "context_length_exceeded"
    assert shown is None


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_that_fails_is_an_error_of_the_server(stream):
    def broken(messages):
        raise RuntimeError("no idea")

    async def test(house):
        return await house.http.post(URL, json={"messages": HELLO, "stream": stream})

    answer = serving(test, llm=ScriptedLlm(broken, **AT_ONCE))
    assert answer.status_code == 500
    assert error_of(answer)["message"] == "The language model failed: no idea"


def test_a_model_that_fails_in_mid_stream_is_an_event():
    async def test(house):
        return await house.http.post(URL, json={"messages": HELLO, "stream": True})

    answer = serving(test, llm=ScriptedLlm(lambda messages: "One two three.", fail_at=2, **AT_ONCE))
    assert "[DONE]" not in answer.text
    assert "scripted to fail" in events_of(answer.text)[-1]["error"]["message"]


def test_when_no_model_is_left_the_client_is_told_when_to_come_again():
    answer, _, _ = asked("server.speech_streams=0")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_hangs_up_frees_its_model(stream):
    async def test(house):
        llm = house.agent.engines.llm
        parameters = {"messages": HELLO, "stream": stream}
        if stream:
            async with house.http.stream("POST", URL, json=parameters) as answer:
                await anext(answer.aiter_bytes())
        else:
            posting = asyncio.create_task(house.http.post(URL, json=parameters))
            async with asyncio.timeout(60):
                while not llm._jobs:  # noqa: ASYNC110 - a reply that has begun tells nobody
                    await asyncio.sleep(0)
            posting.cancel()
            await asyncio.gather(posting, return_exceptions=True)
        async with asyncio.timeout(60):
            while llm._jobs:  # noqa: ASYNC110 - nor does one that is dropped
                await asyncio.sleep(0.01)

    serving(test, llm=ScriptedLlm(lambda messages: "and on " * 1_000_000, **AT_ONCE))
