"""What the Dockerfile offers is what compose.yaml, its configuration and the README's examples use."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from sync.settings import Settings, load

ROOT = Path(__file__).parents[2]
STATE = "/var/lib/customer-sync"
CONFIG = "/etc/customer-sync"


def dockerfile(word: str) -> str:
    """The last line of the Dockerfile that begins with this word."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
    return re.findall(rf"^{word} (.*)$", text, re.MULTILINE)[-1]


def examples(kind: str) -> list[Any]:
    """The README's examples of that kind."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    documents = [tree for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) for tree in yaml.safe_load_all(block)]
    return [tree for tree in documents if tree["kind"] == kind]


@pytest.fixture
def compose() -> Any:
    return yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]


@pytest.fixture
def settings(compose: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The configuration as compose.yaml mounts it."""
    for name, text in compose["customer-sync"]["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:-(.*)\}", r"\1", text))
    for mount in compose["customer-sync"]["volumes"]:
        here, there, *_ = mount.split(":")
        if there.startswith(CONFIG):
            (tmp_path / there.removeprefix(f"{CONFIG}/")).symlink_to(ROOT / here)
    return load(tmp_path)


def test_compose_starts_the_service_with_a_configuration_that_is_valid(settings: Settings, compose: Any) -> None:
    assert (settings.service.listen.host, settings.service.token is not None) == ("0.0.0.0", True)
    places = {account.vendor.place.partition("//")[2].partition("/")[0] for account in settings.accounts.values()}
    assert places == {"sandbox:8900"}
    assert compose["sandbox"]["command"] == ["sandbox", "--host", "0.0.0.0", "--port", "8900"]
    command, folder = compose["customers"]["command"]
    assert (command, str(settings.sources["crm"].path)) == ("demo", f"{folder}/customers.sqlite")


def test_health_is_asked_for_where_the_service_listens(settings: Settings, compose: Any) -> None:
    port = settings.service.listen.port
    assert f"'127.0.0.1', {port}" in dockerfile("HEALTHCHECK")
    assert dockerfile("EXPOSE") == str(port)
    assert compose["customer-sync"]["ports"] == [f"127.0.0.1:{port}:{port}"]


def test_the_image_serves_as_nobody_and_keeps_its_state_in_the_volume(compose: Any) -> None:
    assert json.loads(dockerfile("CMD")) == ["serve", "--config", CONFIG]
    assert (dockerfile("USER"), dockerfile("STOPSIGNAL")) == ("10001:10001", "SIGTERM")
    assert (dockerfile("VOLUME"), dockerfile("WORKDIR")) == (STATE, STATE)
    assert f"state:{STATE}" in compose["customer-sync"]["volumes"]
    assert all(service["read_only"] and service["cap_drop"] == ["ALL"] for service in compose.values())


@pytest.mark.parametrize("kind", ["Deployment", "CronJob"])
def test_the_examples_for_kubernetes_run_the_image_as_it_is_made(kind: str) -> None:
    [example] = examples(kind)
    pod = (example["spec"]["template"] if kind == "Deployment" else example["spec"]["jobTemplate"]["spec"]["template"])["spec"]
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsUser"] == int(dockerfile("USER").partition(":")[0])
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert (mounts["config"], mounts["state"], mounts["tmp"]) == (CONFIG, STATE, "/tmp")
    assert sorted(mounts) == sorted(volume["name"] for volume in pod["volumes"])
