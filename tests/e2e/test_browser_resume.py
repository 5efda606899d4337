"""A call survives: a real Chromium with a real server, whose voice is recorded, and its words compared."""

import pytest
from browser import chromium, microphone, start_recording, stop_recording
from click.testing import CliRunner
from killable import free_port, server
from playwright.sync_api import expect
from test_browser_talk import connect

from benchmarks.served import serving
from voiceagent.cli.transcribe import transcribe
from voiceagent.text import word_error_rate

pytestmark = [pytest.mark.browser, pytest.mark.models, pytest.mark.realtime]

FACTS = (
    "The fox sleeps under the old tree. The river is cold in the winter. My brother bought a green bicycle. "
    "The train to the city leaves at noon. She plays the piano every evening. We had soup and bread for dinner."
)
WORDS = FACTS.split()
SETS = (f"session.greeting={FACTS}", "session.idle_s=0", "llm.temperature=0")
HEARD = """() => [...document.querySelectorAll("#entries > li.entry-agent")].map((entry) =>
    [...entry.querySelectorAll(".word.heard")].map((word) => word.textContent))"""
MOST_REPEATED = 3
"""Words in a second of this voice."""


def wait_for_words(page, count):
    page.wait_for_function(
        '(count) => document.querySelectorAll("#entries .word.heard").length >= count', arg=count, timeout=60_000
    )


def wait_for_the_end(page):
    """Wait until the agent has said everything, and return the words that were heard, entry by entry."""
    page.wait_for_function(
        """() => {
            const last = [...document.querySelectorAll("#entries > li.entry-agent")].at(-1);
            return last?.textContent.includes("dinner.") && document.body.dataset.floor === "none"
                && [...last.querySelectorAll(".word")].every((word) => word.matches(".heard"));
        }""",
        timeout=60_000,
    )
    page.wait_for_timeout(500)
    return page.evaluate(HEARD)


def errors_in(sound, words):
    """What a recogniser hears in a recording against the words that should be in it: errors, and of how many."""
    written = CliRunner().invoke(transcribe, [str(sound)]).output
    return word_error_rate(" ".join(words), written)


def test_a_page_that_is_loaded_again_hears_the_rest_of_the_answer(tmp_path):
    recording = microphone(tmp_path / "microphone.wav", 60.0)
    with serving(sets=SETS) as url, chromium(recording) as page:
        connect(page, url)
        wait_for_words(page, 8)
        page.reload()
        expect(page.locator("body")).to_have_attribute("data-state", "connected")
        start_recording(page)
        before, rest = wait_for_the_end(page)
        assert before == WORDS[: len(before)]
        assert 7 <= len(before) < 16
        assert rest == WORDS[len(before) :]
        errors, count = errors_in(stop_recording(page, tmp_path / "agent.webm"), rest)
        assert errors <= 0.2 * count
        page.screenshot(path=tmp_path / "page.png")


@pytest.mark.thorough
def test_a_server_that_is_killed_in_mid_sentence_goes_on_with_the_next_unheard_word(tmp_path):
    recording = microphone(tmp_path / "microphone.wav", 120.0)
    sets = (*SETS, f"session.store={tmp_path / 'kept' / 'conversations.sqlite'}")
    port, log = free_port(), tmp_path / "server.log"
    with chromium(recording) as page:
        with server(port, sets, log) as first:
            connect(page, first.ready().url)
            start_recording(page)
            wait_for_words(page, 10)
            first.kill()
        lost = stop_recording(page, tmp_path / "before.webm")
        with server(port, sets, log) as second:
            expect(page.locator("#entries .note")).to_contain_text("Connected again", timeout=120_000)
            assert "new conversation" not in page.locator("#entries .note").inner_text()
            start_recording(page)
            before, rest = wait_for_the_end(page)
            found = stop_recording(page, tmp_path / "after.webm")
            second.terminate()
    assert before == WORDS[: len(before)], "what was heard is the beginning"
    assert rest == WORDS[-len(rest) :], "what comes then goes on to the end"
    repeated = len(before) + len(rest) - len(WORDS)
    assert 0 <= repeated <= MOST_REPEATED, (before, rest)
    for sound, words in ((lost, before), (found, rest)):
        errors, count = errors_in(sound, words)
        assert errors <= max(2, 0.2 * count), words


@pytest.mark.thorough
def test_a_server_that_is_told_to_stop_lets_the_answer_end_and_the_page_goes_on_with_the_next(tmp_path):
    recording = microphone(tmp_path / "microphone.wav", 120.0)
    sets = (*SETS, "server.drain_s=60", f"session.store={tmp_path / 'kept' / 'conversations.sqlite'}")
    port, log = free_port(), tmp_path / "server.log"
    with chromium(recording) as page:
        with server(port, sets, log) as first:
            connect(page, first.ready().url)
            wait_for_words(page, 10)
            first.terminate()
            assert first.wait() == 0
            (heard,) = page.evaluate(HEARD)
            assert heard == WORDS
        with server(port, sets, log) as second:
            expect(page.locator("#entries .note")).to_contain_text("Connected again", timeout=120_000)
            assert "new conversation" not in page.locator("#entries .note").inner_text()
            page.get_by_label("Message to the agent").fill("Thank you.")
            page.get_by_role("button", name="Send").click()
            expect(page.locator("#entries > li.entry-agent")).to_have_count(2)
            second.terminate()
