"""Test the Dockerfile, the CI pipelines and the scans of generated projects.

The tests do not build, push or sign a container image. They lint the files, validate them against
JSON schemas, and run the scripts of the CI jobs that publish an image. When the scripts run, fake
programs replace Docker and cosign.
"""

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from tests.support import options
from tests.support.hooks import write_program
from tests.support.options import Answers
from tests.support.projects import Project
from tests.support.rendering import Render
from tests.support.running import attempt, environment, run
from tests.support.texts import Unchecked

PROGRAMS = Path(sys.executable).parent
BUILD = "docker buildx build --sbom=true --provenance=mode=max --output type=image"
BY_DIGEST = "push-by-digest=true,name-canonical=true,push=true"
SCAN_GITLAB = (
    "docker run --rm --volume /var/run/docker.sock:/var/run/docker.sock"
    " --volume /builds/ann:/project --workdir /project"
)
DIGEST = f"sha256:{'ab' * 32}"
CI = ".github/workflows/ci.yml"
GITLAB_CI = ".gitlab-ci.yml"

# Built-in schemas of check-jsonschema, keyed by the name of the file to validate.
SCHEMAS = {
    "compose.yaml": "compose-spec",
    "renovate.json": "renovate",
    CI: "github-workflows",
    ".github/actions/servers/action.yml": "github-actions",
    ".github/dependabot.yml": "dependabot",
    GITLAB_CI: "gitlab-ci",
}

# Fake programs that append their arguments to a log. `docker buildx build` also writes the digest.
FAKE = '#!/bin/sh\necho "$(basename "$0") $*" >> "$CALLS"\n'
FAKE_DOCKER = f"""{FAKE}for argument; do
    case $argument in
        --metadata-file=*) echo '{{"containerimage.digest": "{DIGEST}"}}' > "${{argument#*=}}" ;;
        --password-stdin) echo "password: $(cat)" >> "$CALLS" ;;
    esac
done
"""

needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")


# --- Linters and schemas ---


@pytest.fixture(params=[{}, options.EVERYTHING, {"database": "sqlite", "auth": "none"}], ids=str)
def delivered(request: pytest.FixtureRequest) -> Answers:
    """Return the answers for one variant of the Dockerfile and the pipelines."""
    answers: Answers = request.param
    return answers


@pytest.mark.parametrize("ci", options.SURFACE["ci"])
def test_configuration_files_match_their_json_schemas(
    ci: str, delivered: Answers, render: Render, unchecked: Unchecked
) -> None:
    project = render(**delivered, ci=ci)

    with unchecked("json-schema", project, tuple(SCHEMAS)) as new:
        for name in SCHEMAS.keys() & new.keys():
            check = (PROGRAMS / "check-jsonschema", "--builtin-schema", f"vendor.{SCHEMAS[name]}")
            run(*check, project / name, cwd=project)


def test_hadolint_accepts_the_dockerfile(delivered: Answers, render: Render) -> None:
    run(PROGRAMS / "hadolint", "Dockerfile", cwd=render(**delivered))


def test_zizmor_accepts_the_workflows(delivered: Answers, render: Render, template: Path) -> None:
    for root in (render(**delivered), template):
        run(PROGRAMS / "zizmor", "--offline", "--quiet", ".github", cwd=root)


def test_a_bot_updates_each_kind_of_pinned_version(render: Render) -> None:
    dependabot = yaml.safe_load((render() / ".github/dependabot.yml").read_text())
    gitlab = render(ci="gitlab")

    assert {
        (update["package-ecosystem"], update["directory"]) for update in dependabot["updates"]
    } == {
        ("docker", "/"),  # Dockerfile, including the stage that contains uv
        ("docker-compose", "/"),  # compose.yaml
        ("github-actions", "/"),  # .github/workflows
        ("uv", "/"),  # uv.lock
    }
    presets = json.loads((gitlab / "renovate.json").read_text())["extends"]
    assert {"config:recommended", "customManagers:gitlabPipelineVersions"} <= set(presets)
    # Renovate's preset gitlabPipelineVersions updates only variables with a comment like this one.
    assert re.search(
        r"# renovate: datasource=docker depName=anchore/grype\s+GRYPE_VERSION: v[\d.]+\s",
        (gitlab / GITLAB_CI).read_text(),
    )


