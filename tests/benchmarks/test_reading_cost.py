"""The benchmark of reading: it times every sentence, and sums up the slowest."""

import json

from benchmarks import reading


def test_a_quick_run_reports_every_sentence(tmp_path, capsys):
    file = tmp_path / "reading.json"
    assert reading.main(["--quick", "--json", str(file)]) == 0
    report = json.loads(file.read_text())
    assert [row["text"] for row in report["samples"]["dense"]] == list(reading.DENSE)
    slowest = max(row["read_ms"] for row in report["samples"]["plain"])
    assert report["summary"]["plain_ms_max"] == slowest > 0
    assert "dense_ms_max" in capsys.readouterr().out


def test_the_slowest_counts():
    samples = {"plain": [{"read_ms": ms, "push_ms": 2 * ms} for ms in (0.2, 0.9, 0.1)]}
    assert reading.summarise(samples) == {"plain_ms_p50": 0.2, "plain_ms_max": 0.9, "first_segment_ms_max": 1.8}
