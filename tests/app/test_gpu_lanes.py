"""Which lanes compute on a GPU, and when the driver is asked for one."""

import asyncio

import pytest

from voiceagent.app import specs
from voiceagent.app.agent import Agent
from voiceagent.app.settings import load_settings
from voiceagent.app.specs import gpus_for, lanes_on_gpu, wants_gpu
from voiceagent.config.settings import Settings
from voiceagent.engines.machine import Gpu
from voiceagent.testing import scripted_engines

CARD = Gpu("card", "580", "12.0", 1, 1)


def settings(*sets: str, config: str = "scripted.yaml") -> Settings:
    return load_settings(config, sets, {}).settings


def test_a_gpu_is_wanted_only_where_a_lane_would_compute_on_it() -> None:
    assert not wants_gpu(settings(config="cpu.yaml"))
    assert wants_gpu(settings(config="spark.yaml"))
    assert wants_gpu(settings("asr.engine=nemotron"))
    assert not wants_gpu(settings("asr.engine=nemotron", "asr.device=cpu"))
    assert wants_gpu(settings("tts.engine=magpie"))


def test_without_a_gpu_only_those_compute_on_it_that_are_told_to() -> None:
    free = ("asr.engine=nemotron", "tts.engine=magpie", "llm.engine=llama", "llm.gpu_layers=0")
    assert lanes_on_gpu(settings(*free), has_gpu=True) == {"asr", "tts"}
    assert lanes_on_gpu(settings(*free), has_gpu=False) == set()
    assert lanes_on_gpu(settings(*free, "tts.device=cuda", "llm.gpu_layers=8"), has_gpu=False) == {"llm", "tts"}
    assert lanes_on_gpu(settings(), has_gpu=True) == set()


def test_the_driver_is_asked_only_where_a_gpu_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(specs, "nvidia_gpus", lambda: (CARD,))
    assert gpus_for(settings("llm.engine=llama", "llm.gpu_layers=-1")) == (CARD,)
    monkeypatch.setattr(specs, "nvidia_gpus", None)
    assert gpus_for(settings()) == ()


def test_an_agent_asks_the_driver_once_and_not_if_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(specs, "nvidia_gpus", lambda: asked.append("once") or (CARD,))
    monkeypatch.setattr("voiceagent.app.agent.build_engines", lambda settings, gpus: scripted_engines())
    on_gpu = settings("llm.engine=llama", "llm.gpu_layers=-1")

    async def main(gpus: tuple[Gpu, ...] | None) -> None:
        agent = Agent(on_gpu)
        await agent.start(gpus)
        agent.close()

    asyncio.run(main(None))
    asyncio.run(main((CARD,)))
    assert asked == ["once"]
