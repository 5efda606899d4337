"""The server of a soak: an agent with its own models, whose steps raise and hang at random; and what it takes.

    python -m benchmarks.soak_server --config cpu.yaml --seed 7 --every 20 --set server.max_sessions=32

Faults strike where the engine contract says that they may (docs/faults.md): in `Engine.run`. Besides, tools are called
that fail (`soak_tools.py`), and the wall clock jumps. Prints a line of JSON for each fault, and every few seconds one
for what the process takes; times are of the monotonic clock, which all processes of a machine share.
"""

import argparse
import asyncio
import json
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvicorn

from benchmarks.soak_tools import LASTS_S, TIMEOUT_S, TOOLS, Calling
from voiceagent.app.agent import Agent
from voiceagent.app.asgi import spare_what_stays
from voiceagent.app.engines import lanes_of
from voiceagent.app.settings import load_settings
from voiceagent.doors.app import create_app
from voiceagent.doors.connections import Connections
from voiceagent.doors.uvicorn import server_config

MARK = '{"soak": '
"""How its lines begin, among those of the log."""
SAMPLE_S = 5.0
HANG_S = 8.0
"""A step that hangs is given up after 5 s, or 20 times what was predicted for it."""
HANGS = 0.1
"""The share of hangs among the faults of steps: each costs everybody seconds."""
CLOCK_JUMP_S = 3600.0
CLOCK_JUMPS = 0.1
"""Their share among all faults."""
TOOL_FAULTS = 0.25
"""The share of tools that fail among the others."""


class SoakError(RuntimeError):
    """A step that was to fail."""


class Faults:
    """What breaks, one fault after the other, by a seed."""

    def __init__(self, agent: Agent, seed: int, every_s: float, tell: Callable[..., None]) -> None:
        self._fate = random.Random(seed)
        self._every_s = every_s
        self._tell = tell
        self._armed: dict[str, str] = {}
        self._clock_off_s = 0.0
        right = time.time
        time.time = lambda: right() + self._clock_off_s
        self._engines = lanes_of(agent.engines)
        for lane, engine in self._engines.items():
            vars(engine)["run"] = self._breaking(lane, engine.run)
        self._calling = Calling(self._tell_call)
        vars(agent.engines.llm)["open"] = self._calling.opening(agent.engines.llm.open)

    async def strike(self) -> None:
        """Break something now and then, for ever."""
        while True:
            await asyncio.sleep(self._fate.uniform(0.5, 1.5) * self._every_s)
            if self._fate.random() < CLOCK_JUMPS:
                self._jump()
                continue
            if self._fate.random() < TOOL_FAULTS:
                self._calling.armed = self._fate.choice(sorted(LASTS_S))
                continue
            lane = self._fate.choice(sorted(self._engines))
            self._armed[lane] = "hang" if self._fate.random() < HANGS else "raise"

    def _breaking(self, lane: str, run: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def broken(batch: Any) -> Any:
            kind = self._armed.pop(lane, None)
            if kind is None:
                return run(batch)
            self._tell(fault=f"{lane} {kind}", at=time.monotonic(), lasts_s=HANG_S if kind == "hang" else 0.0)
            if kind == "raise":
                raise SoakError(f"A step of {lane} was to fail.")
            time.sleep(HANG_S)  # on the lane's thread: a step that does not return
            return run(batch)

        return broken

    def _tell_call(self, tool: str) -> None:
        self._tell(fault=f"tool {tool}", at=time.monotonic(), lasts_s=LASTS_S[tool])

    def _jump(self) -> None:
        self._clock_off_s += self._fate.choice((-CLOCK_JUMP_S, CLOCK_JUMP_S))
        self._tell(fault="clock jump", at=time.monotonic(), lasts_s=0.0)


def taken(connections: Connections) -> dict[str, Any]:
    """Return what the process takes now."""
    status = Path("/proc/self/status").read_text()
    rss_kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return {
        "at": time.monotonic(),
        "rss_mb": round(rss_kib / 1024, 2),
        "fds": sum(1 for _ in Path("/proc/self/fd").iterdir()),
        "threads": threading.active_count(),
        "tasks": len(asyncio.all_tasks()),
        "callers": len(connections.connected),
    }


async def main(arguments: Sequence[str]) -> None:
    """Serve until Ctrl-C."""
    line = argparse.ArgumentParser(prog="python -m benchmarks.soak_server")
    line.add_argument("--config", default="cpu.yaml")
    line.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    line.add_argument("--seed", type=int, default=0)
    line.add_argument("--every", type=float, default=20.0, help="seconds between two faults, on average; 0: none")
    options = line.parse_args(arguments)
    settings = load_settings(options.config, options.set).settings
    agent = Agent(settings, tools=TOOLS, settings={"session.tool_timeout_s": TIMEOUT_S})
    connections = Connections(agent)
    app = create_app(agent, settings, connections)
    server = uvicorn.Server(
        server_config(app, settings.server, host=settings.server.host, port=settings.server.port, lifespan="off")
    )

    def tell(**words: Any) -> None:
        print(f"{MARK}{json.dumps(words)}}}", flush=True)

    async def sample() -> None:
        while True:
            tell(sample=taken(connections))
            await asyncio.sleep(SAMPLE_S)

    async with agent, app.router.lifespan_context(app):
        spare_what_stays()
        tasks = [asyncio.create_task(sample())]
        if options.every:
            tasks.append(asyncio.create_task(Faults(agent, options.seed, options.every, tell).strike()))
        await server.serve()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(sys.argv[1:]))
