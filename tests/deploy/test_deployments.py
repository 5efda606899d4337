"""Compose and Kubernetes: valid by their own schemas, and of one mind with our settings, routes and metrics."""

import json
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from voiceagent.app.settings import load_settings
from voiceagent.doors.access.gate import PROBES
from voiceagent.trace.metrics import Metrics

DEPLOY = Path(__file__).parents[2] / "deploy"
SCRIPTS = Path(sysconfig.get_path("scripts"))
KUBERNETES = "1.37"
RESOURCES = sorted(path for path in (DEPLOY / "k8s").glob("*.yaml") if path.name != "kustomization.yaml")
MONITORING = DEPLOY / "monitoring"
TOKEN = "a-token-of-more-than-sixteen"
OF_PROMETHEUS = re.compile(r"_(bucket|sum|count|total)$")


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def filled(text: str, **variables: str) -> str:
    """Return a text of Compose with its variables filled in as Compose does it: ${NAME:-default}, ${NAME:?why}."""
    return re.sub(r"\$\{(\w+)(?::([-?])([^}]*))?\}", lambda found: variables.get(found[1]) or (found[3] or ""), text)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return read(DEPLOY / "compose.yaml")


def agents(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: service for name, service in compose["services"].items() if name.startswith("agent")}


# Compose


