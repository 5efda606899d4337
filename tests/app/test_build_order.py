"""In which order the engines' libraries are imported."""

from collections.abc import Iterator

import pytest

from voiceagent.app import engines
from voiceagent.app.settings import load_settings
from voiceagent.app.specs import Chosen, chosen


@pytest.mark.parametrize("ear", ["moonshine", "nemotron"])
def test_torch_is_imported_before_other_libraries_that_bring_the_same_of_cuda(
    ear: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings("spark.yaml", [f"asr.engine={ear}"]).settings
    built: list[str] = []

    class Noted:
        def __init__(self, one: Chosen) -> None:
            self.packages, self.kind = one.spec.packages, one.kind

        def build(self, settings: object, context: object) -> None:
            built.append(self.kind)

    def noted(settings: object) -> Iterator[Chosen]:
        return (Chosen(Noted(one), one.settings) for one in every)

    every = list(chosen(settings))
    monkeypatch.setattr(engines, "chosen", noted)
    engines.build_engines(settings, ())
    in_torch = {one.kind for one in every if "torch" in one.spec.packages}
    assert in_torch == {"tts"} | ({"asr"} if ear == "nemotron" else set())
    assert set(built[: len(in_torch)]) == in_torch
    assert built.index("tts") < built.index("llm")
