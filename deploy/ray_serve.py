"""voiceagent on Ray Serve: replicas of the one-GPU process behind one address, as many as there are callers for.

    serve run ray_serve:app config=rtx5090.yaml gpus=1 replicas=2-8 calls=8        # in this folder

Each replica is a whole `voiceagent serve`: its own models, its own admission, its own UDP sockets. Serve carries HTTP
and WebSockets to it, and no sound of WebRTC. What is added here is what Serve cannot know (docs/scale-out.md):

- the router sends a newcomer to the replica with the most room, and a client that names one (X-Session-Id) to that one;
- a newcomer whom a replica refuses all the same is taken to another one, once;
- every WebRTC call is one request that stays open, so that autoscaling and scale-down count callers.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AsyncExitStack, suppress
from typing import Any

from ray import serve
from ray.serve.config import RequestRouterConfig
from ray.serve.request_router import RequestRouter

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Answer = tuple[int, list[tuple[bytes, bytes]], bytes]

NOT = "!"
"""Before the name of a replica in a session id: any other one."""
LOOK_S = 0.25
"""How often it is looked who has come and who has gone."""
STATS_S = 0.5
"""How often the router learns how many callers a replica has; what it sent there meanwhile it counts itself."""
LOST_S = 2.0
"""How often it is looked whether a replica has died, so that another takes its place."""
ELSEWHERE_S = 5.0
"""How long another replica may take to answer a newcomer whom this one has refused."""
MOST_BODY = 256_000
"""A longer request is no offer, and is not sent to another replica."""


class Front:
    """The application in one replica: built when the replica starts, drained when it ends."""

    def __init__(self) -> None:
        context = serve.get_replica_context()
        self.name = context.replica_id.unique_id
        self.callers = 0
        self.most = 1
        self._over: dict[str, asyncio.Event] = {}
        """By call that a request is held open for."""
        self._handle = serve.get_deployment_handle(context.deployment, context.app_name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the replica's life."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http" and scope["method"] == "POST":
            await self._post(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def take(self, scope: Scope, body: bytes) -> Answer:
        """Answer a request that another replica has refused."""
        return await _answered(self._app, scope, body)

    async def hold(self, call: str) -> None:
        """Return when a call is over."""
        if (over := self._over.get(call)) is not None:
            await over.wait()

    async def _live(self, receive: Receive, send: Send) -> None:
        from voiceagent import Agent
        from voiceagent.app.settings import load_settings
        from voiceagent.doors.app import create_app
        from voiceagent.doors.connections import Connections
        from voiceagent.doors.draining import drain

        await receive()
        settings = load_settings(os.environ.get("VOICEAGENT_CONFIG", "cpu.yaml")).settings
        agent = Agent(settings, settings={"server.replica": self.name})
        self._connections = Connections(agent)
        self._app = create_app(agent, agent.settings, self._connections)
        async with AsyncExitStack() as stack:
            stack.callback(agent.close)
            await stack.enter_async_context(self._app.router.lifespan_context(self._app))
            await agent.start()
            watching = asyncio.create_task(self._watch(agent))
            stack.callback(watching.cancel)
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await drain(self._connections, settings.server.drain_s)
        await send({"type": "lifespan.shutdown.complete"})

    async def _watch(self, agent: Any) -> None:
        """Count the callers, and have a request held open for each call whose sound does not come by a request."""
        from voiceagent.doors.webrtc.peer import Peer

        holding: set[asyncio.Task[None]] = set()
        while True:
            connected = {connection.id: connection for connection in self._connections.connected}
            capacity = agent.capacity()
            self.callers = len(connected)
            self.most = capacity.most if capacity.callers is None else min(capacity.most, capacity.callers)
            for call, connection in connected.items():
                if isinstance(connection, Peer) and call not in self._over:
                    self._over[call] = asyncio.Event()
                    holding.add(asyncio.create_task(self._hold(call)))
            for call in self._over.keys() - connected.keys():
                self._over.pop(call).set()
            holding = {task for task in holding if not task.done()}
            await asyncio.sleep(LOOK_S)

    async def _hold(self, call: str) -> None:
        with suppress(Exception):  # a replica that is being taken away gets no more requests: it drains
            await self._handle.options(method_name="hold", session_id=self.name).remote(call)

    async def _post(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a POST; one that is refused for want of room goes to another replica, if that has more to say."""
        body, more = b"", True
        while more and len(body) <= MOST_BODY:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message.get("body", b""), message.get("more_body", False)
        if more:
            await self._app(scope, _again(body, receive), send)
            return
        refused: list[MutableMapping[str, Any]] = []

        async def unless_refused(message: MutableMapping[str, Any]) -> None:
            if refused or (message["type"] == "http.response.start" and message["status"] == 503):
                refused.append(message)
            else:
                await send(message)

        await self._app(scope, _again(body, receive, last=True), unless_refused)
        if not refused:
            return
        answer = await self._elsewhere(scope, body)
        if answer is None or answer[0] == 503:
            for message in refused:
                await send(message)
            return
        status, headers, content = answer
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _elsewhere(self, scope: Scope, body: bytes) -> Answer | None:
        plain = {key: scope[key] for key in ("type", "method", "path", "raw_path", "query_string", "headers", "scheme")}
        plain |= {key: scope.get(key) for key in ("http_version", "root_path", "client", "server")}
        try:
            handle = self._handle.options(method_name="take", session_id=NOT + self.name)
            async with asyncio.timeout(ELSEWHERE_S):
                answer: Answer = await handle.remote(plain, body)
        except Exception:  # no other replica, or one that has just ended: the refusal stands
            return None
        return answer