def test_compose_is_what_its_specification_says() -> None:
    command = [SCRIPTS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_nothing_starts_that_was_not_asked_for(compose: dict[str, Any]) -> None:
    assert {name: service["profiles"] for name, service in compose["services"].items()} == {
        "agent": ["cpu"],
        "agent-gpu": ["gpu"],
        "turn": ["turn"],
        "prometheus": ["monitoring"],
        "grafana": ["monitoring"],
    }


def test_the_agents_of_compose_are_locked_in_and_have_time_to_say_good_bye(compose: dict[str, Any]) -> None:
    for service in agents(compose).values():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["stop_grace_period"] == "60s"
        assert load_settings("cpu").settings.server.drain_s < 60


@pytest.mark.parametrize("given", [{}, {"TURN_URLS": '["turn:192.0.2.1:3478"]', "TURN_SECRET": "shared"}])
def test_voiceagent_takes_the_settings_of_compose(compose: dict[str, Any], given: dict[str, str]) -> None:
    for service in agents(compose).values():
        environment = {
            key: filled(value, VOICEAGENT_TOKEN=TOKEN, **given) for key, value in service["environment"].items()
        }
        _, _, config = (filled(word) for word in service["command"])
        settings = load_settings(config, environ=environment).settings
        assert (settings.server.host, settings.server.port, settings.server.token) == ("127.0.0.1", 7860, TOKEN)
        assert settings.server.turn.urls == tuple(json.loads(given.get("TURN_URLS", "[]")))


def test_compose_names_versions_and_files_that_are_there(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert not service["image"].endswith(":latest")
        assert ":" in service["image"]
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in compose["volumes"], source


@pytest.mark.parametrize("secret", ["", "shared"])
def test_a_relay_without_a_secret_does_not_start(compose: dict[str, Any], tmp_path: Path, secret: str) -> None:
    turnserver = tmp_path / "turnserver"
    turnserver.write_text('#!/bin/sh\necho "started: $*"; cat "$2"\n')
    turnserver.chmod(0o755)
    turn = compose["services"]["turn"]
    (script,) = (filled(word.replace("$$", "$").replace("/tmp/", f"{tmp_path}/")) for word in turn["command"])
    assert filled(turn["environment"]["TURN_SECRET"], TURN_SECRET=secret) == secret
    path = f"{tmp_path}:/usr/bin:/bin"
    given = {"PATH": path, "TURN_SECRET": secret}
    done = subprocess.run([*turn["entrypoint"], script], env=given, capture_output=True, text=True, check=False)
    if secret:
        assert f"started: -c {tmp_path}/turn.conf --use-auth-secret" in done.stdout
        assert f"static-auth-secret={secret}" in done.stdout.splitlines()
        assert (tmp_path / "turn.conf").stat().st_mode & 0o077 == 0
    else:
        assert (done.returncode, done.stdout) == (1, "")
        assert "Set TURN_SECRET" in done.stderr


# Kubernetes


@pytest.mark.parametrize("path", RESOURCES, ids=lambda path: path.stem)
def test_kubernetes_takes_it(path: Path) -> None:
    kubernetes_validate.validate(read(path), KUBERNETES, strict=True)


def test_a_misspelt_field_would_be_found() -> None:
    pod = read(DEPLOY / "k8s" / "statefulset.yaml")
    pod["spec"]["template"]["spec"]["terminationGraceSeconds"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pod, KUBERNETES, strict=True)


def test_kustomize_takes_every_file() -> None:
    kustomization = read(DEPLOY / "k8s" / "kustomization.yaml")
    assert sorted(kustomization["resources"]) == [path.name for path in RESOURCES]
    assert [image["name"] for image in kustomization["images"]] == ["voiceagent"]


def test_the_pod_is_locked_in_and_asked_for_what_the_server_answers() -> None:
    pod = read(DEPLOY / "k8s" / "statefulset.yaml")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == "voiceagent"
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert pod["securityContext"]["runAsUser"] == 10001
    asked = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")}
    assert set(asked.values()) <= PROBES
    # A server whose models load, or which is to end, is alive: it must not be killed for that.
    assert asked == {"startup": "/ready", "readiness": "/ready", "liveness": "/health"}


def test_voiceagent_takes_the_settings_of_the_pod() -> None:
    pod = read(DEPLOY / "k8s" / "statefulset.yaml")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    environment = {variable["name"]: variable.get("value", TOKEN) for variable in container["env"]}
    config = container["args"][container["args"].index("--config") + 1]
    settings = load_settings(config, environ=environment).settings
    assert settings.server.port == container["ports"][0]["containerPort"]
    assert settings.server.token == TOKEN
    assert settings.trace.log_format == "json"
    assert settings.server.drain_s < pod["terminationGracePeriodSeconds"], "it says good-bye before it is killed"
    assert settings.session.store is not None
    assert settings.session.store.is_relative_to("/data"), "on the volume that the next pod has"


# Prometheus and Grafana


def expressions(path: Path) -> list[str]:
    """Return the PromQL of alerts or of a dashboard."""
    if path.suffix == ".json":
        return [target["expr"] for panel in json.loads(path.read_text())["panels"] for target in panel["targets"]]
    return [rule["expr"] for group in read(path)["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("name", ["alerts.yaml", "dashboard.json"])
def test_every_metric_that_is_asked_for_exists(name: str) -> None:
    body, _ = Metrics().render()
    known = {OF_PROMETHEUS.sub("", name) for name in re.findall(r"^# TYPE (\w+)", body.decode(), re.MULTILINE)}
    asked = {name for text in expressions(MONITORING / name) for name in re.findall(r"\bvoiceagent_\w+", text)}
    assert asked
    assert {OF_PROMETHEUS.sub("", name) for name in asked} <= known


def test_the_alerts_are_those_of_the_documentation() -> None:
    page = (DEPLOY.parent / "docs" / "metrics.md").read_text().partition("## What to alert on")[2]
    told = re.findall(r"^\| `([^`]+)`", page, re.MULTILINE)
    assert expressions(MONITORING / "alerts.yaml") == told


def test_panels_have_names_and_places_of_their_own() -> None:
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    corners = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(corners) == len(panels)


def test_prometheus_asks_the_agent_of_compose(compose: dict[str, Any]) -> None:
    (job,) = read(MONITORING / "prometheus.yaml")["scrape_configs"]
    port = filled(agents(compose)["agent"]["environment"]["VOICEAGENT_SERVER__PORT"])
    assert job["static_configs"] == [{"targets": [f"127.0.0.1:{port}"]}]
    secret = compose["services"]["prometheus"]["secrets"][0]
    assert job["authorization"] == {"credentials_file": f"/run/secrets/{secret}"}
