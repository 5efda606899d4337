"""Replies that are asked for with options of their own, next to replies of other sessions."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from llama_talk import SYSTEM, Caller, Oracle, drive, loaded, reply, tiny, user

from voiceagent.engines.llm.contract import Completed, ReplyOptions
from voiceagent.engines.llm.llama.engine import LlamaEngine, Sampling

ASKED = (SYSTEM, user("Say something about the sea."))
WILD = ReplyOptions(temperature=2.0)


@pytest.fixture(scope="module", params=["plain", "hybrid"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("model"), request.param)


@pytest.fixture
def engine(path: Path) -> Iterator[LlamaEngine]:
    engine = loaded(path, sampling=Sampling(temperature=0.0, repeat_penalty=1.0, seed=3, min_p=0.0, top_p=1.0, top_k=0))
    yield engine
    engine.close()


def test_a_temperature_is_one_replys_own_though_steps_and_prompt_are_shared(engine: LlamaEngine, path: Path) -> None:
    oracle = Oracle(path)
    likeliest = oracle.reply(*ASKED)
    oracle.close()
    wild, calm = Caller(engine), Caller(engine)
    wild.stream.generate(1, ASKED, 1.0, options=WILD)
    calm.stream.generate(1, ASKED, 1.0)
    drive(engine)
    assert calm.text(1) == likeliest
    assert wild.text(1) != likeliest
    read = engine.prefilled_tokens
    assert reply(engine, wild, 2, *ASKED) == likeliest, "and the same stream is calm again"
    assert engine.prefilled_tokens - read < len(engine._ready.common.template.prompt(ASKED[1:]).tokens), (
        "and reads no more than the user's words again"
    )


def test_a_first_token_drawn_at_one_temperature_is_not_taken_at_another(engine: LlamaEngine) -> None:
    caller = Caller(engine)
    caller.stream.generate(1, ASKED, 1.0, options=WILD)
    drive(engine)
    caller.stream.generate(2, ASKED, 1.0, options=ReplyOptions(temperature=1.9))
    drive(engine)
    fresh = Caller(engine)
    fresh.stream.generate(1, ASKED, 1.0, options=ReplyOptions(temperature=1.9))
    drive(engine)
    assert caller.text(2) == fresh.text(1)


def test_a_reply_may_be_shorter_or_longer_than_the_engines_own(engine: LlamaEngine) -> None:
    caller = Caller(engine)
    lengths = []
    for generation, options in enumerate((ReplyOptions(max_tokens=3), ReplyOptions(), ReplyOptions(max_tokens=20)), 1):
        before = engine.decoded_tokens
        caller.stream.generate(generation, ASKED, 1.0, options=options)
        drive(engine)
        assert caller.events[-1] == Completed(generation, "length")
        lengths.append(engine.decoded_tokens - before)
    assert lengths[0] < lengths[1] < lengths[2]
