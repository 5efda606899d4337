from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from voiceagent.app.settings import default_settings
from voiceagent.config.concrete import settings_model
from voiceagent.config.document import Node
from voiceagent.config.explain import Explainer
from voiceagent.config.network import IceServer
from voiceagent.config.origins import DEFAULT
from voiceagent.config.schema import fields, model_at
from voiceagent.config.settings import McpServerSettings
from voiceagent.engines.registry import engine_models, specs

SETTINGS = settings_model(engine_models(), {})


def test_nothing_at_all_is_a_valid_configuration() -> None:
    assert default_settings().server.port == 7860
    assert SETTINGS.model_validate({}) == default_settings()


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError):
        default_settings().llm.max_tokens = 5  # type: ignore[misc]


def test_every_section_and_every_setting_says_what_it_is_in_one_line() -> None:
    models: list[type[BaseModel]] = [SETTINGS, IceServer, McpServerSettings]
    models += [model for name in SETTINGS.model_fields if (model := model_at(SETTINGS, (name,)))]
    models += [spec.settings for spec in specs().values()]
    assert all(model.__doc__ for model in models)
    written = (IceServer, McpServerSettings, *(spec.settings for spec in specs().values() if spec.name != "given"))
    for loc, field in [
        *fields(SETTINGS),
        *(((name,), field) for model in written for name, field in model.model_fields.items() if name != "engine"),
    ]:
        if loc[-1] == "engine":
            continue
        assert field.description, loc
        assert "\n" not in field.description


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("server", {"port": 65536}),
        ("server", {"port": -1}),
        ("server", {"port": "80"}),
        ("server", {"port": 80.0}),
        ("server", {"port": True}),
        ("server", {"metrics": 1}),
        ("server", {"host": ""}),
        ("server", {"max_sessions": 0}),
        ("server", {"ice_servers": {"urls": "stun:a"}}),
        ("server", {"ice_servers": [{"urls": "http://a"}]}),
        ("server", {"ice_servers": [{"urls": []}]}),
        ("server", {"allow_origins": "*"}),
        ("server", {"allow_origins": ["https://example.org/"]}),
        ("server", {"allow_origins": ["example.org"]}),
        ("server", {"allow_origins": ["null"]}),
        ("server", {"hosts": ["https://example.org"]}),
        ("server", {"hosts": ["example.org:80"]}),
        ("server", {"hosts": ["a.*.org"]}),
        ("server", {"token": "fifteen-letters"}),
        ("server", {"token": "sixteen letters!"}),
        ("server", {"request_rate": -1}),
        ("server", {"tls_key": Path("a.key")}),
        ("server", {"proxies": ["10.0.0.0/33"]}),
        ("llm", {"temperature": float("nan")}),
        ("llm", {"temperature": float("inf")}),
        ("llm", {"temperature": False}),
        ("llm", {"top_p": 0}),
        ("llm", {"session_tokens": 5000, "context_tokens": 4096}),
        ("llm", {"max_tokens": 2000}),
        ("llm", {"first_segment_min_tokens": 30}),
        ("vad", {"release_threshold": 0.6}),
        ("vad", {"pause_ms": 300}),
        ("turn", {"cut_off_cost_s": -1.0}),
        ("session", {"min_speech_ms": 801}),
        ("session", {"greeting": None}),
        ("weights", {"dir": ""}),
        ("weights", {"dir": 5}),
        ("trace", {"log_format": "xml"}),
        ("trace", {"surprise": 1}),
    ],
)
def test_an_impossible_value_is_refused(section: str, values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        SETTINGS.model_validate({section: values})
    for error in caught.value.errors():
        problem = Explainer(SETTINGS, Node({}, DEFAULT), engine_models()).explain(error)
        assert problem.key.startswith(section)
        assert problem.message


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("server", {"port": 0}),
        ("server", {"allow_origins": ["*", "https://example.org", "http://localhost:5173"]}),
        (
            "server",
            {"allow_origins": ["capacitor://localhost", "chrome-extension://abc"], "hosts": ["*", "*.a.org", "b"]},
        ),
        ("server", {"token": "sixteen-letters_", "proxies": ["10.0.0.0/8", "fd00::1"], "request_rate": 0}),
        ("llm", {"temperature": 0, "session_tokens": 4096, "max_tokens": 4096}),
        ("tts", {"speed": 2}),
        ("vad", {"threshold": 0.35, "release_threshold": 0.35, "pause_ms": 200}),
        ("session", {"greeting": "", "idle_s": 0}),
    ],
)
def test_a_value_at_the_edge_is_accepted(section: str, values: dict[str, Any]) -> None:
    settings = SETTINGS.model_validate({section: values})
    for name, value in values.items():
        given = getattr(getattr(settings, section), name)
        assert given == (tuple(value) if isinstance(value, list) else value)


def test_an_ice_server_takes_one_address_or_several() -> None:
    one = {"urls": "stun:stun.example.org:3478"}
    several = {"urls": ["turn:a", "turns:b"], "username": "u", "credential": "p"}
    servers = SETTINGS.model_validate({"server": {"ice_servers": [one, several]}}).server.ice_servers
    assert [server.urls for server in servers] == [("stun:stun.example.org:3478",), ("turn:a", "turns:b")]


def test_a_password_does_not_show_in_the_representation() -> None:
    assert "hush" not in repr(IceServer(urls=("turn:a",), credential="hush"))


def test_a_path_may_begin_at_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    settings = SETTINGS.model_validate({"weights": {"dir": "~/models"}})
    assert str(settings.weights.dir) == "/home/somebody/models"


def test_the_home_of_nobody_is_a_mistake_and_not_a_crash() -> None:
    with pytest.raises(ValidationError, match="home"):
        SETTINGS.model_validate({"weights": {"dir": "~no-such-user-here/models"}})
