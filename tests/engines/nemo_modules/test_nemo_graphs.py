"""Steps of fixed shape where there is no GPU: the same functions, called plainly."""

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.nemo

from voiceagent.engines.nemo.graphs import captured, new_pool, own_stream, settle, to_host  # noqa: E402 (needs torch)

CPU = torch.device("cpu")


def test_on_a_cpu_a_captured_function_is_the_function_and_was_run_once() -> None:
    runs: list[None] = []
    step = captured(lambda: runs.append(None), CPU, new_pool(CPU))
    assert len(runs) == 1
    step()
    assert len(runs) == 2


def test_on_a_cpu_a_stream_can_be_entered_again_and_again_and_nothing_is_waited_for() -> None:
    stream = own_stream(CPU)
    for _ in range(2):
        with stream:
            settle(CPU)
    values = torch.arange(3)
    assert to_host(values) is values


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_graphs_that_share_a_pool_give_what_their_functions_give_in_any_order() -> None:
    device = torch.device("cuda")
    source, sums, squares = (torch.zeros(1000, device=device) for _ in range(3))
    pool = new_pool(device)
    settle(device)
    with own_stream(device):
        assert torch.cuda.current_stream().priority == -1
        add = captured(lambda: sums.copy_((source + 1) + source * 2), device, pool)
        square = captured(lambda: squares.copy_((source * source) * 2), device, pool)
        for number in range(1, 6):
            source.fill_(number)
            for step in (add, square) if number % 2 else (square, add):
                step()
            assert to_host(sums).tolist() == [3 * number + 1] * 1000
            assert to_host(squares).tolist() == [2 * number * number] * 1000
