"""The dashboard asks for metrics and labels that the services have, and Prometheus reads every service."""

import json
import re
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from deploy.local import compose
from deploy.local.docker import COMPOSE
from deploy.local.layout import REPOSITORY
from services.notifier.messages import operations as _mails
from services.portal.locale.texts import FOLDER
from services.portal.pages.operations import answers, runbook
from shared import metrics as _metrics

FOLDER_OF_DASHBOARDS = REPOSITORY / "deploy" / "dashboards"
OF_PROMETHEUS = {"job", "instance", "le"}
WAITING = {"outbox", "timers", "parked", "mails", "failed_mails", "receipts"}
"""What the services count, see the tests of their figures."""

assert _mails and _metrics  # they register


def _known() -> dict[str, set[str]]:
    """Every series of our own by name, with its labels."""
    registry: Any = REGISTRY  # it has no public way to the names
    names = registry._names_to_collectors
    return {name: set(one._labelnames) for name, one in names.items() if name.startswith("lockstep_")}


def _dashboards() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{path.stem}: {panel['title']}", panel)
        for path in sorted(FOLDER_OF_DASHBOARDS.glob("*.json"))
        for panel in json.loads(path.read_text())["panels"]
    ]


@pytest.mark.parametrize("panel", [one for _, one in _dashboards()], ids=[name for name, _ in _dashboards()])
def test_every_panel_asks_for_series_and_labels_that_there_are(panel: dict[str, Any]) -> None:
    known = _known()
    assert panel["targets"]
    for target in panel["targets"]:
        expression = target["expr"]
        series = re.findall(r"\b(lockstep_\w+)(\{[^}]*\})?", expression)
        assert series, expression
        labels: set[str] = set(OF_PROMETHEUS)
        for name, selector in series:
            assert name in known, f"{name} is not in the registry"
            labels |= known[name]
            for label, value in re.findall(r'(\w+)=~?"([^"]*)"', selector):
                assert label in known[name], f"{name} has no label {label}"
                assert label != "what" or value in WAITING
        for group in re.findall(r"by \(([^)]*)\)", expression):
            assert {name.strip() for name in group.split(",")} <= labels, expression
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= labels


def test_no_two_panels_stand_on_one_another() -> None:
    taken: set[tuple[int, int]] = set()
    for name, panel in _dashboards():
        at = panel["gridPos"]
        own = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not taken & own and max(x for x, _ in own) < 24, name
        taken |= own


def test_prometheus_reads_every_service_where_it_serves_its_metrics() -> None:
    jobs = yaml.safe_load((FOLDER_OF_DASHBOARDS / "prometheus.yaml").read_text())["scrape_configs"]
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in jobs}
    assert targets.keys() == set(compose.SERVICES)
    portal = yaml.safe_load(COMPOSE.read_text())["services"]["portal"]
    port = portal["environment"]["LOCKSTEP_METRICS_ADDRESS"].rpartition(":")[2]
    assert targets.pop("portal") == [f"portal:{port}"] and not any(port in one for one in portal["ports"])
    assert all(where == [f"{name}:8000"] for name, where in targets.items())


def test_what_is_mounted_is_there_and_grafana_finds_its_source() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    for name in ("prometheus", "grafana"):
        for mount in services[name]["volumes"]:
            if mount.startswith("./"):
                assert (COMPOSE.parent / mount.split(":")[0]).exists(), mount
    source = FOLDER_OF_DASHBOARDS / "provisioning" / "datasources" / "prometheus.yaml"
    (known,) = yaml.safe_load(source.read_text())["datasources"]
    assert {target["datasource"]["uid"] for _, panel in _dashboards() for target in panel["targets"]} == {known["uid"]}


def test_every_metric_that_the_runbook_names_is_there() -> None:
    text = (REPOSITORY / "docs" / "operations.md").read_text()
    named = set(re.findall(r"`(lockstep_\w+)", text))
    assert len(named) > 10 and named <= set(_known())


def test_every_finding_leads_to_a_place_in_the_runbook() -> None:
    source = (FOLDER.parent / "pages" / "operations" / "answers.py").read_text()
    anchors = set(re.findall(r'^ +"([a-z]+(?:-[a-z]+)+)",$', source, re.MULTILINE))
    places = set(re.findall(r'id="([^"]+)"', runbook.read(REPOSITORY / "docs" / "operations.md") or ""))
    assert len(anchors) >= 15 and anchors <= places, anchors - places
    assert answers.HOPS.keys() == answers.HOP_SECONDS.keys()
