"""Test the Kubernetes manifests in the folder `deploy/` of projects with `kubernetes=true`.

The tests build both overlays with kustomize, which is part of kubectl, and check the resulting
objects. The tests do not use a Kubernetes cluster, so they do not run pods.
"""

import json
import re
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from filelock import FileLock

from tests.support import options
from tests.support.options import Answers
from tests.support.projects import Project
from tests.support.rendering import Render, files
from tests.support.running import run

type Manifest = dict[str, Any]

IN_PLACE = {"PYTHONPATH": "src", "PYTHONDONTWRITEBYTECODE": "1"}
"""Environment variables for running Python code in a project that is not installed."""

KUBECTL = Path(sys.executable).with_name("kubectl")
OVERLAYS = ("staging", "production")
SCHEMAS = ("1.30.0", kubernetes_validate.latest_version())
"""The oldest Kubernetes version that docs/kubernetes.md names, and the newest with a schema."""

OPTIONS = ("database", "auth", "redis", "worker", "telemetry", "uploads")
"""Template options that affect the manifests."""

STOP_SECONDS = 15
"""Maximum time from SIGTERM until the service or a worker exits, in seconds."""

MAX_CONNECTIONS = 97
"""Connections that PostgreSQL accepts by default: 100, of which 3 are reserved for superusers."""

ALLOWED_VOLUMES = {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"}
"""The common volume types that the restricted Pod Security Standard allows."""

# Reads a JSON list of sets of environment variables, and prints the settings for each set.
READ_SETTINGS = """
import json, os, sys
from app.config import Settings, get_settings

results = []
for environment in json.loads(sys.argv[1]):
    os.environ.update(environment)
    get_settings.cache_clear()
    settings = get_settings()
    results.append(
        {
            "warnings": [name for name, _ in settings.warnings()],
            "values": {name: str(value) for name, value in settings},
        }
    )
print(json.dumps({
    "settings": list(Settings.model_fields),
    "secrets": [
        name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
    ],
    "results": results,
}))
"""

# Runs each command in a JSON list with the option `--help`. Fails if a command does not exist.
READ_HELP = """
import json, sys
from typer.testing import CliRunner
from app.cli import app

for arguments in json.loads(sys.argv[1]):
    result = CliRunner().invoke(app, [*arguments, "--help"])
    assert result.exit_code == 0, (arguments, result.output)
"""

EXAMPLES = {
    "AWS_ACCESS_KEY_ID": "an-id-for-the-tests-only",
    "AWS_SECRET_ACCESS_KEY": "Zm9yIHRoZSB0ZXN0cyBvZiBhIGJ1Y2tldCBvbmx5",
    "DATABASE_URL": "postgresql://api:pa55@database.internal:5432/api",
    "JWT_SECRET": "Zm9yIHRoZSB0ZXN0cyBvZiB0aGUgbWFuaWZlc3RzIG9ubHk",
    "METRICS_TOKEN": "Zm9yIHRoZSB0ZXN0cyBvbmx5",
    "REDIS_URL": "redis://redis.internal:6379/0",
    "SMTP_URL": "smtps://api:pa55@mail.internal:465",
}
"""Example values of all secret settings."""


@dataclass(frozen=True)
class Deployed:
    """A rendered project, and the objects that kustomize builds from one of its overlays."""

    tree: Path
    overlay: str
    objects: list[Manifest]

    def of_kind(self, kind: str) -> dict[str, Manifest]:
        return {o["metadata"]["name"]: o for o in self.objects if o["kind"] == kind}

    def kinds(self) -> set[str]:
        return {item["kind"] for item in self.objects}

    def only(self, kind: str) -> Manifest:
        (one,) = self.of_kind(kind).values()
        return one

    def pods(self) -> dict[str, Manifest]:
        """Return the pod template of each Deployment and Job, by the name of the workload."""
        return {
            name: workload["spec"]["template"]
            for kind in ("Deployment", "Job")
            for name, workload in self.of_kind(kind).items()
        }

    def containers(self) -> list[Manifest]:
        return [container for pod in self.pods().values() for container in containers_of(pod)]

    def config(self) -> dict[str, str]:
        """Return the settings in the ConfigMap."""
        data: dict[str, str] = self.only("ConfigMap")["data"]
        return data

    def page(self) -> str:
        return (self.tree / "docs/kubernetes.md").read_text(encoding="utf-8")


def containers_of(pod: Manifest) -> list[Manifest]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def build(tree: Path, overlay: str) -> Deployed:
    """Build an overlay with kustomize, and store the result next to the project for other tests."""
    built = tree.with_name(f"{overlay}.yaml")
    with FileLock(tree.with_name(f"{overlay}.lock")):
        if not built.exists():
            text = run(KUBECTL, "kustomize", f"deploy/overlays/{overlay}", cwd=tree)
            built.write_text(text, encoding="utf-8")
    objects = yaml.load_all(built.read_text(encoding="utf-8"), yaml.CSafeLoader)
    return Deployed(tree, overlay, list(objects))


CASES = options.pairs({name: options.CODE[name] for name in OPTIONS})
ON_POSTGRESQL = [case for case in CASES if case["database"] == "postgresql"]


@pytest.fixture(params=CASES, ids=options.name)
def answers(request: pytest.FixtureRequest) -> Answers:
    chosen: Answers = request.param
    return chosen


@pytest.fixture
def tree(answers: Answers, render: Render) -> Path:
    return render(**answers, kubernetes=True)


@pytest.fixture
def both(tree: Path) -> list[Deployed]:
    """Return the objects of both overlays."""
    return [build(tree, overlay) for overlay in OVERLAYS]


# --- Objects ---


def test_objects_match_the_published_schemas(both: list[Deployed]) -> None:
    for version, deployed in product(SCHEMAS, both):
        for item in deployed.objects:
            if item["kind"] != "ServiceMonitor":  # A custom resource has no schema.
                kubernetes_validate.validate(item, version, strict=True)


def test_kustomizations_list_every_manifest(tree: Path) -> None:
    for folder in (tree / "deploy/base", *(tree / "deploy/overlays").iterdir()):
        listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
        manifests = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}

        assert sorted(name for name in listed if name != "../../base") == sorted(manifests)


