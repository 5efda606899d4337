"""`voiceagent serve` and who may come in: what it asks for before it starts, and what it prints."""

import os
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from certificates import write_pair
from in_process import run

COMMAND = [sys.executable, "-m", "voiceagent"]
SCRIPTED = ("--config", "scripted.yaml", "--set", "server.port=0")
TOKEN = "a-token-of-the-tests"


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("server.host=0.0.0.0", "VOICEAGENT_TOKEN="),
        ("server.hosts=[voice.example.org]", "--set server.open=true"),
        ("server.token=guessed", "server.token: should be at least 16 of the characters"),
        ("server.token_file=absent", "absent cannot be read (No such file"),
        ("server.tls_cert=absent.crt", "needs tls_cert and tls_key together, and tls_key is not set"),
    ],
)
def test_a_server_that_must_not_start_so_says_what_to_do_before_anything_is_loaded(setting: str, words: str) -> None:
    done = run("serve", *SCRIPTED, "--set", setting, VOICEAGENT_TOKEN="")
    assert done.exit_code == 1
    assert words in done.stderr
    assert "guessed" not in done.stderr
    assert "engine ready" not in done.stderr


def test_the_wrong_key_is_noticed_before_anything_is_loaded(tmp_path: Path) -> None:
    pair = write_pair(tmp_path) | {"tls_key": write_pair(tmp_path, "other")["tls_key"]}
    done = run("serve", *SCRIPTED, *(word for name in pair for word in ("--set", f"server.{name}={pair[name]}")))
    assert done.exit_code == 1
    assert "is not the key of the certificate" in done.stderr
    assert "engine ready" not in done.stderr


def test_the_address_that_is_printed_opens_the_page_with_the_token_which_is_in_no_log(tmp_path: Path) -> None:
    pair = write_pair(tmp_path)
    sets = ["server.host=0.0.0.0", *(f"server.{name}={path}" for name, path in pair.items())]
    with subprocess.Popen(
        [*COMMAND, "serve", *SCRIPTED, *(word for item in sets for word in ("--set", item))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "VOICEAGENT_TOKEN": TOKEN},
    ) as process:
        try:
            url = process.stdout.readline().split("at ")[1].split(" ")[0]
            assert url.startswith("https://localhost:")
            assert TOKEN not in url  # this is no terminal: what is printed is kept somewhere
            trusting = ssl.create_default_context(cafile=pair["tls_cert"])
            with httpx.Client(verify=trusting) as http:
                assert http.get(f"{url}/?token={TOKEN}").status_code == 200
                assert http.get(f"{url}/page/config?token={TOKEN}").json()["name"] == "voiceagent"
                assert http.get(f"{url}/page/config").status_code == 401
        finally:
            process.terminate()
        _, errors = process.communicate(timeout=60)
    assert "reason=no_token path=/page/config" in errors
    assert TOKEN not in errors


def test_a_token_of_the_environment_is_shown_hidden_and_empty_is_none() -> None:
    shown = run("config", "--show", *SCRIPTED[:2], VOICEAGENT_TOKEN=TOKEN).stdout
    (line,) = [line for line in shown.splitlines() if line.strip().startswith("token:")]
    assert line.split() == ["token:", '"(hidden)"', "#", "environment", "VOICEAGENT_TOKEN"]
    (line,) = [line for line in run("config", "--show", *SCRIPTED[:2]).stdout.splitlines() if " token:" in line]
    assert line.split() == ["token:", "null", "#", "default"]
