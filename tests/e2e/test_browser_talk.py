"""A person talks to the agent: the real page in a real browser, the real server, real models, a recorded voice."""

import re

import pytest
from browser import chromium, microphone, start_recording, stop_recording
from click.testing import CliRunner
from playwright.sync_api import expect

from benchmarks.served import serving
from voiceagent.audio.files import read_audio
from voiceagent.audio.pcm import level_db
from voiceagent.cli.transcribe import transcribe
from voiceagent.text import word_error_rate

pytestmark = [pytest.mark.browser, pytest.mark.models, pytest.mark.realtime]

STEADY = ("llm.temperature=0", "session.idle_s=0")
MUTE = ("session.greeting=",)
LONG_GREETING = (
    "session.greeting=Welcome. I will tell you a rather long story about a boat on a quiet river, "
    "and you may interrupt me at any time you like, since I am only talking to be interrupted.",
)


@pytest.fixture(scope="module")
def mute():
    """The address of a server that greets nobody."""
    with serving(sets=[*STEADY, *MUTE]) as url:
        yield url


def connect(page, url):
    page.goto(url)
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("body")).to_have_attribute("data-state", "connected")


def texts(page, who):
    return [" ".join(text.split()) for text in page.locator(f"#entries > li.entry-{who} .said").all_text_contents()]


def wait_for_answers(page, count):
    """Wait until so many of the agent's entries are heard to the end."""
    page.wait_for_function(
        """(count) => {
            const said = [...document.querySelectorAll("#entries > li.entry-agent .said")];
            const over = (word) => word.matches(".heard") || word.closest(".cut");
            const whole = (p) => p.querySelector(".word") && [...p.querySelectorAll(".word")].every(over);
            return said.filter(whole).length >= count && document.body.dataset.floor === "none";
        }""",
        arg=count,
        timeout=60_000,
    )


def test_a_spoken_question_is_understood_and_answered_aloud(tmp_path, people, mute):
    clip = people[0]
    recording = microphone(tmp_path / "microphone.wav", 1.5, clip.pcm, 25.0)
    with chromium(recording) as page:
        connect(page, mute)
        start_recording(page)
        wait_for_answers(page, 1)
        page.wait_for_timeout(500)
        heard = read_audio(stop_recording(page, tmp_path / "agent.webm"))
        (question,), (answer,) = texts(page, "user"), texts(page, "agent")
        errors, count = word_error_rate(clip.text, question)
        assert errors <= 0.2 * count, question
        assert level_db(heard) > -40
        written = CliRunner().invoke(transcribe, [str(tmp_path / "agent.webm")]).output
        errors, count = word_error_rate(answer, written)
        assert errors <= max(3, 0.4 * count), (answer, written)
        number = page.locator("#v2v-number").inner_text()
        assert re.fullmatch(r"[\d,. ]+", number)
        page.screenshot(path=tmp_path / "page.png")


@pytest.mark.thorough
def test_the_second_turn_remembers_the_first(tmp_path, mute):
    recording = microphone(tmp_path / "microphone.wav", 60.0)
    with chromium(recording) as page:
        connect(page, mute)
        for number, text in enumerate(("I have a dog called Max.", "What is my dog called?"), 1):
            page.get_by_label("Message to the agent").fill(text)
            page.get_by_role("button", name="Send").click()
            wait_for_answers(page, number)
        assert "Max" in texts(page, "agent")[1]


@pytest.mark.thorough
def test_speaking_interrupts_the_agent_and_what_was_not_heard_is_struck_through(tmp_path, people):
    recording = microphone(tmp_path / "microphone.wav", 3.0, people[1].pcm, 25.0)
    with serving(sets=[*STEADY, *LONG_GREETING]) as url, chromium(recording) as page:
        connect(page, url)
        wait_for_answers(page, 2)
        greeting = page.locator("#entries > li.entry-agent").first
        assert greeting.locator(".cut .word").count() > 3
        assert greeting.locator(".tag").inner_text() == "interrupted"
        assert greeting.locator(".heard").first.inner_text() == "Welcome."
        assert texts(page, "user")


@pytest.mark.thorough
def test_the_page_comes_back_by_itself_when_the_server_does(tmp_path):
    recording = microphone(tmp_path / "microphone.wav", 60.0)
    with chromium(recording) as page:
        with serving(sets=[*STEADY, *MUTE]) as url:
            connect(page, url)
        expect(page.locator("body")).not_to_have_attribute("data-state", "connected")
        port = int(url.rsplit(":", 1)[1])
        with serving(sets=[*STEADY, *MUTE], port=port):
            expect(page.locator("body")).to_have_attribute("data-state", "connected", timeout=60_000)
            page.get_by_label("Message to the agent").fill("Hello again.")
            page.get_by_role("button", name="Send").click()
            wait_for_answers(page, 1)
