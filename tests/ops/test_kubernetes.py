"""The manifests of a cluster: nobody is root, nothing is written but volumes, and every secret is a file."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
SECRETS = {"BANKSEG_SECRET_KEY", "BANKSEG_STORE_URL", "BANKSEG_LAKE_ACCESS_KEY", "BANKSEG_LAKE_SECRET_KEY"}


@pytest.fixture(scope="module")
def cluster():
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load((FOLDER / "cluster.yaml").read_text(encoding="utf-8"))["spec"]


@pytest.mark.parametrize("part", ["scheduler", "worker"])
def test_each_pod_is_locked_and_reads_its_secrets_from_files(cluster, part):
    pod = cluster[part]["spec"]
    (container,) = pod["containers"]
    names = {variable["name"] for variable in container["env"]}

    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"] == {"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert not names & SECRETS
    assert "memory" in container["resources"]["limits"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


def test_a_worker_has_one_thread_bounded_memory_and_the_files_of_the_bank(cluster):
    container = cluster["worker"]["spec"]["containers"][0]
    arguments, values = container["args"], {variable["name"]: variable["value"] for variable in container["env"]}

    assert arguments[arguments.index("--nthreads") + 1] == "1"
    assert arguments[arguments.index("--memory-limit") + 1] == "6GB"
    assert {f"{name}_FILE" for name in SECRETS} <= set(values)
    assert values["BANKSEG_LAKE_URL"].startswith("s3://")
    mounted = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert any(values["BANKSEG_LAKE_COPIES"].startswith(f"{place}/") for place in mounted)
    assert int(values["BANKSEG_LAKE_COPIES_GB"]) < 20  # the limit of the scratch volume
    assert values["DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION"] == "true"
    assert arguments[2].startswith("tls://")
