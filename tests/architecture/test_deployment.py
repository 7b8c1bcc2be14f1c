"""What the images and the compose file promise, read from the files: there is no Docker where the tests run."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.sources import ROOT

TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
ONE_SHOT = {"migrate"}
SECRETS = {"WINNOW_API_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY"}


def test_the_services_are_those_of_the_design() -> None:
    assert set(SERVICES) == {"api", "worker", "worker-gpu", "migrate", "postgres", "redis", "objects"}
    assert [name for name, service in SERVICES.items() if "profiles" in service] == ["worker-gpu"]


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_health_checked_or_runs_once(name: str) -> None:
    service = SERVICES[name]
    if name in ONE_SHOT:
        assert service["restart"] == "no"
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}


@pytest.mark.parametrize("name", SERVICES)
def test_each_wait_is_for_something_that_can_come(name: str) -> None:
    for other, wait in SERVICES[name].get("depends_on", {}).items():
        assert wait["condition"] == ("service_completed_successfully" if other in ONE_SHOT else "service_healthy")


def test_only_the_api_is_reachable_and_only_from_here() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert list(published) == ["api"]
    assert all(port.startswith("127.0.0.1:") for port in published["api"])


def test_nothing_starts_without_its_secrets() -> None:
    used = dict(re.findall(r"\$\{(\w+)(:[?-])", TEXT))
    assert {name for name, how in used.items() if how == ":?"} == SECRETS
    assert not re.findall(r"\$\{\w+\}|(?<!\$)\$\w", TEXT), "every variable says what happens where it is not set"


def test_secrets_are_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    subprocess.run(["make", ".env"], cwd=tmp_path, check=True, capture_output=True)
    made = (tmp_path / ".env").read_text()
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    secrets = dict(line.split("=") for line in made.splitlines() if not line.startswith("#"))
    assert set(secrets) == SECRETS
    assert all(re.fullmatch("[0-9a-f]{48}", secret) for secret in secrets.values())
    assert len(set(secrets.values())) == len(SECRETS)
    subprocess.run(["make", ".env"], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / ".env").read_text() == made


def test_redis_keeps_an_append_only_file() -> None:
    assert "--appendonly yes" in " ".join(SERVICES["redis"]["command"])


def test_images_run_modules_that_exist_and_not_as_root() -> None:
    started = re.findall(r'"-m", "([\w.]+)"', DOCKERFILE) + re.findall(r"-m, ([\w.]+)", TEXT)
    assert {"app", "worker", "app.migrate", "worker.health"} <= set(started)
    for module in started:
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module
    stages = DOCKERFILE.split("\nFROM ")
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001"]
    assert [stage.split()[:3] for stage in stages[-2:]] == [["run", "AS", "api"], ["run", "AS", "worker"]]


def test_what_is_copied_into_images_exists_and_reaches_the_builder() -> None:
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    copied = {name for line in lines for name in line.split()[:-1]}
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == let_in
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_settings_in_the_compose_file_are_settings_of_the_programs() -> None:
    from app.settings import Settings as Api  # noqa: PLC0415 - the other tests here read files alone
    from worker.settings import Settings as Worker  # noqa: PLC0415 - see above

    for name, settings in {"api": Api, "migrate": Api, "worker": Worker, "worker-gpu": Worker}.items():
        known = {f"WINNOW_{field.upper()}" for field in settings.model_fields}
        assert set(SERVICES[name]["environment"]) <= known, name
