"""What a token looks like: `jb_`, 256 random bits, a checksum. Pure.

The prefix lets scanners find a token in a place where it should not be; the checksum tells a
token from noise without asking a database. Letters and digits only, so a double click takes all.
"""

import re
import secrets
import string
import zlib

PREFIX = "jb_"
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
SECRET_BYTES = 32
SECRET_LENGTH = 43  # 62**43 > 2**256 > 62**42
CHECK_LENGTH = 6  # 62**6 > 2**32
PATTERN = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{SECRET_LENGTH + CHECK_LENGTH}}}")


def base62(number: int, length: int) -> str:
    """Most significant digit first, filled with zeros."""
    digits = []
    for _ in range(length):
        number, rest = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[rest])
    return "".join(reversed(digits))


def checksum(body: str) -> str:
    """CRC-32 over prefix and secret."""
    return base62(zlib.crc32((PREFIX + body).encode("ascii")), CHECK_LENGTH)


def make() -> str:
    body = base62(int.from_bytes(secrets.token_bytes(SECRET_BYTES)), SECRET_LENGTH)
    return f"{PREFIX}{body}{checksum(body)}"


def well_formed(text: str) -> bool:
    """Whether it could be one of ours. Says nothing about whether it is."""
    if not PATTERN.fullmatch(text):
        return False
    body, check = text[len(PREFIX) : -CHECK_LENGTH], text[-CHECK_LENGTH:]
    return checksum(body) == check


def bearer_text(header: str) -> str | None:
    """What an Authorization header gives as a token; None where it speaks of something else."""
    kind, _space, text = header.partition(" ")
    return text.strip() if kind.lower() == "bearer" else None
