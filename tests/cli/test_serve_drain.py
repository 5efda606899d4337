"""A server prints its address, serves there, and ends when told to: by SIGTERM as one that has done its work."""

import signal
import subprocess
import sys

import httpx
import pytest

ARGUMENTS = (sys.executable, "-m", "voiceagent", "serve", "--config", "scripted.yaml", "--set", "server.port=0")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_server_that_is_told_to_stop_ends_with_the_status_of_its_signal(number, status):
    with subprocess.Popen(ARGUMENTS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            url = next(line for line in process.stdout if "Ready" in line).split("at ")[1].split(" ")[0]
            assert httpx.get(f"{url}/ready").json()["ready"] is True
            process.send_signal(number)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == status, errors
    assert ("drained" in errors) == (number == signal.SIGTERM)
    assert "Traceback" not in errors


def test_ctrl_c_has_its_status_also_where_a_script_began_the_server_in_the_background():
    """A shell without job control has what it begins with `&` ignore SIGINT."""
    ignoring = ("sh", "-c", "trap '' INT; exec \"$@\"", "sh", *ARGUMENTS)
    with subprocess.Popen(ignoring, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert any("Ready" in line for line in process.stdout)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130, errors
    assert "Traceback" not in errors


def test_a_server_that_is_still_loading_ends_too():
    with subprocess.Popen(ARGUMENTS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert any("engine ready" in line for line in process.stderr)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0
