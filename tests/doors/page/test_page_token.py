"""The page of a server that asks for a token, in a real Chromium."""

from __future__ import annotations

import pytest
from page_fixture import FakeServer
from page_steps import Visit, connect
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

TOKEN = "a-token-of-the-tests"


def test_a_token_in_the_address_opens_every_call_leaves_the_address_and_stays_for_the_tab(
    visit: Visit, server: FakeServer
) -> None:
    server.token = TOKEN
    page = visit(url=f"{server.url}?token={TOKEN}&a=1#there")
    connect(page)
    server.candidates.get(timeout=20)
    assert page.url == f"{server.url}?a=1#there"
    assert TOKEN not in page.evaluate("JSON.stringify(history.state) + document.referrer + document.cookie")
    page.reload()  # the page goes on with its call by itself
    expect(page.locator("body")).to_have_attribute("data-state", "connected")
    assert len(server.offers) == 2
    other = page.context.new_page()
    other.goto(server.url)
    expect(other.get_by_label("Token")).to_be_visible()


def test_a_page_without_a_token_asks_for_one_and_says_when_it_is_wrong(visit: Visit, server: FakeServer) -> None:
    server.token = TOKEN
    page = visit()
    expect(page.locator("#notice-title")).to_have_text("This agent asks for a token")
    expect(page.get_by_label("Token")).to_be_focused()
    expect(page.get_by_label("Message to the agent")).to_be_hidden()
    assert page.get_by_label("Token").get_attribute("type") == "password"
    page.get_by_label("Token").fill("another-token-than-that")
    page.keyboard.press("Enter")
    expect(page.locator("#notice-title")).to_have_text("The token is not right")
    expect(page.get_by_role("button", name="Connect")).to_be_disabled()
    page.get_by_label("Token").fill(f" {TOKEN} ")
    page.get_by_role("button", name="Come in").click()
    expect(page.get_by_label("Token")).to_be_hidden()
    expect(page.locator("#notice")).to_be_hidden()
    expect(page.locator("#models")).to_contain_text("Moonshine tiny")
    connect(page)


def test_a_token_that_is_changed_while_the_page_is_open_is_asked_for_again(visit: Visit, server: FakeServer) -> None:
    server.token = TOKEN
    page = visit(url=f"{server.url}?token={TOKEN}")
    expect(page.locator("#models")).to_contain_text("Moonshine tiny")
    server.token = "the-token-of-tomorrow"
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("#notice-title")).to_have_text("The token is not right")
    expect(page.locator("body")).to_have_attribute("data-state", "idle")
    page.get_by_label("Token").fill(f"http://box.lan:7860/?token={server.token} (stop with Ctrl-C)")
    page.keyboard.press("Enter")
    connect(page)
