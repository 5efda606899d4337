"""docs/metrics.md lists what a Prometheus finds, and nothing else."""

import re
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from voiceagent.trace.metrics import Metrics

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(voiceagent_\w+)` \| (\w+) \|(.*?)\| .+ \|$", re.MULTILINE)


def documented() -> dict[str, tuple[str, list[str]]]:
    """Return type and labels by name, as the page has them."""
    return {name: (kind, re.findall(r"`(\w+)`", labels)) for name, kind, labels in ROW.findall(PAGE)}


def counted() -> dict[str, tuple[str, list[str]]]:
    """Return type and labels by the name that is scraped."""
    metrics = [value for value in vars(Metrics()).values() if isinstance(value, MetricWrapperBase)]
    return {
        metric._name + ("_total" if metric._type == "counter" else ""): (metric._type, list(metric._labelnames))
        for metric in metrics
    }


def test_every_metric_is_on_the_page_with_its_type_and_labels() -> None:
    assert documented() == counted()


def test_the_page_advises_on_metrics_that_exist() -> None:
    named = {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"voiceagent_[a-z_]+", PAGE)}
    assert named == set(counted())
