"""The manifest of a Ray cluster on Kubernetes: read, not applied; no cluster is at hand."""

from typing import Any

import yaml

from tests.deploy.files import PROJECT, SERVICES, stages

CLUSTER = yaml.safe_load((PROJECT / "deploy" / "kuberay.yaml").read_text(encoding="utf-8"))
WORKERS = {group["groupName"]: group for group in CLUSTER["spec"]["workerGroupSpecs"]}
PODS: list[Any] = [
    each["template"]["spec"] for each in (CLUSTER["spec"]["headGroupSpec"], *CLUSTER["spec"]["workerGroupSpecs"])
]


def test_it_is_of_the_version_of_ray_that_the_image_holds() -> None:
    assert f"=={CLUSTER['spec']['rayVersion']}" in str(stages()["build-trainer"].own)


def test_every_pod_runs_as_the_user_of_the_image_and_not_as_root() -> None:
    user = int((stages()["trainer"].last("USER") or "").partition(":")[0])
    for pod in PODS:
        assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, user)
        assert pod["containers"][0]["securityContext"]["allowPrivilegeEscalation"] is False


def test_every_pod_has_the_token_as_a_file_and_the_environment_of_the_compose_file() -> None:
    for pod in PODS:
        environment = {each["name"]: each["value"] for each in pod["containers"][0]["env"]}
        assert environment.keys() == SERVICES["ray-head"]["environment"].keys()
        path = environment["RAY_AUTH_TOKEN_PATH"]
        assert any(path.startswith(mount["mountPath"] + "/") for mount in pod["containers"][0]["volumeMounts"])
        mounted = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_one_group_of_workers_has_gpus() -> None:
    limits = {
        name: group["template"]["spec"]["containers"][0]["resources"]["limits"] for name, group in WORKERS.items()
    }
    assert [name for name, each in limits.items() if "nvidia.com/gpu" in each] == ["gpu"]
