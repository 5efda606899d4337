from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voiceagent.app.settings import load_settings
from voiceagent.config import Loaded, show
from voiceagent.config.concrete import settings_model
from voiceagent.config.document import dotted
from voiceagent.config.origins import DEFAULT
from voiceagent.config.schema import fields
from voiceagent.config.show import MASK
from voiceagent.engines.registry import engine_models

SETTINGS = settings_model(engine_models(), {})

TRICKY = st.sampled_from(["", "null", "true", "1e-3", "012", "~", "no", "a: b", "x # y", "- a", "'", '"', "é🙂", "<<"])


def test_every_setting_has_one_line_with_its_origin(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("llm:\n  top_k: 5\n")
    lines = show(load_settings(path, ["tts.speed=1.5"], {"VOICEAGENT_VAD__THRESHOLD": "0.6"})).splitlines()
    told = {line.split(":")[0].strip(): line for line in lines}
    assert told["top_k"].split() == ["top_k:", "5", "#", f"{path}:2"]
    assert told["speed"].split() == ["speed:", "1.5", "#", "--set"]
    assert told["max_sessions"].split() == ["max_sessions:", "4", "#", "default"]
    assert any(line.endswith("# environment VOICEAGENT_VAD__THRESHOLD") for line in lines)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=TRICKY | st.text(st.characters(exclude_categories=["Cs"])),
    number=st.floats(0, 1),
    stop=st.lists(TRICKY.filter(bool)),
)
def test_what_is_shown_can_be_read_back(tmp_path: Path, text: str, number: float, stop: list[str]) -> None:
    path = tmp_path / "shown.yaml"
    changed = {
        "llm": {"min_p": number, "stop": stop},
        "session": {"greeting": text},
        "server": {"ice_servers": [{"urls": ["stun:a"], "username": text}]},
        "trace": {"jsonl": f"logs/{text}"},  # with ~ in front it would be the home folder of somebody
    }
    given = SETTINGS.model_validate(changed)
    origins = {dotted(loc): DEFAULT for loc, _ in fields(SETTINGS)}
    path.write_text(show(Loaded(given, origins)), encoding="utf-8", newline="")
    assert load_settings(path, environ={}).settings == given


def test_a_password_is_masked(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("server:\n  ice_servers: [{urls: ['turn:a', 'turn:b'], username: me, credential: hush}]\n")
    sets = ["server.turn={urls: 'turn:a', secret: 'more hush'}"]
    shown = show(load_settings(path, sets, environ={}))
    assert "hush" not in shown
    assert f"{{urls: ['turn:a', 'turn:b'], username: me, credential: \"{MASK}\", " in shown
