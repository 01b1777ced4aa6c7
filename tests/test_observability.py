"""Test the dashboard and the alert rules of projects with `telemetry=true`.

In addition, tests in the generated project check that the service exports the metrics that the
dashboard and the alert rules use.
"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from tests.support import options
from tests.support.options import Answers
from tests.support.rendering import Render, files, render_to
from tests.support.running import run

SLUG = "my-api"
COLUMNS = 24
"""Width of a Grafana dashboard, in the units of `gridPos`."""

METRIC = re.compile(r'(Counter|Gauge|Histogram)\(\s*"(\w+)"')
SAMPLES = {"Counter": {"_total"}, "Gauge": {""}, "Histogram": {"_bucket", "_count", "_sum"}}
"""Suffixes that `prometheus_client` adds to the name of a metric, by metric type."""

NOT_DEFINED_BY_THE_SERVICE = {
    "up",
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
}

WITH_TELEMETRY = [answers for answers in options.combinations() if answers["telemetry"]]


@pytest.fixture(params=WITH_TELEMETRY, ids=options.name)
def tree(request: pytest.FixtureRequest, render: Render) -> Path:
    return render(**request.param)


def dashboard_of(tree: Path) -> dict[str, Any]:
    loaded = json.loads((tree / "observability/dashboard.json").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def groups_of(tree: Path) -> list[dict[str, Any]]:
    loaded = yaml.safe_load((tree / "observability/alerts.yaml").read_text(encoding="utf-8"))
    groups = loaded["groups"]
    assert isinstance(groups, list)
    return groups


def alerts_of(tree: Path) -> list[dict[str, Any]]:
    return [rule for group in groups_of(tree) for rule in group["rules"]]


def targets_of(tree: Path) -> list[dict[str, str]]:
    return [target for panel in dashboard_of(tree)["panels"] for target in panel.get("targets", ())]


def selectors(expression: str) -> Iterator[promql_parser.VectorSelector]:
    """Yield the selectors of a PromQL expression, or raise `ValueError` if it is invalid."""
    found: list[promql_parser.Expr] = []
    # Grafana replaces this variable with a duration before it sends a query to Prometheus.
    tree = promql_parser.parse(expression.replace("$__rate_interval", "5m"))
    promql_parser.walk(tree, found.append)
    for node in found:
        if isinstance(node, promql_parser.VectorSelector):
            yield node


def names(expressions: list[str]) -> set[str | None]:
    return {selector.name for each in expressions for selector in selectors(each)}


# --- Expressions ---


def test_every_selector_selects_one_metric_of_the_job(tree: Path) -> None:
    jobs = {
        SLUG: [alert["expr"] for alert in alerts_of(tree)],
        "$job": [target["expr"] for target in targets_of(tree)],
    }
    for job, expressions in jobs.items():
        for selector in (one for each in expressions for one in selectors(each)):
            assert selector.name
            matchers = {each.name: each.value for each in selector.matchers.matchers}
            assert matchers.get("job") == job, selector.prettify()


def test_environments_in_different_namespaces_are_not_mixed(tree: Path) -> None:
    """Both overlays in `deploy/` use the same job name, so only the namespace differs."""
    for alert in alerts_of(tree):
        for labels in re.findall(r"\bby \(([^)]*)\)", alert["expr"]):
            assert {"namespace", "job"} <= set(labels.split(", ")), alert["alert"]
    for target in targets_of(tree):
        for selector in selectors(target["expr"]):
            matchers = {each.name: each.value for each in selector.matchers.matchers}
            assert matchers.get("namespace") == "$namespace", selector.prettify()


def test_the_dashboard_shows_every_metric_of_the_service(tree: Path) -> None:
    defined = metrics_of(tree)
    expressions = [target["expr"] for target in targets_of(tree)]
    used = names(expressions)

    defined_names = {name for samples in defined.values() for name in samples}
    assert used - NOT_DEFINED_BY_THE_SERVICE <= defined_names
    assert [metric for metric, samples in defined.items() if not samples & used] == []


def test_the_alerts_use_only_metrics_of_the_service(tree: Path) -> None:
    used = names([alert["expr"] for alert in alerts_of(tree)]) - NOT_DEFINED_BY_THE_SERVICE

    assert used <= {name for samples in metrics_of(tree).values() for name in samples}


def metrics_of(tree: Path) -> dict[str, set[str]]:
    """Return the names of the samples of each metric that the service's code defines."""
    texts = [file.read_text(encoding="utf-8") for file in (tree / "src/app").rglob("*.py")]
    found = [match for text in texts for match in METRIC.findall(text)]
    return {name: {f"{name}{suffix}" for suffix in SAMPLES[kind]} for kind, name in found}