def test_each_overlay_has_a_separate_namespace(both: list[Deployed]) -> None:
    for deployed in both:
        namespaces = {item["metadata"]["namespace"] for item in deployed.objects}
        assert namespaces == {f"my-api-{deployed.overlay}"}


def test_every_image_has_a_registry_and_a_fixed_tag(both: list[Deployed]) -> None:
    for deployed in both:
        images = {container["image"] for container in deployed.containers()}
        assert len(images) == 1
        assert re.fullmatch(r"registry\.example\.com/my-api:[0-9.]+", images.pop())


@pytest.mark.parametrize("database", options.CODE["database"])
def test_a_slug_that_is_a_yaml_boolean_remains_text(database: str, render: Render) -> None:
    answers: Answers = {"database": database, "redis": True, "worker": True, "kubernetes": True}
    deployed = build(render(**answers, project_slug="no"), "production")

    for item in deployed.objects:
        assert re.match(r"no\b", item["metadata"]["name"])
        assert item["metadata"]["labels"]["app.kubernetes.io/name"] == "no"


# --- References between objects ---


def test_every_reference_names_an_existing_object(both: list[Deployed]) -> None:
    for deployed in both:
        for name, pod in deployed.pods().items():
            volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
            assert pod["spec"]["serviceAccountName"] in deployed.of_kind("ServiceAccount"), name
            for volume in volumes.values():
                claim = volume.get("persistentVolumeClaim")
                assert not claim or claim["claimName"] in deployed.of_kind("PersistentVolumeClaim")
            for container in containers_of(pod):
                assert {mount["name"] for mount in container["volumeMounts"]} <= volumes.keys()
                config, secret = container["envFrom"]
                assert config["configMapRef"]["name"] in deployed.of_kind("ConfigMap")
                assert secret["secretRef"]["name"] == "my-api-secrets"
                assert "env" not in container


