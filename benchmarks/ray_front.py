"""Ray Serve with `deploy/ray_serve.py` on one machine, told what to do by lines on standard input.

Runs in an environment of its own, which has Ray (`tests/deploy/ray.txt`): `python benchmarks/ray_front.py PORT CONFIG`.
It says `ready`, and then answers each order with a line of JSON: `scale N [NAME=VALUE...]`, `replicas`, `running` and
`kill NAME`.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path
from threading import Thread
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "deploy"))

NAME = "voiceagent"
STORE_BYTES = 80 * 2**20
"""What Ray shares between processes: hardly anything here."""


def main(port: int, config: str, replicas: int) -> None:
    """Serve until standard input ends."""
    import ray
    from ray import serve

    folder = tempfile.mkdtemp(prefix="va")  # Ray's sockets lie there, and their paths must be short
    ray.init(
        num_cpus=8,
        include_dashboard=False,
        object_store_memory=STORE_BYTES,
        _temp_dir=folder,
        log_to_driver=False,
        configure_logging=False,
    )
    serve.start(http_options={"host": "127.0.0.1", "port": port}, logging_config={"log_level": "ERROR"})
    scale(config, str(replicas))
    say("ready")
    try:
        for line in sys.stdin:
            match line.split():
                case ["scale", number, *words]:
                    # It returns when callers have hung up; who asked looks at the replicas.
                    more = dict(word.split("=") for word in words)
                    Thread(target=scale, args=(config, number), kwargs=more, daemon=True).start()
                    say(number)
                case ["replicas"]:
                    say(states())
                case ["running"]:
                    say(running())
                case ["kill", name]:
                    actor = f"SERVE_REPLICA::{NAME}#{NAME}#{name}"
                    ray.kill(ray.get_actor(actor, namespace="serve"), no_restart=True)
                    say(name)
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def scale(config: str, replicas: str, **more: str) -> None:
    """Have so many replicas, or from so many to so many; return when they are there, and those that were taken away are
    gone."""
    from ray import serve
    from ray_serve import app

    arguments = {"config": config, "replicas": replicas, "cpus": "0.5", "longest_call_s": "120"}
    serve.run(app(arguments | more), name=NAME)


def states() -> dict[str, int]:
    """Return how many replicas are in each state."""
    from ray import serve

    states: Any = serve.status().applications[NAME].deployments[NAME].replica_states
    return {str(getattr(state, "value", state)): number for state, number in states.items()}


def running() -> list[str]:
    """Return the names of the replicas that take callers."""
    from ray.serve.context import _get_global_client
    from ray.serve.schema import ServeInstanceDetails

    details: Any = ServeInstanceDetails(**_get_global_client().get_serve_details())
    replicas = details.applications[NAME].deployments[NAME].replicas
    return [replica.replica_id for replica in replicas if getattr(replica.state, "value", replica.state) == "RUNNING"]


def say(what: object) -> None:
    """Write a line."""
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
