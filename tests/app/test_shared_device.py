"""The device that lanes share: a GPU where one computes there, else the processor's cores."""

from voiceagent.app.capacity.device import Device, shared_device
from voiceagent.app.settings import load_settings
from voiceagent.engines.machine import cores

LANES = ("asr", "llm", "tts", "vad", "turn")


def shared(config, *sets, has_gpu=True):
    return shared_device(load_settings(config, list(sets)).settings, LANES, has_gpu=has_gpu)


def test_the_embedded_default_shares_the_cores_whatever_else_there_is():
    assert shared("cpu.yaml") == Device(cores(), frozenset())


def test_three_models_share_a_gpu_side_by_side_and_the_rest_runs_beside_it():
    assert shared("spark.yaml") == Device(3, frozenset({"vad", "turn"}))


def test_a_model_alone_on_a_gpu_has_it_alone():
    assert shared("scripted.yaml", "llm.engine=llama", "llm.gpu_layers=-1").concurrency == 1


def test_nemo_without_a_gpu_computes_on_the_cores():
    on_cores = ("asr.device=auto", "tts.device=auto", "llm.gpu_layers=0")
    assert shared("spark.yaml", *on_cores, has_gpu=False) == Device(cores(), frozenset())


def test_a_remote_model_takes_no_room():
    assert "llm" in shared("vllm.yaml").off_device