def test_the_names_of_configmaps_change_with_their_content(both: list[Deployed]) -> None:
    staging, production = (deployed.only("ConfigMap")["metadata"]["name"] for deployed in both)

    assert staging != production


def test_selectors_match_exactly_the_intended_pods(both: list[Deployed]) -> None:
    for deployed in both:
        pods = deployed.pods()
        for name, workload in deployed.of_kind("Deployment").items():
            assert matches(workload["spec"]["selector"]["matchLabels"], pods) == {name}
            for spread in workload["spec"]["template"]["spec"].get("topologySpreadConstraints", []):
                assert matches(spread["labelSelector"]["matchLabels"], pods) == {name}
        assert matches(deployed.only("Service")["spec"]["selector"], pods) == {"my-api"}
        policy = deployed.only("NetworkPolicy")["spec"]["podSelector"]["matchLabels"]
        assert matches(policy, pods) == pods.keys()
        for budget in deployed.of_kind("PodDisruptionBudget").values():
            assert matches(budget["spec"]["selector"]["matchLabels"], pods) == {
                budget["metadata"]["name"]
            }


def matches(selector: dict[str, str], pods: dict[str, Manifest]) -> set[str]:
    """Return the names of the workloads whose pods have all labels of the selector."""
    return {n for n, pod in pods.items() if selector.items() <= pod["metadata"]["labels"].items()}


def test_requests_reach_the_port_of_the_service(both: list[Deployed]) -> None:
    for deployed in both:
        (rule,) = deployed.only("Ingress")["spec"]["rules"]
        (path,) = rule["http"]["paths"]
        (port,) = deployed.only("Service")["spec"]["ports"]
        web = named(deployed, "web")
        assert path["backend"]["service"]["name"] == deployed.only("Service")["metadata"]["name"]
        assert path["backend"]["service"]["port"]["name"] == port["name"]
        assert [port["targetPort"]] == [listening["name"] for listening in web["ports"]]

        image_port = re.search(r"PORT=(\d+)", (deployed.tree / "Dockerfile").read_text())
        assert image_port
        number = int(image_port[1])
        assert [listening["containerPort"] for listening in web["ports"]] == [number]
        for source in deployed.only("NetworkPolicy")["spec"]["ingress"]:
            assert source["from"]
            assert source["ports"] == [{"port": number}]


def test_the_service_monitor_finds_the_service_and_the_token(
    answers: Answers, both: list[Deployed]
) -> None:
    for deployed in both:
        monitors = deployed.of_kind("ServiceMonitor").values()
        assert len(monitors) == answers["telemetry"]
        for monitor in monitors:
            service = deployed.only("Service")
            (endpoint,) = monitor["spec"]["endpoints"]
            selector = monitor["spec"]["selector"]["matchLabels"]
            assert selector.items() <= service["metadata"]["labels"].items()
            assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
            credentials = endpoint["authorization"]["credentials"]
            assert credentials["name"] == "my-api-secrets"
            assert credentials["key"] in documented_secrets(deployed)
            # Prometheus scrapes over HTTP, and HTTPS_REDIRECT=true would redirect its requests.
            assert deployed.config()["HTTPS_REDIRECT"] == "false"


@pytest.mark.skipif(sys.platform == "win32", reason="The documented command is for a Unix shell.")
def test_the_documented_prometheus_rule_contains_all_alert_rules(
    answers: Answers, tree: Path
) -> None:
    page = "".join(path.read_text(encoding="utf-8") for path in (tree / "docs").glob("*.md"))
    commands = re.findall(r"```sh\n(\{\n.*?)\| kubectl [^\n]*\n```", page, re.DOTALL)
    assert len(commands) == answers["telemetry"]
    for command in commands:
        rule = yaml.safe_load(run("sh", "-c", command, cwd=tree))
        alerts = (tree / "observability/alerts.yaml").read_text(encoding="utf-8")

        assert (rule["kind"], rule["metadata"]["name"]) == ("PrometheusRule", "my-api")
        assert rule["spec"] == yaml.safe_load(alerts)


