import pytest
from weights_serving import CONTENT, FileServer, hub_source

from voiceagent.weights import WeightsError
from voiceagent.weights.fetch import RefusedError
from voiceagent.weights.hub import fetch_from_hub, file_url
from voiceagent.weights.manifest import HubSource

PATH = "/someone/model/resolve/0123456789abcdef/model.bin"


@pytest.fixture
def part(tmp_path):
    return tmp_path / "model.bin.part"


def test_a_file_comes_from_its_repository_at_its_revision(hub, fetcher, part):
    hub.files[PATH] = CONTENT
    fetch_from_hub(fetcher, hub_source(), part, "model", len(CONTENT))
    assert part.read_bytes() == CONTENT
    assert hub.asked("authorization") == [""]


@pytest.mark.parametrize("variable", ["HF_TOKEN", "HUGGINGFACE_ACCESS_TOKEN"])
def test_the_token_goes_to_the_hub_and_not_where_the_hub_redirects_to(hub, fetcher, part, monkeypatch, variable):
    elsewhere = FileServer()
    elsewhere.files["/blob"] = CONTENT
    hub.answers[PATH] = [(302, {"Location": f"{elsewhere.url}/blob"})]
    monkeypatch.setenv(variable, "hf_secret\n")
    try:
        fetch_from_hub(fetcher, hub_source(), part, "model")
    finally:
        elsewhere.stop()
    assert part.read_bytes() == CONTENT
    assert hub.asked("authorization") == ["Bearer hf_secret"]
    assert elsewhere.asked("authorization") == [""]


def test_an_interrupted_transfer_goes_on_behind_a_redirect(hub, fetcher, part):
    hub.files["/blob"] = CONTENT
    hub.answers[PATH] = [(302, {"Location": "/blob"})] * 2
    hub.cuts = [1234]
    fetch_from_hub(fetcher, hub_source(), part, "model", len(CONTENT))
    assert part.read_bytes() == CONTENT
    assert hub.asked("range") == ["", "", "bytes=1234-", "bytes=1234-"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_repository_says_where_to_accept_the_licence_and_which_variable_to_set(hub, fetcher, part, status):
    hub.answers[PATH] = [(status, {"X-Error-Code": "GatedRepo"})]
    with pytest.raises(WeightsError) as refused:
        fetch_from_hub(fetcher, hub_source(), part, "model")
    assert "accept the licence on https://huggingface.co/someone/model" in str(refused.value)
    assert "https://huggingface.co/settings/tokens" in str(refused.value)
    assert "set it as HF_TOKEN" in str(refused.value)


def test_a_token_that_may_not_read_is_told_apart_from_no_token(hub, fetcher, part, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.answers[PATH] = [(403, {})]
    with pytest.raises(WeightsError, match="the token in HF_TOKEN or HUGGINGFACE_ACCESS_TOKEN may not read") as refused:
        fetch_from_hub(fetcher, hub_source(), part, "model")
    assert "hf_secret" not in str(refused.value)


@pytest.mark.parametrize("answer", [(404, {}), (401, {"X-Error-Code": "RepoNotFound"})])
def test_a_file_that_is_not_there_is_said_to_be_not_there(hub, fetcher, part, answer):
    hub.answers[PATH] = [answer]
    with pytest.raises(
        WeightsError, match=r"there is no model.bin in https://huggingface.co/someone/model at revision"
    ):
        fetch_from_hub(fetcher, hub_source(), part, "model")


def test_any_other_refusal_is_passed_on(hub, fetcher, part):
    hub.answers[PATH] = [(418, {})]
    with pytest.raises(RefusedError, match="answered 418"):
        fetch_from_hub(fetcher, hub_source(), part, "model")


def test_the_address_is_the_public_hub_s_and_quoted(monkeypatch):
    monkeypatch.delenv("HF_ENDPOINT")
    source = HubSource("a/b", "refs/pr/1", "sub folder/model.bin")
    assert file_url(source) == "https://huggingface.co/a/b/resolve/refs%2Fpr%2F1/sub%20folder/model.bin"
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/hf/")
    assert file_url(source).startswith("https://mirror.example/hf/a/b/resolve/")
