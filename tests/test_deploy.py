"""What is delivered to run it with: each file can be read by whom it is for, and what it refers to exists."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from textwrap import dedent
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from real_caddy import CADDYFILE, ROOT, caddy, surroundings

from bridge.config import load

DEPLOY = ROOT / "deploy"
#: with SQLite and one process; with PostgreSQL and several
COMPOSES = (DEPLOY / "compose.yaml", DEPLOY / "compose.postgres.yaml")
CLUSTERS = (DEPLOY / "kubernetes.yaml", DEPLOY / "kubernetes.postgres.yaml")
UNIT = DEPLOY / "systemd" / "chat2crm.service"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
#: of the compose files themselves, read from the .env beside them
ITS_OWN = {
    "compose.yaml": {"DOMAIN", "CHAT2CRM_IMAGE"}, "compose.postgres.yaml": {"DOMAIN", "CHAT2CRM_IMAGE", "POSTGRES_PASSWORD"},
}  # fmt: skip


def example_variables() -> set[str]:
    """Those of config.example.yaml that are not in a comment."""
    text = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
    lines = [line.split(" #")[0] for line in text.splitlines() if not line.lstrip().startswith("#")]
    return set(re.findall(r"\$\{([A-Z_0-9]+)\}", "\n".join(lines)))


def port_of(listener: str) -> int:
    text = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
    example: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{[^}]*\}", "x", text))
    return int(example[listener]["port"])


# -- Caddy -------------------------------------------------------------------------------------------------------------


def test_caddy_takes_its_file_and_finds_it_well_formed(tmp_path: Path) -> None:
    surrounding = surroundings(tmp_path, domain="bridge.yourcompany.com", upstream="chat2crm:8080")
    done = subprocess.run([caddy(), "validate", "--config", str(CADDYFILE), "--adapter", "caddyfile"], env=surrounding,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    formatted = subprocess.run([caddy(), "fmt", str(CADDYFILE)], env=surrounding, capture_output=True, text=True, check=False)
    assert formatted.stdout == CADDYFILE.read_text(encoding="utf-8")


def test_no_log_of_caddys_holds_an_address_or_a_header() -> None:
    text = CADDYFILE.read_text(encoding="utf-8")
    logs = re.findall(r"log(?: default)? \{.*?\n\t*\}\n\t*\}\n", text, flags=re.DOTALL)
    assert len(logs) == 2, "the access log, and the one in which Caddy speaks of what failed"
    for one in logs:
        assert "request>uri delete" in one
        assert "request>headers delete" in one


# -- compose -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=COMPOSES, ids=lambda path: path.name)
def compose(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(request.param.read_text(encoding="utf-8"))
    return found


def ours_in(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Those of its services that are chat2crm."""
    return {name: one for name, one in compose["services"].items() if "build" in one}


def test_compose_names_only_volumes_and_networks_that_it_has(compose: dict[str, Any]) -> None:
    volumes = [one.split(":")[0] for service in compose["services"].values() for one in service["volumes"]]
    assert {one for one in volumes if not one.startswith(".")} == set(compose["volumes"])
    assert {name for service in compose["services"].values() for name in service["networks"]} == set(compose["networks"])


def test_the_files_that_compose_mounts_are_delivered_or_the_users_own(compose: dict[str, Any]) -> None:
    mounted = {one.split(":")[0] for service in compose["services"].values() for one in service["volumes"] if one.startswith(".")}
    assert mounted == {"./config", "./Caddyfile"}
    assert (DEPLOY / "Caddyfile").is_file()
    for ours in ours_in(compose).values():
        assert (DEPLOY / ours["build"]["context"] / "Dockerfile").is_file()