def named(deployed: Deployed, name: str) -> Manifest:
    (container,) = [each for each in deployed.containers() if each["name"] == name]
    return container


# --- Pods ---


def test_pods_comply_with_the_restricted_pod_security_standard(both: list[Deployed]) -> None:
    for deployed in both:
        for name, template in deployed.pods().items():
            pod = template["spec"]
            context = pod["securityContext"]
            assert context["runAsNonRoot"] is True, name
            assert context["runAsUser"] == 10001, name
            assert context["seccompProfile"] == {"type": "RuntimeDefault"}, name
            assert not {"hostNetwork", "hostPID", "hostIPC", "ephemeralContainers"} & pod.keys()
            assert {kind for v in pod["volumes"] for kind in v if kind != "name"} <= ALLOWED_VOLUMES
            for container in containers_of(template):
                assert container["securityContext"] == {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": True,
                }, container["name"]
                assert not any("hostPort" in port for port in container.get("ports", []))


def test_pods_get_no_token_and_no_variables_of_other_services(both: list[Deployed]) -> None:
    for deployed in both:
        assert deployed.only("ServiceAccount")["automountServiceAccountToken"] is False
        for pod in deployed.pods().values():
            assert pod["spec"]["automountServiceAccountToken"] is False
            assert pod["spec"]["enableServiceLinks"] is False


def test_containers_can_write_to_tmp_and_have_a_memory_limit(both: list[Deployed]) -> None:
    for container in (container for deployed in both for container in deployed.containers()):
        assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert container["resources"]["limits"].keys() == {"memory"}


def test_probes_request_existing_paths_and_allow_enough_time(both: list[Deployed]) -> None:
    for deployed in both:
        routes = (deployed.tree / "tests/contract/routes.txt").read_text().splitlines()
        web = named(deployed, "web")
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert f"GET {web[probe]['httpGet']['path']}" in routes
            assert web[probe]["httpGet"]["port"] == "http"
        assert web["livenessProbe"]["httpGet"]["path"] == "/health"
        assert web["readinessProbe"]["httpGet"]["path"] == "/ready"
        # If the database server does not answer, /ready takes up to 3 seconds to respond.
        assert web["readinessProbe"]["timeoutSeconds"] > 3


def test_pods_are_not_killed_before_a_graceful_shutdown_ends(both: list[Deployed]) -> None:
    for pod in (pod for deployed in both for pod in deployed.pods().values()):
        delays = [
            container["lifecycle"]["preStop"]["sleep"]["seconds"]
            for container in pod["spec"]["containers"]
            if "lifecycle" in container
        ]
        grace = pod["spec"].get("terminationGracePeriodSeconds", 30)
        assert grace > max(delays, default=0) + STOP_SECONDS


def test_the_manifests_have_exactly_the_workloads_of_the_answers(
    answers: Answers, both: list[Deployed]
) -> None:
    """With SQLite, all processes run in one pod, because they must run on the same machine."""
    roles = {"web", "migrate"} | ({"worker"} if answers["worker"] else set())
    for deployed in both:
        assert {container["name"] for container in deployed.containers()} == roles
        kinds = deployed.kinds()
        if answers["database"] == "sqlite":
            deployment = deployed.only("Deployment")["spec"]
            assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
            assert [c["name"] for c in deployment["template"]["spec"]["initContainers"]] == [
                "migrate"
            ]
            assert not {"Job", "HorizontalPodAutoscaler", "PodDisruptionBudget"} & kinds
        else:
            assert len(deployed.pods()) == len(roles)
            assert "PersistentVolumeClaim" not in kinds


