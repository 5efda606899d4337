"""The tables of docs/performance.md say what the reports say."""

import json
from pathlib import Path

import pytest

from benchmarks.form import REPOSITORY
from benchmarks.tables import PAGE, RESULTS, TABLES, Table, rewrite
from voiceagent.config.settings import ServerSettings


def test_the_tables_of_the_page_are_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert rewrite(page) == page, "run: python -m benchmarks.tables"


@pytest.mark.parametrize("name", TABLES)
def test_every_table_stands_on_the_page_and_shows_only_what_was_measured(name: str) -> None:
    assert f"<!-- table: {name} -->" in PAGE.read_text(encoding="utf-8")
    summary = json.loads((RESULTS / f"{TABLES[name].report}.json").read_text(encoding="utf-8"))["summary"]
    assert [key for _, key, _ in TABLES[name].rows if key not in summary] == []


def test_a_report_becomes_a_table_and_what_stands_around_it_stays(tmp_path: Path) -> None:
    report = {
        "summary": {"v2v_ms_p50": 1234.5, "wer_percent": None},
        "machine": {"cpu": "A processor", "cores": 2, "memory_gib": 4},
        "command": "python -m benchmarks.one",
        "started": "2026-01-02T03:04:05+00:00",
    }
    (tmp_path / "voice_to_voice.json").write_text(json.dumps(report), encoding="utf-8")
    page = "Before.\n<!-- table: voice_to_voice -->\nold\n<!-- end -->\nAfter.\n"
    written = rewrite(page, tmp_path)
    assert "median | 1,234.5 ms |" in written
    assert "word error rate | – % |" in written
    assert "`python -m benchmarks.one`, A processor, 2 cores, 4 GiB, 2026-01-02." in written
    assert written.startswith("Before.\n")
    assert written.endswith("<!-- end -->\nAfter.\n")
    assert "old" not in written
    assert rewrite(written, tmp_path) == written


def test_a_table_names_a_report() -> None:
    assert all(isinstance(table, Table) and table.rows for table in TABLES.values())


def test_the_readme_says_of_pauses_what_was_measured() -> None:
    summary = json.loads((RESULTS / "end_of_turn.json").read_text(encoding="utf-8"))["summary"]
    said = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    for key in ("sentences_cutoffs_300", "sentences_cutoffs_300_smart_turn", "cutoffs_300", "cutoffs_300_smart_turn"):
        assert f"{summary[f'{key}_percent']} %" in said, key


def test_the_page_on_security_says_what_an_open_connection_was_measured_to_take() -> None:
    summary = json.loads((RESULTS / "abuse.json").read_text(encoding="utf-8"))["summary"]
    held = ServerSettings().connections_per_address
    assert held == 100
    said = (REPOSITORY / "docs" / "security.md").read_text(encoding="utf-8")
    assert f"took {summary['rss_growth_mib_slow_headers'] * 1024 / held:.0f} kB each" in said