# --- The commands of the Dockerfile ---


@pytest.mark.core
@pytest.mark.parametrize("answers", options.OUTERMOST, ids=options.name)
def test_the_commands_of_the_dockerfile_install_a_service_that_starts(
    answers: Answers, install: Callable[..., Project], tmp_path: Path
) -> None:
    project = install(**answers).root
    text = (project / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    dependencies, service = re.findall(r"^RUN .*?(uv sync .*)$", text, re.MULTILINE)
    ignored = (project / ".dockerignore").read_text(encoding="utf-8").splitlines()
    context = [line[1:] for line in ignored if line.startswith("!")]
    image = tmp_path / "app"
    image.mkdir()
    # The file selects the Python version, as the base image does in the Dockerfile.
    shutil.copy(project / ".python-version", image)

    # In the Dockerfile, the first command uses mounted files, and the second uses copied files.
    mounted = re.findall(r"--mount=type=bind,source=(\S+),", text)
    for names, command in ((mounted, dependencies), (context, service)):
        for name in names:
            path = project / name
            if path.is_dir():
                shutil.copytree(path, image / name)
            elif path.exists():
                shutil.copy(path, image / name)
        run(*shlex.split(command), cwd=image)

    # The final stage contains neither the source code nor the configuration of the project.
    for name in ("src", "pyproject.toml", "uv.lock"):
        path = image / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert json.loads(run(".venv/bin/app", "openapi", cwd=image))["paths"]
    assert not (image / ".venv/bin/pytest").exists()


# --- Jobs that publish the image ---


@pytest.fixture
def programs(tmp_path: Path) -> dict[str, str]:
    """Return environment variables that put fake versions of Docker, cosign and apk on the PATH."""
    folder = tmp_path / "programs"
    folder.mkdir()
    write_program(folder / "docker", FAKE_DOCKER)
    for name in ("cosign", "apk"):
        write_program(folder / name, FAKE)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return environment(PATH=path, CALLS=str(tmp_path / "calls"), RUNNER_TEMP=str(tmp_path))


@needs_jq
def test_github_tests_and_signs_the_pushed_image_before_it_adds_the_tag(
    template: Path, programs: dict[str, str], tmp_path: Path
) -> None:
    steps = yaml.safe_load((template / CI).read_text())["jobs"]["publish"]["steps"]
    push, check, sign = (step["run"] for step in steps if "run" in step)
    output, summary = tmp_path / "output", tmp_path / "summary"
    env = programs | {
        "GITHUB_ACTOR": "ann",
        "GITHUB_OUTPUT": str(output),
        "GITHUB_REF_NAME": "v1.2.3",
        "GITHUB_REPOSITORY": "Ann/Shop-API",
        "GITHUB_STEP_SUMMARY": str(summary),
        "REGISTRY_TOKEN": "secret",
    }

    run("bash", "-e", "-c", push, cwd=tmp_path, env=env)
    image = f"ghcr.io/ann/shop-api@{DIGEST}"
    assert output.read_text() == f"image={image}\n"
    for script in (check, sign):
        run("bash", "-e", "-c", script, cwd=tmp_path, env=env | {"IMAGE": image})

    assert (tmp_path / "calls").read_text().splitlines() == [
        "docker login ghcr.io --username ann --password-stdin",
        "password: secret",
        "docker buildx create --use",
        f"{BUILD},name=ghcr.io/ann/shop-api,{BY_DIGEST} --metadata-file={tmp_path}/image.json .",
        f"docker pull {image}",
        f"docker tag {image} service",
        "docker run --rm service app openapi",
        f"cosign sign --yes {image}",
        f"docker buildx imagetools create --tag ghcr.io/ann/shop-api:v1.2.3 {image}",
    ]
    assert image in summary.read_text()


def test_github_scans_the_pushed_image_like_every_other_image_and_before_it_signs(
    template: Path,
) -> None:
    jobs = yaml.safe_load((template / CI).read_text())["jobs"]
    steps = jobs["publish"]["steps"]
    (scan,) = [step for step in steps if "scan-action" in step.get("uses", "")]
    (other,) = [step for step in jobs["image"]["steps"] if "scan-action" in step.get("uses", "")]

    assert (scan["uses"], scan["with"]) == (other["uses"], other["with"])
    assert "docker tag" in steps[steps.index(scan) - 1]["run"]
    assert "cosign sign" in steps[steps.index(scan) + 1]["run"]
    # A step without a condition does not run after a failed step.
    assert not any("if" in step or "continue-on-error" in step for step in steps)


@needs_jq
def test_github_adds_no_tag_to_an_image_that_cannot_be_signed(
    template: Path, programs: dict[str, str], tmp_path: Path
) -> None:
    sign = yaml.safe_load((template / CI).read_text())["jobs"]["publish"]["steps"][-1]["run"]
    write_program(tmp_path / "programs/cosign", "#!/bin/sh\nexit 1\n")
    env = programs | {"GITHUB_REF_NAME": "v1.2.3", "IMAGE": f"ghcr.io/ann/shop-api@{DIGEST}"}

    assert attempt("bash", "-e", "-c", sign, cwd=tmp_path, env=env).returncode != 0
    assert not (tmp_path / "calls").exists()


def test_github_never_cancels_a_run_for_a_tag(template: Path) -> None:
    concurrency = yaml.safe_load((template / CI).read_text())["concurrency"]
    assert concurrency["cancel-in-progress"].endswith("&& !startsWith(github.ref, 'refs/tags/') }}")


def test_github_publishes_the_image_only_for_a_tag_and_after_all_checks(template: Path) -> None:
    workflow = yaml.safe_load((template / CI).read_text())
    jobs: dict[str, Any] = workflow["jobs"]

    # PyYAML parses the workflow's `on` key as the boolean True.
    assert workflow[True]["push"]["tags"] == ["v*"]
    assert jobs["publish"]["needs"] == ["check", "image"]
    assert "startsWith(github.ref, 'refs/tags/v')" in jobs["publish"]["if"]
    assert jobs["publish"]["permissions"].keys() == {"contents", "id-token", "packages"}
    # This repository has no Dockerfile, so `built` is false when the workflow runs here.
    assert "needs.image.outputs.built == 'true'" in jobs["publish"]["if"]
    assert jobs["image"]["outputs"] == {"built": "${{ steps.build.outcome == 'success' }}"}
    (build,) = [step for step in jobs["image"]["steps"] if step.get("id") == "build"]
    assert build["if"] == "hashFiles('Dockerfile') != ''"
    assert not (template / "Dockerfile").exists()


@needs_jq
@pytest.mark.parametrize(("server", "signs"), [("gitlab.com", True), ("git.example.com", False)])
def test_gitlab_scans_the_pushed_image_and_signs_it_on_gitlab_com_before_it_adds_the_tag(
    server: str, signs: bool, render: Render, programs: dict[str, str], tmp_path: Path
) -> None:
    pipeline = yaml.safe_load((render(ci="gitlab") / GITLAB_CI).read_text())
    job = pipeline["publish"]
    registry = f"registry.{server}"
    env = programs | {
        "CI_COMMIT_TAG": "v1.2.3",
        "CI_PROJECT_DIR": "/builds/ann",
        "CI_REGISTRY": registry,
        "CI_REGISTRY_IMAGE": f"{registry}/ann/shop-api",
        "CI_REGISTRY_PASSWORD": "secret",
        "CI_REGISTRY_USER": "ci",
        "CI_SERVER_HOST": server,
        "GRYPE_VERSION": "v1",
    }

    said = run("sh", "-e", "-c", "\n".join(job["script"]), cwd=tmp_path, env=env)

    image = f"{registry}/ann/shop-api"
    assert f"Published v1.2.3 as {image}@{DIGEST}\n" in said
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls == [
        "apk add --no-cache cosign jq",
        f"docker login {registry} --username ci --password-stdin",
        "password: secret",
        "docker context create dind",
        "docker buildx create --use dind",
        f"{BUILD},name={image},{BY_DIGEST} --metadata-file=image.json .",
        f"docker pull {image}@{DIGEST}",
        f"docker tag {image}@{DIGEST} service",
        "docker run --rm service app openapi",
        f"{SCAN_GITLAB} anchore/grype:v1 service --only-fixed --fail-on high",
        *([f"cosign sign --yes {image}@{DIGEST}"] if signs else []),
        f"docker buildx imagetools create --tag {image}:v1.2.3 {image}@{DIGEST}",
    ]
    # GitLab may cancel an interruptible job if a later pipeline of the same ref starts.
    assert job["interruptible"] is False
    assert set(job["script"]) >= set(pipeline["build-image"]["script"][1:])


# --- just audit-dependencies ---


@contextmanager
def vulnerability_server(*vulnerable: str) -> Iterator[str]:
    """Run a fake of the OSV API (https://api.osv.dev), and yield its URL.

    Each of the `vulnerable` packages has one vulnerability.
    """
    vulnerability = {"id": "GHSA-test", "modified": "2026-01-01T00:00:00Z", "summary": "Leaks"}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            queries = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
            names = [query["package"]["name"] for query in queries]
            self.answer(
                {"results": [{"vulns": [vulnerability]} if n in vulnerable else {} for n in names]}
            )

        def do_GET(self) -> None:
            self.answer(vulnerability)

        def answer(self, document: object) -> None:
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, *_args: object) -> None:
            """Do not log requests to stderr."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def locked(template: Path, render: Render, tmp_path: Path) -> Path:
    """Return a folder that contains a project's justfile and this repository's `uv.lock`."""
    project = render()
    for name in ("justfile", ".python-version"):
        shutil.copy(project / name, tmp_path)
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(template / name, tmp_path)
    return tmp_path


def audit(folder: Path, *arguments: str) -> tuple[int, str]:
    just = PROGRAMS / "just"
    # Without retries, uv reports an unreachable server at once.
    env = environment(UV_HTTP_RETRIES="0")
    done = attempt(just, "audit-dependencies", *arguments, cwd=folder, env=env)
    return done.returncode, done.stdout


def test_the_audit_succeeds_if_no_package_is_vulnerable(locked: Path) -> None:
    with vulnerability_server() as url:
        exit_code, said = audit(locked, "--service-url", url)

    assert exit_code == 0, said
    assert "no known vulnerabilities" in said


def test_the_audit_fails_if_a_package_is_vulnerable(locked: Path) -> None:
    with vulnerability_server("jinja2") as url:
        exit_code, said = audit(locked, "--service-url", url)

    assert exit_code == 1, said
    assert "GHSA-test" in said
    assert "The audit did not run" not in said


def test_the_audit_says_what_to_do_if_the_server_is_unreachable(locked: Path) -> None:
    exit_code, said = audit(locked, "--service-url", "http://127.0.0.1:1")

    assert exit_code == 2, said
    assert "The audit did not run" in said
    assert "If uv could not reach https://api.osv.dev, check the network" in said


def test_every_project_has_the_audit_recipe_and_every_pipeline_runs_it(
    template: Path, render: Render
) -> None:
    recipe = "audit-dependencies"

    for text in ((template / CI).read_text(), (render(ci="gitlab") / GITLAB_CI).read_text()):
        assert f"uv run --locked just {recipe}" in text
    for root in (template, *(render(ci=ci) for ci in options.SURFACE["ci"])):
        assert recipe in run(PROGRAMS / "just", "--summary", cwd=root).split()