def test_containers_and_probes_run_existing_commands_of_the_service(
    answers: Answers, both: list[Deployed], all_dependencies: Project
) -> None:
    containers = both[0].containers()
    probes = [
        container["livenessProbe"]["exec"]["command"]
        for container in containers
        if "exec" in container.get("livenessProbe", {})
    ]
    commands = [container["command"] for container in containers] + probes

    assert (["app", "worker", "--check"] in probes) == answers["worker"]
    assert {program for program, *_ in commands} == {"app"}
    script = READ_HELP, json.dumps([arguments for _, *arguments in commands])
    all_dependencies.run("python", "-c", *script, cwd=both[0].tree, env=IN_PLACE)


# --- Availability ---


@pytest.mark.parametrize("answers", ON_POSTGRESQL, ids=options.name)
def test_each_disruption_budget_requires_fewer_pods_than_the_deployment_runs(
    both: list[Deployed],
) -> None:
    for deployed in both:
        scaler = deployed.only("HorizontalPodAutoscaler")["spec"]
        scaled = scaler["scaleTargetRef"]["name"]
        deployments = deployed.of_kind("Deployment")
        budgets = deployed.of_kind("PodDisruptionBudget")
        assert budgets.keys() == deployments.keys()
        for name, budget in budgets.items():
            fewest = (
                scaler["minReplicas"] if name == scaled else deployments[name]["spec"]["replicas"]
            )
            assert budget["spec"]["minAvailable"] < fewest
        deployment = deployments[scaled]

        assert scaler["minReplicas"] <= scaler["maxReplicas"]
        assert "replicas" not in deployment["spec"]
        assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


@pytest.mark.parametrize("answers", ON_POSTGRESQL, ids=options.name)
def test_all_pods_together_open_fewer_connections_than_postgresql_accepts(
    both: list[Deployed],
) -> None:
    for deployed in both:
        pods = 0
        for name, deployment in deployed.of_kind("Deployment").items():
            scaler = deployed.of_kind("HorizontalPodAutoscaler").get(name)
            most = scaler["spec"]["maxReplicas"] if scaler else deployment["spec"]["replicas"]
            pods += most + 1  # A rollout starts one additional pod.
        config = deployed.config()
        per_pod = int(config["DB_POOL_SIZE"]) + int(config["DB_MAX_OVERFLOW"])

        assert pods * per_pod + len(deployed.of_kind("Job")) < MAX_CONNECTIONS


@pytest.mark.parametrize("answers", ON_POSTGRESQL, ids=options.name)
def test_the_documented_commands_apply_the_migrations_first(both: list[Deployed]) -> None:
    staging, production = both
    commands = deployment_commands(production)

    selector = re.search(r"--selector '([a-z-]+)!=([a-z]+)'", commands[1])
    assert selector
    key, value = selector.groups()
    for deployed in (staging, production):
        later = [o for o in deployed.objects if o["metadata"]["labels"].get(key) == value]
        assert later == list(deployed.of_kind("Deployment").values())
    (job,) = production.of_kind("Job")
    assert f"delete job {job} " in commands[0]
    assert commands[1].startswith("kubectl apply --kustomize deploy/overlays/production ")
    wait = next(n for n, command in enumerate(commands) if " wait " in command)
    assert commands[2].startswith("for ")
    assert f" get job/{job} " in commands[3]
    assert commands[wait].endswith(f"job/{job} &&")
    assert commands[wait + 1] == "kubectl apply --kustomize deploy/overlays/production &&"


def test_the_documented_commands_use_names_that_exist(both: list[Deployed]) -> None:
    for deployed in both:
        if deployed.overlay == "production":
            page = deployed.page()
            assert set(re.findall(r"--namespace (\S+)", page)) == {"my-api-production"}
            assert set(re.findall(r"--kustomize (\S+)", page)) == {"deploy/overlays/production"}
            assert " rollout status deployment " in deployment_commands(deployed)[-1]
            commands = re.findall(r"rollout (?:status|undo) (.*)", page.replace("\\\n", " "))
            assert len(commands) == (2 if "Job" in deployed.kinds() else 1)
            for command in commands:
                selector = re.fullmatch(r"deployment +--selector '(\S+)=(\S+)'", command)
                assert selector
                for deployment in deployed.of_kind("Deployment").values():
                    assert deployment["metadata"]["labels"][selector[1]] == selector[2]
            for path in re.findall(r"`((?:base|overlays)/[^`]+)`", page):
                assert (deployed.tree / "deploy" / path).exists(), path


