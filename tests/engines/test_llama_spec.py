"""From the settings of a GGUF model to its engine."""

from pathlib import Path

import pytest
from llama_talk import tiny

from voiceagent.engines.llm.contract import Completed, LlmEvent, Message
from voiceagent.engines.llm.llama.engine import LlamaEngine
from voiceagent.engines.llm.llama.spec import SPEC, LlamaSettings, gguf_path
from voiceagent.engines.spec import BuildContext
from voiceagent.errors import VoiceAgentError
from voiceagent.weights import Store


def build(settings: LlamaSettings, folder: Path) -> LlamaEngine:
    engine = SPEC.build(settings, BuildContext(Store(folder), max_streams=2))
    assert isinstance(engine, LlamaEngine)
    return engine


def reply(engine: LlamaEngine) -> list[LlmEvent]:
    engine.load()
    events: list[LlmEvent] = []
    engine.open(events.append).generate(1, (Message("user", "Hello?"),), 0.0)
    while batch := engine.pending(0.0):
        engine.deliver(batch, engine.run(batch))
    engine.close()
    return events


def test_a_path_is_taken_as_it_is_and_a_name_is_looked_up(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert gguf_path("~/some.gguf", store) == Path.home() / "some.gguf"
    with pytest.raises(VoiceAgentError, match="weights pull nemotron-3-nano-4b-q8_0"):
        gguf_path("nemotron-3-nano-4b-q8_0", store)


@pytest.mark.parametrize("kind", ["hybrid", "plain"])
def test_a_model_given_by_its_path_talks(kind: str, tmp_path: Path) -> None:
    settings = LlamaSettings(model=str(tiny(tmp_path, kind)), max_tokens=4)
    assert reply(build(settings, tmp_path))[-1] == Completed(1, "length")


def test_a_grammar_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    settings = LlamaSettings(model=str(tiny(tmp_path, "plain")), grammar=tmp_path / "none.gbnf")
    with pytest.raises(VoiceAgentError, match=r"none\.gbnf of llm\.grammar cannot be read"):
        build(settings, tmp_path)


def test_a_grammar_in_the_settings_reaches_the_replies(tmp_path: Path) -> None:
    (tmp_path / "yes.gbnf").write_text('root ::= "yes"')
    settings = LlamaSettings(model=str(tiny(tmp_path, "plain")), grammar=tmp_path / "yes.gbnf", stop=("x",))
    assert "".join(getattr(event, "text", "") for event in reply(build(settings, tmp_path))) == "yes"
