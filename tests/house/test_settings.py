"""Safe by default: what is missing stops the start, and the production example passes Django."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def example() -> dict[str, str]:
    lines = (ROOT / "docs/production.env.example").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def manage(*command: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    kept = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "config.settings"}
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT, env=kept | env, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_production_example_is_clean():
    done = manage("check", "--deploy", "--fail-level", "WARNING", env=example())
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "name",
    [
        "SECRET_KEY",
        "DATABASE_URL",
        "REDIS_URL",
        "STORAGE_ROOT",
        "RECEIPT_KEY_FILE",
        "LOG_KEY_FILE",
        "FACTOR_KEY_FILE",
        "OPENER_RECIPIENT",
        "EVALUATION_RECIPIENT",
    ],
)
def test_what_is_missing_stops_the_start(name):
    env = example()
    del env[name]
    done = manage("check", env=env)
    assert done.returncode != 0
    assert f"{name} is not set" in done.stderr


@pytest.mark.parametrize("vkey", ["abc", "log.example+deadbeef+AAAA"])
def test_a_witness_whose_key_is_none_stops_the_start(vkey):
    done = manage("check", env=example() | {"LOG_WITNESSES": vkey})
    assert done.returncode != 0
    assert f"LOG_WITNESSES: '{vkey}' is no verifier key of a witness" in done.stderr


def test_nothing_else_reads_the_environment():
    allowed = {"config/settings.py", "config/celery.py", "config/wsgi.py"}
    readers = {
        str(path.relative_to(ROOT))
        for folder in ("config", "marketplace")
        for path in (ROOT / folder).rglob("*.py")
        if "os.environ" in path.read_text("utf-8")
    }
    runtime = {name for name in readers if name.startswith("config/runtime/")}
    # season makes an environment for the processes that it starts
    assert readers - runtime - allowed == {"marketplace/management/commands/season.py"}


@pytest.mark.parametrize("name", ["django.contrib.admin", "django.contrib.gis"])
def test_what_must_not_be_installed(settings, name):
    assert name not in settings.INSTALLED_APPS


def test_debug_is_off_and_scripts_come_from_us(settings):
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    assert settings.DEBUG is False
    assert directives["script-src"] == directives["style-src"] == ["'self'"]
