"""The unit for systemd: one that systemd understands, and that starts what there is."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from voiceagent.cli.main import cli

UNIT = Path(__file__).parents[2] / "deploy" / "voiceagent.service"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_finds_no_fault_in_it(tmp_path: Path) -> None:
    unit = tmp_path / "voiceagent.service"
    unit.write_text(UNIT.read_text().replace("/opt/voiceagent/bin/voiceagent", sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_it_starts_is_a_command_with_these_options() -> None:
    line = next(line for line in UNIT.read_text().splitlines() if line.startswith("ExecStart="))
    program, command, *options = shlex.split(line.removeprefix("ExecStart="))
    assert program == "/opt/voiceagent/bin/voiceagent"
    told = CliRunner().invoke(cli, [command, "--help"]).output
    assert [option for option in options if option.startswith("--") and option not in told] == []