# --- Alert rules ---


def test_each_alert_has_a_duration_a_severity_and_annotations(tree: Path) -> None:
    alerts = alerts_of(tree)

    assert len({alert["alert"] for alert in alerts}) == len(alerts)
    assert len({group["name"] for group in groups_of(tree)}) == len(groups_of(tree))
    for alert in alerts:
        assert re.fullmatch(r"\d+m", alert["for"])
        assert alert["labels"].keys() == {"severity"}
        assert alert["labels"]["severity"] in {"critical", "warning"}
        for annotation in ("summary", "description"):
            assert alert["annotations"][annotation].endswith(".")


def test_the_documentation_has_a_section_for_each_alert(tree: Path) -> None:
    page = (tree / "docs/telemetry.md").read_text(encoding="utf-8")
    section = page.partition("\n## Alerts\n")[2].partition("\n## ")[0]
    headings = re.findall(r"^### (\w+)$", section, re.MULTILINE)
    runbooks = {alert["alert"]: alert["annotations"]["runbook"] for alert in alerts_of(tree)}

    assert runbooks == {name: f"docs/telemetry.md#{name.lower()}" for name in headings}


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
@pytest.mark.parametrize("worker", [False, True])
def test_the_alert_rules_pass_their_unit_tests(
    worker: bool, render: Render, template: Path, tmp_path: Path
) -> None:
    tree = render(telemetry=True, redis=worker, worker=worker)
    shutil.copytree(tree / "observability", tmp_path, dirs_exist_ok=True)
    shutil.copy(template / "tests/alerts.test.yaml", tmp_path)

    run("promtool", "check", "config", "prometheus.yaml", cwd=tmp_path)
    if worker:
        run("promtool", "test", "rules", "alerts.test.yaml", cwd=tmp_path)


def test_prometheus_scrapes_the_job_that_the_alerts_select(tree: Path) -> None:
    text = (tree / "observability/prometheus.yaml").read_text(encoding="utf-8")
    config = yaml.safe_load(text)

    assert [job["job_name"] for job in config["scrape_configs"]] == [SLUG]
    assert config["rule_files"] == ["alerts.yaml"]


# --- Dashboard ---


def test_the_dashboard_is_formatted_json(tree: Path) -> None:
    text = (tree / "observability/dashboard.json").read_text(encoding="utf-8")

    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


def test_the_panels_fill_the_grid_without_overlaps(tree: Path) -> None:
    panels = dashboard_of(tree)["panels"]
    places = [panel["gridPos"] for panel in panels]
    cells = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    height = max(y for _, y in cells) + 1

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert [(place["y"], place["x"]) for place in places] == sorted(
        (place["y"], place["x"]) for place in places
    )
    assert sorted(cells) == [(x, y) for x in range(COLUMNS) for y in range(height)]


def test_each_panel_uses_the_chosen_data_source(tree: Path) -> None:
    dashboard = dashboard_of(tree)
    variables = {each["name"]: each for each in dashboard["templating"]["list"]}
    chosen = {"type": "prometheus", "uid": "${datasource}"}

    assert dashboard["schemaVersion"] == 39
    assert variables.keys() == {"datasource", "job", "namespace"}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["job"]["datasource"] == chosen
    assert variables["job"]["current"]["value"] == SLUG
    assert variables["namespace"]["datasource"] == chosen
    # Unlike Grafana's default regular expression for "All", `.*` also matches a missing label.
    assert variables["namespace"]["allValue"] == ".*"
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            assert panel["collapsed"] is False
            continue
        assert panel["type"] == "timeseries"
        assert panel["datasource"] == chosen
        assert panel["title"]
        assert panel["description"].endswith(".")
        references = [target["refId"] for target in panel["targets"]]
        assert references == list("ABC"[: len(references)])


@pytest.mark.parametrize("slug", ["null", "a" * 50])
def test_unusual_names_are_quoted(slug: str, template: Path, tmp_path: Path) -> None:
    name = """Bob's "Shop" <1> \\ Ü"""
    answers: Answers = {"telemetry": True, "project_name": name, "project_slug": slug}
    render_to(template, tmp_path / "tree", answers)
    tree = tmp_path / "tree"

    test_the_dashboard_is_formatted_json(tree)
    assert dashboard_of(tree)["title"] == name
    assert len(dashboard_of(tree)["uid"]) <= 40  # Grafana rejects longer uids.
    assert [group["name"] for group in groups_of(tree)] == [slug]


def test_projects_without_telemetry_have_no_dashboard_and_no_alerts(render: Render) -> None:
    assert [path for path in files(render()) if "observability" in path] == []
