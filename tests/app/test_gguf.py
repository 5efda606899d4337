from pathlib import Path

import pytest
from voiceagent.app.gguf import gguf_path

from voiceagent.app.engines import build_llm
from voiceagent.config.settings import LLM, Settings, Weights
from voiceagent.engines.llm.contract import Completed, LlmEvent, Message
from voiceagent.engines.llm.llama.engine import LlamaEngine
from voiceagent.errors import VoiceAgentError
from voiceagent.weights import Store


def test_a_path_is_taken_as_it_is_and_a_name_is_looked_up(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert gguf_path(LLM(model="~/some.gguf"), store) == Path.home() / "some.gguf"
    with pytest.raises(VoiceAgentError, match="weights pull nemotron-3-nano-4b-q8_0"):
        gguf_path(LLM(model="nemotron-3-nano-4b-q8_0"), store)


@pytest.mark.parametrize(("model", "kind"), [("nemotron-3-nano-30b-a3b-q8_0", "hybrid"), (LLM().model, "plain")])
def test_a_tiny_dummy_needs_no_weights_and_talks(model: str, kind: str, tmp_path: Path) -> None:
    settings = Settings(llm=LLM(model=model, load_format="dummy_tiny", max_tokens=4), weights=Weights(dir=tmp_path))
    engine = build_llm(settings, Store(tmp_path))
    assert isinstance(engine, LlamaEngine)
    (path,) = (tmp_path / ".dummies").iterdir()
    assert path.name.startswith(f"{kind}-tiny")
    engine.load()
    events: list[LlmEvent] = []
    engine.open(events.append).generate(1, (Message("user", "Hello?"),), 0.0)
    while batch := engine.pending(0.0):
        engine.deliver(batch, engine.run(batch))
    assert events[-1] == Completed(1, "length")
    engine.close()


@pytest.mark.parametrize(("model", "name"), [("nemotron-x-q4_k_m", "hybrid-true-q4_0"), ("smollm2", "plain-true-q8_0")])
def test_a_dummy_has_the_true_shape_and_as_many_bits_as_the_name_says(
    model: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.dummies.gguf_model.write", lambda path, *_, **__: path.write_bytes(b""))
    monkeypatch.setattr("voiceagent.app.gguf.only_file", lambda store, model: tmp_path / f"{model}.gguf")
    path = gguf_path(LLM(model=model, load_format="dummy"), Store(tmp_path))
    assert path.name.startswith(name)
    assert LLM().model in path.name, "it reads text as the embedded model does"


def test_a_grammar_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    settings = Settings(llm=LLM(load_format="dummy_tiny", grammar=tmp_path / "none.gbnf"))
    with pytest.raises(VoiceAgentError, match=r"none\.gbnf of llm\.grammar cannot be read"):
        build_llm(settings, Store(tmp_path))


def test_a_grammar_in_the_settings_reaches_the_replies(tmp_path: Path) -> None:
    (tmp_path / "yes.gbnf").write_text('root ::= "yes"')
    settings = Settings(llm=LLM(load_format="dummy_tiny", grammar=tmp_path / "yes.gbnf", stop=("x",)))
    engine = build_llm(settings, Store(tmp_path))
    engine.load()
    events: list[LlmEvent] = []
    engine.open(events.append).generate(1, (Message("user", "Hello?"),), 0.0)
    while batch := engine.pending(0.0):
        engine.deliver(batch, engine.run(batch))
    assert "".join(getattr(event, "text", "") for event in events) == "yes"
    engine.close()
