"""A file of turns as a page: complete, harmless whatever is in it, and never refused for a line that is broken."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as some

from voiceagent.cli.main import cli
from voiceagent.testing import Conversation, run_virtual
from voiceagent.trace.jsonl import TurnFile
from voiceagent.trace.report import TurnsError, page, read_turns
from voiceagent.trace.report.waterfall import WORK


def weather(city: str) -> str:
    """Return the weather in a city."""
    return f"Sunny in {city}."


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("traces") / "turns.jsonl"

    async def main():
        async with Conversation("scripted.yaml", tools=[weather]) as talk:
            for words in ("what time is it?", "and the weather in Rome?", 'anything else, "dear" <b>agent</b>?'):
                await talk.says(words)
            file = TurnFile(path, log_text=True)
            for turn in talk.turns:
                file.append(turn)
            file.close()

    run_virtual(main())
    return path


class Reader(HTMLParser):
    """What a browser would find, and whether every element is closed."""

    VOID = ("meta",)

    def __init__(self):
        super().__init__()
        self.open, self.elements, self.attributes, self.words = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.elements.append(tag)
        self.attributes += attributes
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def read(html):
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def test_every_turn_is_there_with_every_stage_and_what_was_said(file):
    turns, skipped = read_turns(file)
    assert (len(turns), skipped) == (3, 0)
    reader = read(page(turns, file.name))
    words = " ".join(reader.words)
    assert reader.elements.count("section") == 3
    assert reader.elements.count("svg") == 3
    for stage in WORK:
        assert stage in words
    assert "tool weather" in words
    assert 'anything else, "dear" <b>agent</b>?' in words
    asked = [json.loads(line) for line in file.read_text().splitlines()]
    for turn in asked:
        assert f"{turn['voice_to_voice_ms']:,.0f} ms" in words


def test_the_page_runs_nothing_loads_nothing_and_its_policy_allows_no_more(file):
    html = page(read_turns(file)[0], file.name)
    reader = read(html)
    assert "script" not in reader.elements
    assert not any(name.startswith("on") or name in ("style", "src") for name, _ in reader.attributes)
    assert all(value.startswith("#") for name, value in reader.attributes if name == "href")
    style = re.search("<style>(.*?)</style>", html, re.DOTALL)[1]
    policy = re.search('Policy" content="(.*?)"', html)[1]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'"


def test_the_command_writes_the_page_beside_the_file_and_says_where(file, tmp_path):
    copy = tmp_path / "turns.jsonl"
    copy.write_bytes(file.read_bytes() + b'{"session": "half a li')
    said = CliRunner().invoke(cli, ["report", str(copy)])
    assert (said.exit_code, said.output) == (0, f"3 turns: {tmp_path / 'turns.html'}\n")
    assert "1 lines of the file are no turns." in (tmp_path / "turns.html").read_text()
    nobody = CliRunner().invoke(cli, ["report", str(copy), "--session", "nobody"])
    assert nobody.exit_code == 1
    assert "no turns of session nobody" in nobody.output


@pytest.mark.parametrize("content", [b"", b"\n\n", b"[]\n7\n", b"\xff\xfe\x00", b'{"session": 1}'])
def test_a_file_without_turns_is_refused_with_what_to_do(tmp_path, content):
    path = tmp_path / "empty.jsonl"
    path.write_bytes(content)
    with pytest.raises(TurnsError, match="a line of JSON each"):
        read_turns(path)
    with pytest.raises(TurnsError, match=r"cannot be read .* --set trace.jsonl=FILE"):
        read_turns(tmp_path / "nowhere")


json_values = some.recursive(
    some.none() | some.booleans() | some.floats() | some.integers() | some.text(max_size=20),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(data=some.data())
def test_a_page_can_be_made_of_turns_of_which_any_part_is_broken(file, tmp_path_factory, data):
    """Of a real turn, some values are replaced by any others."""
    turn = json.loads(file.read_text().splitlines()[1])
    for _ in range(data.draw(some.integers(1, 4))):
        place, keys = turn, list(turn)
        while keys:
            key = data.draw(some.sampled_from(keys))
            inner = place[key]
            keys = (
                list(inner) if isinstance(inner, dict) else list(range(len(inner))) if isinstance(inner, list) else []
            )
            if not keys or data.draw(some.booleans()):
                place[key] = data.draw(json_values)
                break
            place = inner
    path = tmp_path_factory.mktemp("broken") / "turns.jsonl"
    path.write_text(json.dumps(turn) + "\n" + file.read_text().splitlines()[0])
    turns, _ = read_turns(path)
    read(page(turns, "broken").encode("utf-8", "replace").decode())
