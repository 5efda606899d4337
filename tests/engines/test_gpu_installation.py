"""Whether what is installed suits a GPU: torch's kernels, and on aarch64 what reads numbers aloud."""

import pytest

from voiceagent.engines.nemo.trial.fit import fits
from voiceagent.engines.spec import BuildContext
from voiceagent.engines.tts.magpie import spec
from voiceagent.weights import Store

CUDA_13 = ["sm_75", "sm_80", "sm_90", "sm_100", "sm_120"]


@pytest.mark.parametrize(
    ("architectures", "capability", "runs"),
    [
        (CUDA_13, (9, 0), True),
        (CUDA_13, (12, 0), True),
        (CUDA_13, (12, 1), True),  # GB10 runs what was compiled for an RTX 5090
        (CUDA_13, (8, 9), True),
        (CUDA_13, (7, 0), False),
        (CUDA_13, (13, 0), False),
        ([*CUDA_13, "compute_120"], (13, 0), True),
        (["compute_120"], (9, 0), False),
        (["sm_90a"], (9, 0), True),
        (["sm_120a"], (12, 1), False),
        (["sm_121"], (12, 0), False),
        (["something"], (9, 0), False),
        ([], (9, 0), False),
    ],
)
def test_kernels_run_on_their_generation_and_later_ones_of_it(
    architectures: list[str], capability: tuple[int, int], runs: bool
) -> None:
    assert fits(architectures, capability) is runs


@pytest.mark.parametrize(
    ("installed", "said"), [(("nemo",), True), (("nemo", "nemo_text_processing"), False), ((), False)]
)
def test_where_nemos_grammars_are_not_installed_the_doctor_says_what_reads_numbers(
    installed: tuple[str, ...], said: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spec, "find_spec", lambda name: object() if name in installed else None)
    found = spec.SPEC.findings(spec.MagpieSettings(), BuildContext(Store(), 1))
    assert any("own readings" in one.text for one in found) is said