def _again(body: bytes, receive: Receive, *, last: bool = False) -> Receive:
    """Return a `receive` that gives what was read already first."""
    read = False

    async def again() -> MutableMapping[str, Any]:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": body, "more_body": not last}

    return again


async def _answered(app: Any, scope: Scope, body: bytes) -> Answer:
    """Return what an application answers."""
    status, headers, content = 500, list[tuple[bytes, bytes]](), b""
    never = asyncio.Event()

    async def receive() -> MutableMapping[str, Any]:
        await never.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal status, headers, content
        if message["type"] == "http.response.start":
            status, headers = message["status"], [(bytes(key), bytes(value)) for key, value in message["headers"]]
        elif message["type"] == "http.response.body":
            content += message.get("body", b"")

    await app({**scope, "state": {}}, _again(body, receive, last=True), send)
    return status, headers, content


_front: Front | None = None
"""The application of this process: a replica has a process of its own."""


def _build() -> Front:
    global _front
    _front = Front()
    return _front


class CallRouter(RequestRouter):
    """A newcomer goes to the replica with the most room; a client that names a replica goes to that one."""

    def initialize_state(self, **_: Any) -> None:
        """Begin: nothing has been sent anywhere."""
        self._sent: dict[str, list[float]] = {}

    async def choose_replicas(self, candidate_replicas: list[Any], pending_request: Any = None) -> list[list[Any]]:
        """Return the replicas to try, in this order."""
        wanted = pending_request.metadata.session_id if pending_request is not None else ""
        by_room = [[replica] for replica in sorted(candidate_replicas, key=self._room, reverse=True)]
        if wanted.startswith(NOT):
            # Serve asks again and again when it gets none: without another one, who has refused refuses once more.
            others = [each for each in by_room if each[0].replica_id.unique_id != wanted.removeprefix(NOT)]
            return others or by_room
        named = [replica for replica in candidate_replicas if wanted and replica.replica_id.unique_id == wanted]
        return [named] if named else by_room

    def on_request_routed(self, pending_request: Any, replica_id: Any, result: Any) -> None:
        """Count a newcomer until the replica's own number has them."""
        if not pending_request.metadata.session_id:
            self._sent.setdefault(replica_id.unique_id, []).append(time.monotonic())

    def _room(self, replica: Any) -> int:
        now, stats = time.monotonic(), replica.routing_stats or {}
        recent = [at for at in self._sent.get(replica.replica_id.unique_id, []) if now - at < 2 * STATS_S]
        self._sent[replica.replica_id.unique_id] = recent
        return int(stats.get("most", 1)) - int(stats.get("callers", 0)) - len(recent)


@serve.ingress(_build)
class Replica:
    """One replica, as Serve knows it."""

    def record_routing_stats(self) -> dict[str, int]:
        """Return what the router goes by."""
        return {} if _front is None else {"callers": _front.callers, "most": _front.most}

    async def take(self, scope: Scope, body: bytes) -> Answer:
        """Answer a request that another replica has refused."""
        assert _front is not None
        return await _front.take(scope, body)

    async def hold(self, call: str) -> None:
        """Return when a call is over."""
        assert _front is not None
        await _front.hold(call)


def app(arguments: dict[str, str]) -> Any:
    """Return the application for `serve run` or `serve.run`.

    `config` is a settings file (cpu.yaml), `gpus` and `cpus` what a replica takes of its machine, `replicas` their
    number or range (1, or 1-8), `calls` how many callers a replica should have before there is another (4). For so
    long there must be more callers than that for another one (`up_after_s`, 10), or fewer for one to be taken away
    (`down_after_s`, 300); it waits for its callers, at most `longest_call_s` (3600). Environment variables
    VOICEAGENT_... are passed on.
    """
    fewest, _, most = arguments.get("replicas", "1").partition("-")
    variables = {name: value for name, value in os.environ.items() if name.startswith("VOICEAGENT_")}
    variables |= {"VOICEAGENT_CONFIG": arguments["config"]} if "config" in arguments else {}
    number: dict[str, Any] = {"num_replicas": int(fewest)}
    if most:
        scaling = {
            "min_replicas": int(fewest),
            "max_replicas": int(most),
            "target_ongoing_requests": float(arguments.get("calls", "4")),
            "upscale_delay_s": float(arguments.get("up_after_s", "10")),
            "downscale_delay_s": float(arguments.get("down_after_s", "300")),
            "metrics_interval_s": 1.0,
            "look_back_period_s": 5.0,  # calls come and go one by one: there is little to smooth
        }
        number = {"autoscaling_config": scaling}
    deployment = serve.deployment(
        Replica,
        name="voiceagent",
        max_ongoing_requests=10_000,  # admission refuses, with words; Serve would let wait
        graceful_shutdown_timeout_s=float(arguments.get("longest_call_s", "3600")),
        graceful_shutdown_wait_loop_s=1.0,
        health_check_period_s=LOST_S,
        ray_actor_options={
            "num_cpus": float(arguments.get("cpus", "1")),
            "num_gpus": float(arguments.get("gpus", "0")),
            "runtime_env": {"env_vars": variables},
        },
        request_router_config=RequestRouterConfig(
            request_router_class=CallRouter,
            request_routing_stats_period_s=STATS_S,
            request_routing_stats_timeout_s=10 * STATS_S,
        ),
        **number,
    )
    return deployment.bind()
