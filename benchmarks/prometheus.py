"""A server's metrics at one moment, and what has grown between two. Knows no particular metric."""

from collections.abc import Iterator

import httpx
from prometheus_client.parser import text_string_to_metric_families


class Scrape:
    """Every sample of one `GET /metrics`."""

    def __init__(self, text: str) -> None:
        self._samples = [
            (sample.name, dict(sample.labels), sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        ]

    def value(self, name: str) -> float:
        """Return a metric's value, summed over its labels; 0 where it is not there."""
        return sum((value for _, value in self._named(name)), 0.0)

    def grown(self, name: str, earlier: "Scrape") -> float:
        """Return by how much a counter has grown."""
        return round(self.value(name) - earlier.value(name), 6)

    def quantile(self, histogram: str, quantile: float, earlier: "Scrape") -> float | None:
        """Return a quantile of what a histogram has seen since `earlier`: interpolated within its bucket, so no finer
        than its buckets are. The last finite limit for what lies beyond; None if it has seen nothing.
        """
        before, after = earlier._buckets(histogram), self._buckets(histogram)
        counts = [(limit, count - before.get(limit, 0.0)) for limit, count in sorted(after.items())]
        if not counts or counts[-1][1] == 0:
            return None
        wanted = quantile * counts[-1][1]
        low_limit, low_count = 0.0, 0.0
        for limit, count in counts:
            if count >= wanted and count > low_count:
                if limit == float("inf"):
                    return low_limit
                return low_limit + (limit - low_limit) * (wanted - low_count) / (count - low_count)
            low_limit, low_count = limit, count
        return low_limit

    def _buckets(self, histogram: str) -> dict[float, float]:
        buckets: dict[float, float] = {}
        for labels, value in self._named(f"{histogram}_bucket"):
            limit = float(labels["le"])
            buckets[limit] = buckets.get(limit, 0.0) + value
        return buckets

    def _named(self, name: str) -> Iterator[tuple[dict[str, str], float]]:
        return ((labels, value) for found, labels, value in self._samples if found == name)


def scrape(url: str) -> Scrape:
    """Ask a server for its metrics."""
    with httpx.Client(base_url=url, trust_env=False) as http:
        return Scrape(http.get("/metrics").raise_for_status().text)
