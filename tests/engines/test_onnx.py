import os
import subprocess
import sys
from pathlib import Path

import pytest
from hibari.tts import ASSETS

from voiceagent.engines.onnx import open_session
from voiceagent.errors import VoiceAgentError

MODEL = Path(ASSETS, "oov.onnx")


def test_a_model_is_opened() -> None:
    session = open_session(MODEL, threads=1)
    assert [value.name for value in session.get_inputs()] == ["chars"]
    assert len(session.get_outputs()) == 1


def test_an_inner_value_is_given_out_on_request() -> None:
    session = open_session(Path(ASSETS, "hibari.onnx"), threads=1, reveal="/CumSum_output_0")
    assert session.get_outputs()[-1].name == "/CumSum_output_0"


def test_a_missing_model_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(VoiceAgentError, match=r"none\.onnx is missing.*weights pull"):
        open_session(tmp_path / "none.onnx", threads=1)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
@pytest.mark.parametrize("name", ["model.onnx", "model.ort"])
def test_a_truncated_model_is_named_with_the_remedy(tmp_path: Path, name: str, share: float) -> None:
    whole = MODEL.read_bytes()
    (tmp_path / name).write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(VoiceAgentError, match=rf"{name} cannot be loaded.*weights verify.*weights pull"):
        open_session(tmp_path / name, threads=1)


def test_the_remedy_can_be_another(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_text("no model at all")
    with pytest.raises(VoiceAgentError, match="Buy a new one"):
        open_session(tmp_path / "model.onnx", threads=1, remedy="Buy a new one.")
    with pytest.raises(VoiceAgentError, match=r"cannot be loaded.*no such value"):
        open_session(MODEL, threads=1, reveal="no such value")


def test_a_model_that_was_opened_leaves_no_identifier_of_its_user_behind(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from voiceagent.engines.onnx import open_session as o; o(pathlib.Path(sys.argv[1]), 1)"
    )
    kept = {
        name: value for name, value in os.environ.items() if name not in ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
    }
    subprocess.run([sys.executable, "-c", program, str(MODEL)], check=True, env=kept | {"HOME": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []
