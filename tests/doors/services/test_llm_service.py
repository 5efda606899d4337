"""llama.cpp's /completion, as the bots' LLM service uses it: an answer in parts, each going on where the last ended."""

import asyncio
import json

import pytest
from loopback import open_server
from service_clients import none_lent

from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.testing import scripted_engines

REPLY = "The sea is deep. It is very cold there. Nobody lives in it."


def prompt(*texts, answer=""):
    said = [
        f"<|im_start|>{role}\n{text}<|im_end|>"
        for role, text in zip(("system", "user", "assistant", "user"), texts, strict=False)
    ]
    return "\n".join([*said, f"<|im_start|>assistant\n<think></think>{answer}"])


ASKED = ("You are Robin.", "Tell me of the sea.")


def answering(reply=lambda messages: REPLY, **more):
    return scripted_engines(llm=ScriptedLlm(reply, sleep=lambda seconds: None, **more))


def run(talk, *sets, engines=None):
    async def main():
        async with open_server(*sets, engines=engines or answering()) as house:
            await talk(house)

    asyncio.run(main())


def body(text, **more):
    return {"prompt": text, "n_predict": 200, "id_slot": 1, "cache_prompt": True, "temperature": 0.0, "top_p": 0.95,
            "top_k": 40, "repeat_penalty": 1.1, "stream": True, "stop": ["<|im_end|>"], **more}  # fmt: skip


async def part(house, text, *, most=None, **more):
    """Return the text of a part and its end; stop reading after `most` pieces, as the bots do after a sentence."""
    said, count = "", 0
    async with house.http.stream("POST", "/completion", json=body(text, **more)) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        async for line in response.aiter_lines():
            if line:
                piece = json.loads(line.removeprefix("data: "))
                if piece.get("stop") or "error" in piece:
                    return said, piece
                said += piece["content"]
                count += 1
                if count == most:
                    return said, None
    raise AssertionError("no end")


def test_an_answer_is_streamed_to_its_end():
    async def talk(house):
        said, end = await part(house, prompt(*ASKED))
        assert said == REPLY
        assert end == {"content": "", "stop": True, "stop_type": "eos", "tokens_predicted": 13, "truncated": False}

    run(talk)


def test_an_answer_of_which_only_a_sentence_was_read_goes_on_after_it():
    heard = []

    def reply(messages):
        heard.append(messages)
        return REPLY

    async def talk(house):
        answer = ""
        for most in (4, 5, 3):
            said, end = await part(house, prompt(*ASKED, answer=answer), most=most)
            assert end is None
            answer += said
        said, end = await part(house, prompt(*ASKED, answer=answer))
        assert answer + said == REPLY
        assert end["stop_type"] == "eos"
        assert len(heard) == 1  # one reply, never begun again

    run(talk, engines=answering(reply))


def test_an_answer_goes_on_from_the_middle_of_a_word():
    async def talk(house):
        await part(house, prompt(*ASKED))
        assert (await part(house, prompt(*ASKED, answer=REPLY[:6]), most=2))[0] == REPLY[6:10]
        assert (await part(house, prompt(*ASKED, answer=REPLY)))[0] == ""

    run(talk)


def test_what_limits_a_part_ends_no_answer():
    async def talk(house):
        first, end = await part(house, prompt(*ASKED), n_predict=4)
        assert (first, end["stop_type"], end["tokens_predicted"]) == ("The sea is deep.", "limit", 4)
        second, end = await part(house, prompt(*ASKED, answer=first))
        assert first + second == REPLY

    run(talk)


def test_the_model_is_given_the_conversation():
    heard = []

    def reply(messages):
        heard.append([(message.role, message.content) for message in messages])
        return "Yes."

    async def talk(house):
        await part(house, prompt(*ASKED, "Deep.", "How\ndeep?"))
        asked = [("system", "You are Robin."), ("user", "Tell me of the sea.")]
        assert heard == [[*asked, ("assistant", "Deep."), ("user", "How\ndeep?")]]

    run(talk, engines=answering(reply))


def test_an_answer_is_whole_where_no_stream_is_asked_for():
    async def talk(house):
        answer = await house.http.post("/completion", json=body(prompt(*ASKED), stream=False))
        assert answer.json() == {
            "content": REPLY, "stop": True, "stop_type": "eos", "tokens_predicted": 13, "truncated": False
        }  # fmt: skip

    run(talk)


def test_a_stop_string_ends_an_answer():
    async def talk(house):
        said, end = await part(house, prompt(*ASKED), stop=["<|im_end|>", " It"])
        assert (said, end["stop_type"]) == ("The sea is deep.", "word")

    run(talk)


def test_no_token_is_written_where_none_is_asked_for():
    async def talk(house):
        said, end = await part(house, "<|im_start|>user\nhalf a prom", n_predict=0)
        assert (said, end["stop_type"]) == ("", "limit")

    run(talk)


def test_an_answer_that_was_begun_elsewhere_is_not_continued():
    async def talk(house):
        await part(house, prompt(*ASKED), most=4)
        answer = await house.http.post("/completion", json=body(prompt(*ASKED, answer="A lake is")))
        assert answer.status_code == 400
        assert "cannot be continued" in answer.json()["error"]["message"]

    run(talk)


def test_places_are_given_back_and_the_next_turn_forgets_the_last():
    async def talk(house):
        text = prompt(*ASKED)
        for turn in range(5):
            said, _ = await part(house, text, most=2)
            assert said == "The sea"
            text = (
                text.replace("<|im_start|>assistant\n<think></think>", "")
                + f"<|im_start|>assistant\n{said}<|im_end|>\n"
            )
            text += f"<|im_start|>user\nAgain {turn}.<|im_end|>\n<|im_start|>assistant\n<think></think>"
        await part(house, text)
        await none_lent(house)

    run(talk, "server.speech_streams=2")


def test_a_reply_on_hold_makes_room_for_another_conversation():
    async def talk(house):
        await part(house, prompt(*ASKED), most=2)
        said, _ = await part(house, prompt("You are Finn.", "And you?"))
        assert said == REPLY

    run(talk, "server.speech_streams=1")


def test_a_model_that_fails_in_the_middle_says_so():
    async def talk(house):
        said, end = await part(house, prompt(*ASKED))
        assert said == "The sea"
        assert end["error"]["code"] == 503
        answer = await house.http.post("/completion", json=body(prompt(*ASKED), stream=False))
        assert answer.status_code == 503

    run(talk, engines=answering(fail_at=3))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"prompt": [1, 2, 3]}, "not tokens"),
        ({"prompt": "Once upon a time"}, "ChatML"),
        ({"prompt": "<|im_start|>tool\n3<|im_end|>\n<|im_start|>assistant\n"}, "system, user, assistant"),
        ({"prompt": "<|im_start|>system\nHi.<|im_end|>\n<|im_start|>assistant\n"}, "last message is the user's"),
        ({"n_predict": "many"}, "n_predict"),
        ({"n_predict": 1.5}, "n_predict"),
        ({"n_predict": True}, "n_predict"),
        ({"temperature": -1}, "temperature"),
        ({"stop": "no"}, "stop"),
        ({"stop": [""]}, "stop"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_in_the_form_of_that_server(change, told):
    async def talk(house):
        answer = await house.http.post("/completion", json=body(prompt(*ASKED)) | change)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["type"]) == (400, 400, "invalid_request_error")
        assert told in error["message"]

    run(talk)


def test_the_length_of_the_context_is_told():
    async def talk(house):
        props = (await house.http.get("/props")).json()
        assert props["default_generation_settings"] == {"n_ctx": 512}

    run(talk, "llm.session_tokens=512")