def deployment_commands(deployed: Deployed) -> list[str]:
    """Return the commands under the heading "Deploy" of docs/kubernetes.md."""
    section = deployed.page().partition("\n## Deploy\n")[2]
    block = section.partition("```sh\n")[2].partition("```")[0]
    return block.replace("\\\n", " ").splitlines()


# --- Settings and secrets ---


def test_the_manifests_contain_no_secret(tree: Path) -> None:
    """The next test checks that the ConfigMap contains no secret settings."""
    for name, data in files(tree / "deploy").items():
        text = data.decode()
        assert not re.search(r"secretGenerator|stringData|kind: Secret|\bvalue:", text), name
        assert not re.search(r"://[^/\s]*@", text), name


def test_the_service_accepts_the_configured_settings(
    answers: Answers, both: list[Deployed], all_dependencies: Project
) -> None:
    """The settings come from the image, the ConfigMap and the Secret, as in a pod."""
    secrets = documented_secrets(both[0])
    examples = {name: EXAMPLES[name] for name in secrets}
    if "SMTP_URL" in secrets:
        examples["MAIL_FROM"] = "api@example.com"
    image = dict(re.findall(r"\b(HOST|PORT)=(\S+)", (both[0].tree / "Dockerfile").read_text()))
    environments = [image | examples | deployed.config() for deployed in both]

    read = json.loads(
        all_dependencies.run(
            "python",
            "-c",
            READ_SETTINGS,
            json.dumps(environments),
            cwd=both[0].tree,
            env=IN_PLACE,
        )
    )
    known = {name.upper() for name in read["settings"]}
    secret = {name.upper() for name in read["secrets"]}
    for deployed, result in zip(both, read["results"], strict=True):
        assert result["warnings"] == []
        assert result["values"]["environment"] == deployed.overlay
        assert deployed.config().keys() | secrets <= known
        # The URL of a SQLite database contains no password.
        allowed = {"DATABASE_URL"} if answers["database"] == "sqlite" else set()
        assert secret & deployed.config().keys() == allowed
        assert secret - allowed == secrets


def documented_secrets(deployed: Deployed) -> set[str]:
    """Return the names of the secret settings that docs/kubernetes.md lists."""
    table = deployed.page().partition("| Secret setting |")[2].partition("\n\n")[0]
    return set(re.findall(r"^\| `([A-Z_]+)`", table, re.MULTILINE))


def test_the_host_of_the_ingress_is_allowed_by_the_service(both: list[Deployed]) -> None:
    hosts = []
    for deployed in both:
        ingress = deployed.only("Ingress")["spec"]
        (rule,) = ingress["rules"]
        assert deployed.config()["ALLOWED_HOSTS"] == rule["host"]
        assert [tls["hosts"] for tls in ingress["tls"]] == [[rule["host"]]]
        hosts.append(rule["host"])

    assert len(set(hosts)) == len(both)


def test_the_network_policy_allows_connections_to_all_servers(both: list[Deployed]) -> None:
    """The allowed ports are the DNS port and the ports of the URLs in .env.example."""
    for deployed in both:
        example = (deployed.tree / ".env.example").read_text()
        urls = re.findall(r"^#[A-Z_]+=[a-z]+://\S+:(\d+)", example, re.MULTILINE)
        allowed = {
            port["port"]
            for rule in deployed.only("NetworkPolicy")["spec"]["egress"]
            for port in rule["ports"]
        }

        # URLs that start with smtps:// use port 465, and the example SMTP URL uses port 587.
        # AWS S3 uses port 443, and the example URL of an S3-compatible store uses port 9000.
        assert allowed - {53, 443, 465} == {int(port) for port in urls}
        assert (465 in allowed) == (587 in allowed)
        assert (443 in allowed) == (9000 in allowed)
