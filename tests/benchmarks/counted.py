"""What a server is scraped for by the load client, made up."""

from benchmarks.prometheus import Scrape


def counted(lags=(0, 0, 0), underruns=0, cpu=1.0, slowness=1.0):
    """Return a scrape with so many lags within 5 ms, within 10 ms and beyond."""
    buckets = {"0.005": lags[0], "0.01": lags[0] + lags[1], "+Inf": sum(lags)}
    return Scrape(
        "\n".join(
            [
                "# TYPE voiceagent_loop_lag_seconds histogram",
                *(f'voiceagent_loop_lag_seconds_bucket{{le="{limit}"}} {count}' for limit, count in buckets.items()),
                f"voiceagent_loop_lag_seconds_count {sum(lags)}",
                "voiceagent_loop_lag_seconds_sum 1",
                "# TYPE voiceagent_underruns_total counter",
                f"voiceagent_underruns_total {underruns}",
                "# TYPE voiceagent_step_slowness gauge",
                f"voiceagent_step_slowness {slowness}",
                "# TYPE process_cpu_seconds_total counter",
                f"process_cpu_seconds_total {cpu}\n",
            ]
        )
    )


def a_question(v2v_ms, stalls_ms=(), sent_at=100.5, outcome="completed"):
    """Return what a caller reports of a question."""
    return {"v2v_ms": v2v_ms, "stalls_ms": list(stalls_ms), "sent_at": sent_at, "outcome": outcome}


def a_level(callers, waits, **changes):
    """Return what was seen of so many callers who waited so long for answers."""
    return {
        "callers": callers,
        "admitted": callers,
        "underruns": 0,
        "late_packets": 0,
        "server_cpu_percent": 50.0,
        "callers_cpu_percent": 20.0,
        "gpu_percent": None,
        "gpu_memory_mib": None,
        "loop_lag_ms_p99": 4.0,
        "errors": [],
        "questions": [a_question(wait) for wait in waits],
        **changes,
    }
