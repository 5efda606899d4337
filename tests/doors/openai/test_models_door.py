"""The list of models, and what is not there."""

import pytest
from doors_served import error_of, serving

from voiceagent.doors.openai.errors import UnknownModelError
from voiceagent.doors.openai.models import Models

NAMES = {"asr": "moonshine", "llm": "smollm2", "tts": "hibari"}


def test_the_models_are_listed_each_once():
    async def test(house):
        return (await house.http.get("/v1/models")).json(), house.agent.models

    body, names = serving(test)
    assert body["object"] == "list"
    assert [model["id"] for model in body["data"]] == list(dict.fromkeys(names.values()))
    assert {model["object"] for model in body["data"]} == {"model"}
    assert [model["id"] for model in Models(NAMES).list()] == ["moonshine", "smollm2", "hibari"]


def test_one_model_is_described_and_an_unknown_one_is_404():
    async def test(house):
        name = house.agent.models["llm"]
        known, unknown = [await house.http.get(f"/v1/models/{one}") for one in (name, "gpt/9")]
        assert known.json()["id"] == name
        return unknown

    unknown = serving(test)
    assert unknown.status_code == 404
    error = error_of(unknown)
    assert (error["code"], error["param"]) == ("model_not_found", "model")
    assert "'gpt/9'" in error["message"]


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("asr", ["moonshine", "whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", None]),
        ("tts", ["hibari", "tts-1", "tts-1-hd", "gpt-4o-mini-tts", None]),
        ("llm", ["smollm2", "gpt-4o", "gpt-5.2-mini", "chatgpt-4o-latest", "o3", "o4-mini", None]),
    ],
)
def test_names_that_clients_have_built_in_mean_what_is_here(kind, names):
    models = Models(NAMES)
    assert {models.find(kind, name) for name in names} == {NAMES[kind]}
    for others in ("asr", "tts", "llm"):
        if others != kind:
            with pytest.raises(UnknownModelError, match=f"Use '{NAMES[kind]}'"):
                models.find(kind, NAMES[others])


def test_other_methods_and_endpoints_are_refused():
    async def test(house):
        return await house.http.get("/v1/chat/completions"), await house.http.post("/v1/embeddings", json={})

    wrong, missing = serving(test)
    assert (wrong.status_code, missing.status_code) == (405, 404)
    assert wrong.json()["error"]["message"]
    assert missing.json()["error"]["message"]
