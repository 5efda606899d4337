"""A real Chromium whose microphone plays recordings of people, and whose page can be listened to."""

import base64
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from voiceagent.audio.files import resample, write_wav
from voiceagent.audio.pcm import Pcm

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
)
RATE = 48_000
RECORD = """() => {
    const recorder = new MediaRecorder(document.querySelector("#sound").srcObject);
    const pieces = [];
    recorder.ondataavailable = (event) => pieces.push(event.data);
    window.recording = () => new Promise((resolve) => {
        recorder.onstop = () => {
            const reader = new FileReader();
            reader.onload = () => resolve(reader.result.split(",")[1]);
            reader.readAsDataURL(new Blob(pieces));
        };
        recorder.stop();
    });
    recorder.start();
}"""


def microphone(path: Path, *parts: float | Pcm) -> Path:
    """Write what the microphone hears: seconds of silence, and 16 kHz speech."""
    silence = [np.zeros(round(16_000 * part), np.float32) if isinstance(part, int | float) else part for part in parts]
    write_wav(path, resample(np.concatenate(silence), 16_000, RATE), RATE)
    return path


@contextmanager
def chromium(recording: Path):
    """Give a page of a Chromium that hears the recording once, from the moment it opens its microphone."""
    sync_api = pytest.importorskip("playwright.sync_api")
    if not Path(CHROMIUM).exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    sync_api.expect.set_options(timeout=30_000)
    with sync_api.sync_playwright() as playwright:
        flags = [*FLAGS, f"--use-file-for-fake-audio-capture={recording}%noloop"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        try:
            yield page
            assert errors == []
        finally:
            browser.close()


def start_recording(page):
    """Record what the page plays, from now on."""
    page.evaluate(RECORD)


def stop_recording(page, path: Path) -> Path:
    """End the recording and save it."""
    path.write_bytes(base64.b64decode(page.evaluate("window.recording()")))
    return path
