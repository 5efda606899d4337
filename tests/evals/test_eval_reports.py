"""Reports: a table and dialogues, JUnit, and a page that needs nothing else."""

import base64
import io
import re
from xml.etree import ElementTree

import av
import pytest
from click.testing import CliRunner

from voiceagent.cli.main import cli

WRONG = """
name: <wrong> & loud
set: {session.greeting: "", session.idle_s: 0}
turns:
  - user: Hello.
    expect:
      - says: good-bye
        judged: The agent is polite.
"""


@pytest.fixture
def ran(tmp_path):
    """Evaluate one scenario that passes and one that fails; return the result and the folder."""
    (tmp_path / "wrong.yaml").write_text(WRONG)
    reports = ["--junit", str(tmp_path / "r.xml"), "--html", str(tmp_path / "r.html")]
    result = CliRunner().invoke(cli, ["evaluate", "cough", str(tmp_path / "wrong.yaml"), *reports])
    return result, tmp_path


def test_the_terminal_shows_a_line_each_and_the_dialogue_of_what_failed(ran):
    result, folder = ran
    assert result.exit_code == 1
    assert re.search(r"^ok   cough +6 of 6 +13\.\d s +answers after 5\d\d ms$", result.output, re.MULTILINE)
    assert re.search(r"^FAIL <wrong> & loud +1 of 2", result.output, re.MULTILINE)
    place = f"{folder / 'wrong.yaml'}:7"
    assert (
        f"{place}: expect: the agent said 'You said: Hello. That was turn one.', which does not contain"
        in result.output
    )
    assert re.search(r"0\.10  user   Hello\.$", result.output, re.MULTILINE)
    assert "(coughs)" not in result.output
    assert result.output.rstrip().splitlines()[-1].startswith("1 of 2 passed, 1 expectations were not looked at")


def test_junit_names_each_case_its_failure_and_what_was_not_looked_at(ran):
    suite = ElementTree.parse(ran[1] / "r.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", "1", "0")
    cough, wrong = suite.findall("testcase")
    assert (cough.get("classname"), cough.get("name"), len(cough)) == ("cough", "cough", 0)
    assert wrong.get("name") == "<wrong> & loud"
    assert "does not contain 'good-bye'" in wrong.find("failure").get("message")
    assert "user   Hello." in wrong.find("failure").text
    assert "'The agent is polite.' was not judged" in wrong.find("system-out").text


def test_the_page_needs_nothing_else_and_plays_every_conversation(ran):
    page = (ran[1] / "r.html").read_text()
    assert not re.search(r"https?://|<link|src=\"(?!data:)|@import", page)
    assert "&lt;wrong&gt; &amp; loud" in page
    assert "<wrong>" not in page
    sounds = [base64.b64decode(data) for data in re.findall(r'src="data:audio/mpeg;base64,([^"]+)"', page)]
    assert len(sounds) == 2
    with av.open(io.BytesIO(sounds[0])) as cough:
        seconds = sum(frame.samples / frame.sample_rate for frame in cough.decode(audio=0))
    assert seconds == pytest.approx(14.2, abs=0.3)


def test_what_passes_ends_well_and_several_runs_have_a_line_each(tmp_path):
    result = CliRunner().invoke(cli, ["evaluate", "greeting", "--repeat", "2", "--seed", "3"])
    assert result.exit_code == 0, result.output
    assert "(repetition 2)" in result.output
    assert result.output.endswith("2 of 2 passed\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.yaml"], "nowhere.yaml: there is no such file"),
        (["greeting", "--junit", "nowhere/r.xml"], "Cannot write nowhere/r.xml"),
        (["greeting", "--judge", "agent"], "add --real"),
        (["greeting", "--url", "http://127.0.0.1:9"], "There is no server at http://127.0.0.1:9"),
        (["greeting", "--real", "--url", "http://127.0.0.1:9"], "give one of them"),
        (["greeting", "--config", "no.yaml"], "no.yaml"),
    ],
)
def test_what_cannot_be_done_says_so(arguments, message):
    result = CliRunner().invoke(cli, ["evaluate", *arguments])
    assert result.exit_code in (1, 2)
    assert message in result.output
    assert "Traceback" not in result.output