def test_compose_gives_neither_more_rights_nor_more_doors_than_needed(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert "privileged" not in service, name
    for ours in ours_in(compose).values():
        assert all(port.startswith("127.0.0.1:") for port in ours["ports"]), "the world comes in by the proxy"
        assert ours["ports"][0].endswith(f":{port_of('ops')}")
    upstreams = compose["services"]["caddy"]["environment"]["CHAT2CRM"].split()
    assert upstreams == [f"{name}:{port_of('receive')}" for name in ours_in(compose)]
    outside = [port for name, one in compose["services"].items() if name != "caddy" for port in one.get("ports", ())]
    assert len(set(outside)) == len(outside)
    assert all(port.startswith("127.0.0.1:") for port in outside)


@pytest.mark.parametrize("path", COMPOSES, ids=lambda path: path.name)
def test_compose_asks_for_no_variable_that_is_not_explained(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{([A-Z_0-9]+)", text)) == ITS_OWN[path.name]
    for page in ("expose.md", "expose.ru.md"):
        assert "DOMAIN=" in (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert "POSTGRES_PASSWORD=" in (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")


def test_several_replicas_are_the_same_and_begin_when_the_database_is_there() -> None:
    compose = yaml.safe_load(COMPOSES[1].read_text(encoding="utf-8"))
    one, two = ({key: value for key, value in ours.items() if key != "ports"} for ours in ours_in(compose).values())
    assert one == two
    assert one["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    database = compose["services"]["postgres"]
    named = database["environment"]
    assert database["healthcheck"]["test"][-1] == f"pg_isready -U {named['POSTGRES_USER']} -d {named['POSTGRES_DB']}"
    assert "synchronous_commit=on" in database["command"], "a 200 means that it is on disk"
    assert "ports" not in database


def test_what_the_documents_say_to_write_for_compose_can_be_used(compose: dict[str, Any], tmp_path: Path) -> None:
    subnet = compose["networks"]["inside"]["ipam"]["config"][0]["subnet"]
    for page in ("expose.md", "expose.ru.md", "scaling.md"):
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        (block,) = re.findall(r"```yaml\n((?: *store:[^\n]*\n)? *receive:.*?) *```", text, flags=re.DOTALL)
        (tmp_path / "config.yaml").write_text("key: ${KEY}\n" + dedent(block), encoding="utf-8")
        environ = {"KEY": "k" * 40, "OPS_PASSWORD": "a long password", "POSTGRES_PASSWORD": "0123456789abcdef"}
        settings = load(tmp_path / "config.yaml", environ)
        assert [str(one) for one in settings.receive.trusted_proxies] == [subnet]
        assert settings.ops.host == "0.0.0.0"
        assert settings.ops.guarded


# -- systemd -----------------------------------------------------------------------------------------------------------


def unit() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if line and line[0] not in "#[":
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_the_unit_starts_a_command_that_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (command,) = unit()["ExecStart"]
    program, *arguments = command.split()
    assert Path(program).name in project["scripts"]
    assert arguments == ["serve"]


def test_systemd_gives_it_the_time_that_it_may_take_and_does_not_repeat_what_cannot_be_used() -> None:
    found = unit()
    assert found["Restart"] == ["always"]
    assert found["RestartPreventExitStatus"] == ["2"], "the exit code of a configuration or store that cannot be used"
    assert int(found["TimeoutStopSec"][0].removesuffix("s")) >= 20
    assert int(found["LimitNOFILE"][0]) >= 2 * 10_000, "receive.connections, and the CRM's"
    assert "ProcSubset" not in found, "the store reads the machine's boot_id"


def test_systemd_itself_finds_the_unit_right_and_closed(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("NOT TESTED: no systemd-analyze is here")
    text = UNIT.read_text(encoding="utf-8").replace("/opt/chat2crm/bin/chat2crm", "/bin/true")
    copy = tmp_path / "chat2crm.service"
    copy.write_text(text, encoding="utf-8")
    verified = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)
    assert "chat2crm.service" not in verified.stdout + verified.stderr
    judged = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", str(copy)], capture_output=True,
                            text=True, check=False)  # fmt: skip
    assert judged.returncode == 0, judged.stdout[-200:] + judged.stderr[-200:]


# -- Kubernetes --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=CLUSTERS, ids=lambda path: path.name)
def cluster(request: pytest.FixtureRequest) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for one in yaml.safe_load_all(request.param.read_text(encoding="utf-8")):
        found.setdefault(one["kind"], []).append(one)
    return found


#: kind → the version of the interface that serves it
VERSIONS = {
    "Namespace": "v1", "ServiceAccount": "v1", "Secret": "v1", "ConfigMap": "v1", "PersistentVolumeClaim": "v1", "Service": "v1",
    "Deployment": "apps/v1", "PodDisruptionBudget": "policy/v1", "NetworkPolicy": "networking.k8s.io/v1",
    "Ingress": "networking.k8s.io/v1",
}  # fmt: skip


def test_each_object_is_of_a_kind_and_version_that_clusters_have(cluster: dict[str, list[dict[str, Any]]]) -> None:
    assert {kind: one["apiVersion"] for kind, all_ in cluster.items() for one in all_}.items() <= VERSIONS.items()
    assert VERSIONS.keys() - cluster.keys() <= {"PersistentVolumeClaim"}
    (namespace,) = cluster["Namespace"]
    for kind, all_ in cluster.items():
        for one in all_:
            if kind != "Namespace":
                assert one["metadata"]["namespace"] == namespace["metadata"]["name"], kind
            assert set(one) <= {"apiVersion", "kind", "metadata", "spec", "data", "stringData", "type",
                                "automountServiceAccountToken"}  # fmt: skip


def test_whatever_the_pod_refers_to_is_there(cluster: dict[str, list[dict[str, Any]]]) -> None:
    pod = cluster["Deployment"][0]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    names = {kind: {one["metadata"]["name"] for one in all_} for kind, all_ in cluster.items()}
    assert pod["serviceAccountName"] in names["ServiceAccount"]
    assert container["envFrom"][0]["secretRef"]["name"] in names["Secret"]
    volumes = {one["name"]: one for one in pod["volumes"]}
    assert volumes["config"]["configMap"]["name"] in names["ConfigMap"]
    claimed = {one["persistentVolumeClaim"]["claimName"] for one in volumes.values() if "persistentVolumeClaim" in one}
    assert claimed == names.get("PersistentVolumeClaim", set())
    assert {one["name"] for one in container["volumeMounts"]} == set(volumes)
    ports = {one["name"]: one["containerPort"] for one in container["ports"]}
    assert ports == {"hooks": port_of("receive"), "ops": port_of("ops")}
    asked = [container[f"{kind}Probe"]["httpGet"]["port"] for kind in ("startup", "readiness", "liveness")]
    asked += [port["targetPort"] for service in cluster["Service"] for port in service["spec"]["ports"]]
    asked += [port["port"] for rule in cluster["NetworkPolicy"][0]["spec"]["ingress"] for port in rule["ports"]]
    assert set(asked) <= set(ports)
    backend = cluster["Ingress"][0]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    service = next(one for one in cluster["Service"] if one["metadata"]["name"] == backend["name"])
    assert backend["port"]["name"] in {port["name"] for port in service["spec"]["ports"]}


def test_every_selector_finds_the_pod(cluster: dict[str, list[dict[str, Any]]]) -> None:
    deployment = cluster["Deployment"][0]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    selectors = [deployment["selector"]["matchLabels"], cluster["PodDisruptionBudget"][0]["spec"]["selector"]["matchLabels"],
                 cluster["NetworkPolicy"][0]["spec"]["podSelector"]["matchLabels"],
                 *(service["spec"]["selector"] for service in cluster["Service"])]  # fmt: skip
    assert all(selector.items() <= labels.items() for selector in selectors)


def test_one_process_has_the_store_and_of_several_none_has_any(cluster: dict[str, list[dict[str, Any]]]) -> None:
    deployment, budget = cluster["Deployment"][0]["spec"], cluster["PodDisruptionBudget"][0]["spec"]
    store = yaml.safe_load(cluster["ConfigMap"][0]["data"]["config.yaml"])["store"]
    doors = {door["port"] for rule in cluster["NetworkPolicy"][0]["spec"]["egress"] for door in rule["ports"]}
    if store.startswith("sqlite:"):
        assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
        assert cluster["PersistentVolumeClaim"][0]["spec"]["accessModes"] == ["ReadWriteOnce"]
        assert budget["maxUnavailable"] == 0
        return
    assert deployment["replicas"] > budget["maxUnavailable"] + 1, "two are up while a node is emptied"
    assert deployment["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert "PersistentVolumeClaim" not in cluster
    assert urlsplit(store).port in doors
    (spread,) = deployment["template"]["spec"]["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"] == deployment["selector"]["matchLabels"]


def test_the_pod_runs_as_the_images_user_and_with_no_right_at_all(cluster: dict[str, list[dict[str, Any]]]) -> None:
    pod = cluster["Deployment"][0]["spec"]["template"]["spec"]
    (user,) = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, flags=re.MULTILINE)
    assert (str(pod["securityContext"]["runAsUser"]), str(pod["securityContext"]["runAsGroup"])) == user
    rights = pod["containers"][0]["securityContext"]
    assert rights == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert pod["automountServiceAccountToken"] is False


def test_the_cluster_knows_the_variables_of_the_example_and_its_configuration_can_be_used(
    cluster: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    secrets = cluster["Secret"][0]["stringData"]
    assert set(secrets) - {"POSTGRES_PASSWORD"} == example_variables()
    assert set(secrets.values()) == {"CHANGE_ME"}, "nothing that looks like a secret is delivered"
    (tmp_path / "config.yaml").write_text(cluster["ConfigMap"][0]["data"]["config.yaml"], encoding="utf-8")
    settings = load(tmp_path / "config.yaml", dict.fromkeys(secrets, "https://hooks.yourcompany.com/" + "x" * 40))
    assert settings.store.startswith(("sqlite:////data/", "postgresql://"))
    assert "CHANGE_ME" not in settings.store
    assert (settings.receive.port, settings.ops.port) == (port_of("receive"), port_of("ops"))
    assert settings.ops.guarded


# -- the image ---------------------------------------------------------------------------------------------------------


def test_the_image_ends_with_a_user_who_is_nobody_and_keeps_only_its_data() -> None:
    last = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    assert re.search(r"^USER \d+:\d+$", last, flags=re.MULTILINE)
    assert re.findall(r"^VOLUME (.*)$", last, flags=re.MULTILINE) == ["/data"]
    assert "pip" not in re.sub(r"#.*", "", last), "the second stage holds no tool to change it"
    exposed = {int(port) for ports in re.findall(r"^EXPOSE (.*)$", last, flags=re.MULTILINE) for port in ports.split()}
    assert exposed == {port_of("receive"), port_of("ops")}


# -- upgrades ----------------------------------------------------------------------------------------------------------


def test_the_changelog_says_of_every_mapping_what_whoever_uses_it_notices() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`([a-z0-9_]+)`", changelog[changelog.index("### Mappings") :]))
    there = {path.stem for kind in ("providers", "crms") for path in (ROOT / "mappings" / kind).glob("*.yaml")}
    assert there - told == set()
