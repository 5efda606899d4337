"""On which streams graphs are warmed up, recorded and awaited, held by a `torch.cuda` that only takes notes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.nemo

from voiceagent.engines.nemo import graphs  # noqa: E402 (needs torch)
from voiceagent.engines.nemo.precision import set_precision  # noqa: E402
from voiceagent.engines.recording import RECORDING  # noqa: E402

GPU = torch.device("cuda", 0)


class Stream:
    def __init__(self, *_: Any, **options: Any) -> None:
        self.priority = options.get("priority", 0)
        self.awaited: list[Stream] = []

    def wait_stream(self, other: "Stream") -> None:
        self.awaited.append(other)


class Notes:
    """What happened: every run of a function with the stream it ran on, and whether it was being recorded."""

    def __init__(self) -> None:
        self.default = Stream()
        self.current = self.default
        self.recording = False
        self.runs: list[tuple[Stream, bool, bool]] = []
        self.pools: list[object] = []

    def step(self) -> None:
        self.runs.append((self.current, self.recording, RECORDING.locked()))

    @contextmanager
    def stream(self, stream: Stream) -> Iterator[None]:
        before, self.current = self.current, stream
        yield
        self.current = before

    @contextmanager
    def graph(self, graph: Any, pool: object, stream: Stream, capture_error_mode: str) -> Iterator[None]:
        assert capture_error_mode == "thread_local"
        self.pools.append(pool)
        with self.stream(stream):
            self.recording = True
            yield
            self.recording = False


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> Notes:
    notes = Notes()
    graphs._in_place_of_default.cache_clear()
    for name, stand_in in {
        "Stream": Stream,
        "stream": notes.stream,
        "graph": notes.graph,
        "CUDAGraph": lambda: type("Graph", (), {"replay": notes.step})(),
        "current_stream": lambda device: notes.current,
        "default_stream": lambda device: notes.default,
    }.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    return notes


def test_every_graph_of_a_lane_is_warmed_up_and_recorded_on_the_lanes_own_stream(notes: Notes) -> None:
    lane, pool = Stream(priority=-1), object()
    with notes.stream(lane):
        for _ in range(40):
            graphs.captured(notes.step, GPU, pool)
    assert {stream for stream, _, _ in notes.runs} == {lane}
    assert notes.pools == [pool] * 40
    assert [recorded for _, recorded, _ in notes.runs] == [False, False, False, True] * 40


def test_nothing_is_recorded_without_the_lock(notes: Notes) -> None:
    graphs.captured(notes.step, GPU)
    assert [locked for _, recorded, locked in notes.runs if recorded] == [True]
    assert not RECORDING.locked()


def test_where_there_is_no_lane_all_graphs_share_one_other_stream(notes: Notes) -> None:
    for _ in range(3):
        graphs.captured(notes.step, GPU)
    (stream,) = {stream for stream, _, _ in notes.runs}
    assert stream is not notes.default
    assert stream.awaited == [notes.default] * 3


@pytest.mark.parametrize(("capability", "sleeps"), [((9, 0), True), ((12, 0), True), ((12, 1), False)])
def test_the_host_sleeps_until_a_result_is_there_except_where_waking_up_is_slow(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], sleeps: bool
) -> None:
    graphs._sleeps.cache_clear()
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert graphs._sleeps(GPU) is sleeps
    graphs._sleeps.cache_clear()


@pytest.mark.parametrize("convolutions", ["tf32", "ieee"])
def test_recurrent_networks_multiply_in_full_whatever_convolutions_do(convolutions: Any) -> None:
    cudnn = torch.backends.cudnn
    before = cudnn.rnn.fp32_precision, cudnn.conv.fp32_precision, torch.backends.cuda.matmul.fp32_precision
    try:
        set_precision(torch.device("cpu"), convolutions=convolutions)
        assert (cudnn.rnn.fp32_precision, cudnn.conv.fp32_precision) == before[:2]
        set_precision(GPU, convolutions=convolutions)
        assert cudnn.rnn.fp32_precision == torch.backends.cuda.matmul.fp32_precision == "ieee"
        assert cudnn.conv.fp32_precision == convolutions
    finally:
        cudnn.rnn.fp32_precision, cudnn.conv.fp32_precision = before[:2]
        torch.backends.cuda.matmul.fp32_precision = before[2]
