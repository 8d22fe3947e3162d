"""The files under deploy/ and those of Compose: sound by the schemas of their readers, and true to the settings."""

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from app.settings import Settings
from tests.cluster.cluster import variables

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = ("1.32", "1.36")  # the oldest and the newest that the manifests are checked against
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
COMPOSE = ("docker-compose.yml", "docker-compose.cluster.yml")

# What KubeRay's RayService v1 has, as far as it is used here: its schema comes with its operator, not with Kubernetes.
RAY_SERVICE = {"serveConfigV2", "rayClusterConfig"}
RAY_CLUSTER = {"rayVersion", "enableInTreeAutoscaling", "headGroupSpec", "workerGroupSpecs"}
HEAD = {"rayStartParams", "template"}
WORKERS = {"groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"}


def resources() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in MANIFESTS:
        for resource in yaml.safe_load_all(path.read_text()):
            yield f"{path.name} {resource['kind']} {resource['metadata']['name']}", resource


def ray_service() -> dict[str, Any]:
    return next(resource for _, resource in resources() if resource["kind"] == "RayService")


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every template of a pod, those of KubeRay included, as a resource of Kubernetes' own."""
    templates = {name: one["spec"]["template"] for name, one in resources() if one["kind"] == "Deployment"}
    cluster = ray_service()["spec"]["rayClusterConfig"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        templates[group.get("groupName", "head")] = group["template"]
    for name, template in templates.items():
        metadata = {"name": name.lower(), "namespace": "fitserve"}
        yield name, {"apiVersion": "v1", "kind": "PodTemplate", "metadata": metadata, "template": template}


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_accepts_every_manifest(version: str):
    own = [resource for _, resource in resources() if resource["apiVersion"] != "ray.io/v1"]
    assert {one["kind"] for one in own} >= {
        "Deployment", "Service", "PersistentVolumeClaim", "Secret", "HorizontalPodAutoscaler", "PodDisruptionBudget",
        "NetworkPolicy",
    }  # fmt: skip
    for resource in [*own, *(pod for _, pod in pods())]:
        kubernetes_validate.validate(resource, version, strict=True)


def test_what_kubernetes_would_refuse_is_noticed():
    _, pod = next(pods())
    pod["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pod, KUBERNETES[-1], strict=True)


def test_the_ray_service_has_only_what_kuberay_knows():
    spec = ray_service()["spec"]
    cluster = spec["rayClusterConfig"]
    assert set(spec) == RAY_SERVICE
    assert set(cluster) == RAY_CLUSTER
    assert set(cluster["headGroupSpec"]) == HEAD
    assert all(set(group) == WORKERS for group in cluster["workerGroupSpecs"])
    pinned = re.search(r"^ray==(.*)$", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE)
    assert pinned
    assert cluster["rayVersion"] == pinned[1]


def test_both_ways_to_ray_serve_are_the_same():
    config = yaml.safe_load((DEPLOY / "ray-serve.yaml").read_text())
    inner = yaml.safe_load(ray_service()["spec"]["serveConfigV2"])
    for one in (config, inner):
        one["applications"][0]["runtime_env"]["env_vars"] = None  # they say where things are
    assert inner == config
    given = next(one["data"] for name, one in resources() if name.endswith("ConfigMap fitserve-ray"))
    assert given == variables(DEPLOY / "ray.env")


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs Ray: pip install fitserve[cluster]")
def test_ray_serve_accepts_the_config():
    check = (
        "import sys, yaml; from ray.serve.schema import ServeDeploySchema as S; S(**yaml.safe_load(open(sys.argv[1])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", check, DEPLOY / "ray-serve.yaml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_pod_is_nobody_and_confined():
    for name, pod in pods():
        spec = pod["template"]["spec"]
        assert spec["securityContext"]["runAsUser"] == 10001, name
        for container in spec["containers"]:
            context = container["securityContext"]
            assert not context["allowPrivilegeEscalation"]
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]
            assert container["image"] == "fitserve:cluster"


def test_every_name_that_is_referred_to_is_there():
    known = {(one["kind"], one["metadata"]["name"]) for _, one in resources()}
    for name, pod in pods():
        spec = pod["template"]["spec"]
        for container in spec["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} == {one["name"] for one in spec["volumes"]}
            for source in container["envFrom"]:
                ((kind, reference),) = source.items()
                assert (kind[0].upper() + kind[1:-3], reference["name"]) in known, name
        for volume in spec["volumes"]:
            if "secret" in volume:
                assert ("Secret", volume["secret"]["secretName"]) in known
            if "persistentVolumeClaim" in volume:
                assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in known


def test_every_setting_in_these_files_exists():
    known = {f"FITSERVE_{name.upper()}" for name in Settings.model_fields}
    files = [*MANIFESTS, *DEPLOY.glob("*.*"), ROOT / "Dockerfile", *(ROOT / name for name in COMPOSE)]
    for path in files:
        used = set(re.findall(r"FITSERVE_[A-Z_]+", path.read_text())) - {
            "FITSERVE_TARGET",
            "FITSERVE_EXTRAS",
            "FITSERVE_",
        }
        assert used <= known, path.name


def test_every_image_that_is_built_has_its_target():
    targets = set(re.findall(r"^FROM \S+ AS (\w+)$", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE))
    built = {
        service["build"].get("target")
        for name in COMPOSE
        for service in yaml.safe_load((ROOT / name).read_text())["services"].values()
        if "build" in service
    }
    assert {"full", "serve", "cluster"} <= targets
    assert built - {"${FITSERVE_TARGET:-full}"} <= targets
