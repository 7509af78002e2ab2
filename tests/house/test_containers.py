"""docker-compose.yml and Dockerfile, read as data: no engine is needed, and none is trusted to tell."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pyrage
import pytest
import yaml
from django.conf import settings

from config.runtime import alive, secrets
from marketplace.accounts import factors
from marketplace.base import heartbeat
from marketplace.files import storage
from marketplace.ledger.verify import parse_vkey
from tests.house.test_operations import read_variables

ROOT = Path(settings.BASE_DIR)
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service.get("build")}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_hardened_and_bounded(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert "healthcheck" in service
    assert "privileged" not in service
    for variable, value in service.get("environment", {}).items():
        assert not re.search(
            "PASSWORD|SECRET|TOKEN|DATABASE_URL$|OWNER_URL$|REDIS_URL$", variable
        ) or (str(value).startswith("/run/secrets/"))


def test_which_services_there_are():
    programs = {"web", "worker", "evaluation", "beat", "opener", "monitor"}
    assert set(OURS) == programs | {"migrate", "backup"}
    assert set(SERVICES) - set(OURS) == {"postgres", "redis", "s3"}
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["web"]
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["web"]["ports"])


def test_the_evaluation_alone_reads_the_truth():
    for name, service in SERVICES.items():
        given = str(service)
        assert ("EVALUATION_IDENTITY_FILE" in given) is (name == "evaluation")
        assert ("./secrets/evaluation" in given) is (name == "evaluation")
    assert SERVICES["evaluation"]["user"] == f"{secrets.EVALUATION}:{secrets.GROUP}"
    assert SERVICES["evaluation"]["networks"] == ["inside"]
    folder = SERVICES["evaluation"]["environment"]["EVALUATION_FOLDER"]
    lines = (ROOT / "Dockerfile").read_text("utf-8")
    assert f"--owner evaluation --group jiebang --mode 0700 {folder}\n" in lines


def test_the_opener_alone_has_the_identity_and_an_account():
    for name, service in SERVICES.items():
        given = str([service.get(key) for key in ("volumes", "environment", "secrets")])
        assert ("OPENER_IDENTITY_FILE" in given) is (name == "opener")
        assert ("/opener" in given) is (name == "opener")
    assert SERVICES["opener"]["user"] == f"{secrets.OPENER}:{secrets.GROUP}"
    assert "outside" not in SERVICES["opener"]["networks"]
    assert "opener_identity" not in COMPOSE["secrets"]
    # Where bids lie open for a moment: a disk, not a memory file system, made as its own in the
    # image, whose owner and mode a new volume takes over.
    folder = SERVICES["opener"]["environment"]["OPENER_FOLDER"]
    assert f"opener:{folder}" in SERVICES["opener"]["volumes"]
    assert "opener" in COMPOSE["volumes"]
    lines = (ROOT / "Dockerfile").read_text("utf-8")
    assert f"install --directory --owner opener --group jiebang --mode 0700 {folder} " in lines


def test_only_migration_and_backup_own_the_database():
    owners = {name for name, one in OURS.items() if "database_owner_url" in one["secrets"]}
    assert owners == {"migrate", "backup"}
    assert {name for name, one in OURS.items() if "receipt_key" not in one["secrets"]} == {
        "migrate",
        "evaluation",
        "monitor",
    }


def test_what_is_given_is_read():
    given = {name for service in OURS.values() for name in service["environment"]}
    plain = {name.removesuffix("_FILE") for name in read_variables()}
    assert {name.removesuffix("_FILE") for name in given} <= plain


def test_the_image_runs_as_nobody_special():
    lines = (ROOT / "Dockerfile").read_text("utf-8")
    assert re.findall(r"^USER (.+)$", lines, re.MULTILINE) == ["10001:10001"]
    for uid in (secrets.OPENER, secrets.EVALUATION, secrets.GROUP):
        assert f"--uid {uid} " in lines
    for command in re.findall(r"config/\w+\.json|config\.runtime\.\w+", lines):
        path = command if command.endswith("json") else command.replace(".", "/") + ".py"
        assert (ROOT / path).exists()


# -- The files of secrets ----------------------------------------------------------------------
def test_every_secret_is_made_once(tmp_path, capsys, settings):
    folder = tmp_path / "secrets"
    assert secrets.main([str(folder)]) == 0
    printed = capsys.readouterr().out.strip()
    named = {Path(one["file"]).name for one in COMPOSE["secrets"].values()}
    assert {path.name for path in folder.iterdir()} == named | {"opener", "evaluation"}
    assert folder.stat().st_mode & 0o077 == 0
    identity = folder / "opener" / "identity.txt"
    assert identity.stat().st_mode & 0o077 == 0
    made = pyrage.x25519.Identity.from_str(identity.read_text().strip())
    recipient, sealed_to, vkey = printed.splitlines()
    assert recipient == f"OPENER_RECIPIENT={made.to_public()}"
    identity = folder / "evaluation" / "identity.txt"
    made = pyrage.x25519.Identity.from_str(identity.read_text().strip())
    assert sealed_to == f"EVALUATION_RECIPIENT={made.to_public()}"
    assert parse_vkey(vkey.removeprefix("OPENER_LOG_VKEY=")).name == "jiebang.example/log"
    app = (folder / "app_password").read_text().strip()
    assert f":{app}@postgres:5432/jiebang" in (folder / "database_url").read_text()

    settings.FACTOR_KEY_FILE = str(folder / "factor_keys")
    assert factors.unseal(factors.seal("seed")) == "seed"
    assert list(factors.keys()) == ["first"]

    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    secrets.main([str(folder)])
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_settings_read_secrets_from_files(tmp_path):
    (tmp_path / "key").write_text("from-a-file-" * 6 + "\n")
    code = "from django.conf import settings; print(settings.SECRET_KEY)"
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
    env = {"SECRET_KEY_FILE": str(tmp_path / "key"), "SECRET_KEY": "other"}
    done = subprocess.run(
        command, cwd=ROOT, env=dict(os.environ) | env, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "from-a-file-" * 6
    env = {"SECRET_KEY_FILE": str(tmp_path / "nowhere")}
    done = subprocess.run(
        command, cwd=ROOT, env=dict(os.environ) | env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "SECRET_KEY_FILE cannot be read: No such file or directory" in done.stderr


# -- Whether a container lives -------------------------------------------------------------------
def test_a_sign_of_life_keeps_a_container_healthy(committing_db, tmp_path, monkeypatch, capsys):
    assert alive.main(["opener", "60"]) == 1
    heartbeat._last.clear()
    heartbeat.beat(heartbeat.OPENER)
    heartbeat._last.clear()
    assert alive.main(["opener", "60"]) == 0
    with psycopg.connect(committing_db.url) as connection:
        connection.execute("UPDATE marketplace_heartbeat SET beat_at = beat_at - interval '2 min'")
    assert alive.main(["opener", "60"]) == 1
    (tmp_path / "url").write_text("postgresql://nobody@127.0.0.1:1/x\n")
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "url"))
    assert alive.main(["opener", "60"]) == 1
    assert alive.main([]) == 2
    told = capsys.readouterr().out
    assert "opener has given no sign of life yet" in told
    assert "opener is silent for 12" in told
    assert "the database does not answer (OperationalError)" in told


def test_web_is_healthy_while_it_is_ready(site, settings, tmp_path, monkeypatch, capsys):
    settings.STORAGE_ROOT = tmp_path
    monkeypatch.setenv("ALIVE_URL", f"{site}/health/ready")
    assert alive.main(["web"]) == 0
    settings.STORAGE_ROOT = tmp_path / "file" / "storage"
    assert alive.main(["web"]) == 1
    assert "503: " in capsys.readouterr().out
    monkeypatch.setenv("ALIVE_URL", "http://127.0.0.1:1/")
    assert alive.main(["web"]) == 1


def test_the_group_reads_only_where_it_is_told_to(settings, tmp_path):
    settings.STORAGE_ROOT = tmp_path
    for shared, folder_mode, mode in ((False, 0o700, 0o600), (True, 0o750, 0o640)):
        settings.STORAGE_SHARED = shared
        with storage.incoming(f"shared-{shared}") as incoming:
            incoming.writer.write(b"sealed")
        path = storage.path_of(incoming.stored.name)
        assert path.stat().st_mode & 0o777 == mode
        assert path.parent.stat().st_mode & 0o777 == folder_mode
