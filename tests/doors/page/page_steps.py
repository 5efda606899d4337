"""What the tests of the page do and see again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

Visit = Callable[..., Page]


def connect(page: Page) -> Page:
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("body")).to_have_attribute("data-state", "connected")
    return page


def user(turn: int, text: str, *, final: bool) -> dict[str, Any]:
    return {"type": "user.final" if final else "user.partial", "turn": turn, "text": text}


def messages(script: list[tuple[float, dict[str, Any]]]) -> list[dict[str, Any]]:
    return [message for _, message in script]


def state(page: Page) -> str | None:
    return page.locator("body").get_attribute("data-state")


def said(page: Page) -> list[str]:
    """The transcript, entry by entry, as a screen reader would say it."""
    return [" ".join(text.split()) for text in page.locator("#entries > li").all_text_contents()]


INK = """(canvas, [from, to]) => {
    const at = (share) => Math.round(canvas.width * share);
    const { data } = canvas.getContext("2d").getImageData(at(from), 0, at(to) - at(from), canvas.height);
    let ink = 0;
    for (let pixel = 3; pixel < data.length; pixel += 4) ink += data[pixel] > 24;
    return ink / (data.length / 4);
}"""
LEFT, RIGHT = [0.0, 0.4], [0.6, 1.0]


def wait_for_ink(page: Page, canvas: str, part: list[float], more_than: float) -> None:
    page.wait_for_function(
        f"([part, limit]) => ({INK})(document.querySelector({canvas!r}), part) > limit", arg=[part, more_than]
    )
