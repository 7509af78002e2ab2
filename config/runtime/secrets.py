"""Make the files of secrets that docker-compose.yml names, once.

    SITE_HOST=jiebang.example python -m config.runtime.secrets secrets

Prints what belongs into `.env` beside it. Files that are there stay as they are.
"""

import base64
import os
import secrets
import sys
from pathlib import Path

import pyrage

from config.runtime.environment import log_vkey, new_signing_key

OPENER, EVALUATION, GROUP = 10002, 10003, 10001


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__)
        return 2
    folder = Path(arguments[0])
    folder.mkdir(mode=0o700, exist_ok=True)
    passwords = {
        name: keep(folder / f"{name}_password", secrets.token_urlsafe(32))
        for name in ("superuser", "owner", "app", "redis")
    }
    keep(folder / "secret_key", secrets.token_urlsafe(64))
    keep(folder / "metrics_token", secrets.token_urlsafe(32))
    keep(folder / "s3_secret", secrets.token_urlsafe(32))
    # As marketplace.accounts.factors reads it: an id and 32 bytes.
    keep(folder / "factor_keys", f"first {base64.urlsafe_b64encode(os.urandom(32)).decode()}")
    server = "@postgres:5432/jiebang"
    keep(folder / "database_url", f"postgresql://jiebang_app:{passwords['app']}{server}")
    keep(folder / "database_owner_url", f"postgresql://jiebang_owner:{passwords['owner']}{server}")
    keep(folder / "redis_url", f"redis://:{passwords['redis']}@redis:6379/0")
    keep(folder / "receipt.pem", new_signing_key().decode())
    keep(folder / "log.pem", new_signing_key().decode())
    print(f"OPENER_RECIPIENT={identity(folder / 'opener', OPENER)}")
    print(f"EVALUATION_RECIPIENT={identity(folder / 'evaluation', EVALUATION)}")
    # The log's name is the site's, as settings.py has it without LOG_ORIGIN.
    host = os.environ.get("SITE_HOST", "jiebang.example")
    print(f"OPENER_LOG_VKEY={log_vkey(folder / 'log.pem', f'{host}/log')}")
    return 0


def keep(path: Path, text: str) -> str:
    """Write once; others read it only through a container that is given it, since the folder is ours."""
    if not path.exists():
        path.write_text(text.strip() + "\n")
        path.chmod(0o444)
    return path.read_text().strip()


def identity(folder: Path, account: int) -> str:
    """An age identity in a folder that one account alone reads. Returns the recipient."""
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / "identity.txt"
    if not path.exists():
        path.touch(mode=0o400)
        path.chmod(0o600)
        path.write_text(f"{pyrage.x25519.Identity.generate()}\n")
        path.chmod(0o400)
        if os.geteuid() == 0:
            os.chown(path, account, GROUP)
            os.chown(folder, account, GROUP)
        else:
            print(f"now: sudo chown -R {account}:{GROUP} {folder}", file=sys.stderr)
    return str(pyrage.x25519.Identity.from_str(path.read_text().strip()).to_public())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
