"""A server that has a name among several says so with every answer."""

import pytest
from starlette.testclient import TestClient

from voiceagent import Agent
from voiceagent.config.errors import ConfigError


def named(name="one"):
    return TestClient(Agent("scripted.yaml", settings={"server.replica": name}).asgi(), base_url="http://localhost")


def test_its_name_comes_with_every_answer_and_as_a_cookie_until_the_client_has_it():
    client = named()
    first = client.get("/health")
    assert first.headers["x-session-id"] == "one"
    assert first.headers["set-cookie"] == "voiceagent_replica=one; Path=/; HttpOnly; SameSite=Lax"
    again = client.get("/health")
    assert (again.headers["x-session-id"], again.headers.get("set-cookie")) == ("one", None)


def test_a_client_that_comes_from_another_server_gets_this_ones_name():
    client = named()
    client.cookies.set("voiceagent_replica", "two")
    assert "voiceagent_replica=one" in client.get("/health").headers["set-cookie"]


def test_a_refusal_changes_no_cookie():
    client = named()
    client.cookies.set("voiceagent_replica", "two")
    refused = client.get("/ready")
    assert refused.status_code == 503, "the models are not loaded"
    assert refused.headers["x-session-id"] == "one"
    assert "set-cookie" not in refused.headers


def test_a_server_by_itself_says_nothing():
    assert "x-session-id" not in named("").get("/health").headers


@pytest.mark.parametrize("name", ["a.b", "a b", "ä", "x" * 41])
def test_a_name_that_no_id_or_header_can_hold_is_refused(name):
    with pytest.raises(ConfigError, match=r"server\.replica"):
        named(name)
