"""Files in a bucket of an S3-compatible store."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import urllib3.exceptions
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings

from marketplace.files import spool

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# A store that does not answer must not hold a request for long.
CONFIG = Config(
    connect_timeout=3,
    read_timeout=30,
    retries={"total_max_attempts": 2, "mode": "standard"},
    s3={"addressing_style": "path"},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)
NOT_THERE = {"NoSuchKey", "404", "NotFound"}


class StoreFault(OSError):
    """The store is away, refuses us, or did not keep what it was given."""


@lru_cache(maxsize=4)
def client_of(endpoint: str, region: str, key_id: str, secret: str) -> S3Client:
    """One client for all threads of a process; it keeps its connections."""
    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint or None,
        region_name=region,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        config=CONFIG,
    )


def client() -> S3Client:
    return client_of(
        settings.S3_ENDPOINT_URL, settings.S3_REGION, settings.S3_KEY_ID, settings.S3_SECRET
    )


@contextmanager
def plain_errors() -> Iterator[None]:
    """What goes wrong with the store as an OSError; a key that is not there as its own kind.

    A bucket that is not there is a store that is away, never a lost file.
    """
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in NOT_THERE:
            raise FileNotFoundError from error
        raise StoreFault from error
    except (BotoCoreError, urllib3.exceptions.HTTPError) as error:
        raise StoreFault from error


class S3:
    """Raises StoreFault (an OSError), FileNotFoundError for what is not there."""

    def draft(self, name: str) -> Path:
        """The file is put in one piece, so it is collected in the spool first."""
        return spool.folder() / f"{uuid4()}.in.part"

    def take(self, draft: Path, name: str, sha256: str, size: int) -> None:
        self.copy(draft, name, sha256, size)
        draft.unlink(missing_ok=True)

    def copy(self, source: Path, name: str, sha256: str, size: int) -> None:
        """Put, and look whether the store holds what it was given.

        The store checks the hash that comes along; one that does not tell it back is read again.
        """
        wanted = b64encode(bytes.fromhex(sha256)).decode()
        where: dict[str, Any] = {"Bucket": settings.S3_BUCKET, "Key": name}
        with plain_errors(), source.open("rb") as body:
            client().put_object(**where, Body=body, ContentLength=size, ChecksumSHA256=wanted)
            kept = client().head_object(**where, ChecksumMode="ENABLED")
        told = kept.get("ChecksumSHA256") or self.hash_again(name)
        if kept["ContentLength"] != size or told != wanted:
            raise StoreFault("the store holds other bytes than it was given")

    def hash_again(self, name: str) -> str:
        running = hashlib.sha256()
        for piece in self.pieces(name, 0, -1, 1024 * 1024):
            running.update(piece)
        return b64encode(running.digest()).decode()

    def read(self, name: str) -> bytes:
        with plain_errors():
            return client().get_object(Bucket=settings.S3_BUCKET, Key=name)["Body"].read()

    def pieces(self, name: str, start: int, length: int, piece: int) -> Iterator[bytes]:
        """length: how many bytes, -1 for all that follow."""
        last = "" if length < 0 else start + length - 1
        with plain_errors():
            body = client().get_object(
                Bucket=settings.S3_BUCKET, Key=name, Range=f"bytes={start}-{last}"
            )["Body"]
            try:
                while found := body.read(piece):
                    yield found
            finally:
                body.close()

    def discard(self, name: str) -> None:
        with plain_errors():
            client().delete_object(Bucket=settings.S3_BUCKET, Key=name)

    def is_there(self, folder: str) -> bool:
        try:
            with plain_errors():
                client().head_bucket(Bucket=settings.S3_BUCKET)
        except OSError:
            return False
        return True

    def names(self, folder: str) -> Iterator[tuple[str, datetime]]:
        pages = client().get_paginator("list_objects_v2")
        with plain_errors():
            for page in pages.paginate(Bucket=settings.S3_BUCKET, Prefix=f"{folder}/"):
                for entry in page.get("Contents", []):
                    yield entry["Key"], entry["LastModified"]
