"""200 MB in and out of the programs in service: by a client of others, in little memory."""

import hashlib
import re
from pathlib import Path

import pytest
from tusclient.client import TusClient

from marketplace.files.models import Upload, UploadState
from tests import world
from tests.faults.test_interruptions import children_of

MEGA = 1000 * 1000
GROWTH_MOST = 80 * MEGA


def peak_bytes(pids):
    """The most memory that any of these processes ever held."""
    text = [Path(f"/proc/{pid}/status").read_text() for pid in pids]
    return max(int(re.search(r"VmHWM:\s+(\d+) kB", one)[1]) * 1024 for one in text)


@pytest.mark.slow
def test_200_mb_by_tuspy_in_flat_memory(service, tmp_path):
    web = service.start_web()
    owner = world.owner()
    session = service.signed_in(owner)
    session.get(f"{service.address}/scenarios/new/", timeout=30)
    pids = [web.process.pid, *children_of(web.process.pid)]
    before = peak_bytes(pids)
    path = tmp_path / "plan.bin"
    path.write_bytes(bytes(range(250)) * (200 * MEGA // 250))
    cookies = "; ".join(f"{name}={value}" for name, value in session.cookies.items())
    headers = {"Cookie": cookies, "X-CSRFToken": session.cookies["csrftoken"]}
    client = TusClient(f"{service.address}/api/v1/uploads/", headers=headers)
    told = {"filename": "plan.bin", "purpose": "attachment"}
    with path.open("rb") as file:
        client.uploader(file_stream=file, chunk_size=8 * 1024 * 1024, metadata=told).upload()
    row = Upload.objects.get()
    assert (row.state, row.length) == (UploadState.STORED, 200 * MEGA)
    running = hashlib.sha256()
    with session.get(f"{service.address}/files/{row.uid}/", stream=True, timeout=60) as answer:
        for piece in answer.iter_content(MEGA):
            running.update(piece)
    assert running.hexdigest() == row.sha256
    grown = peak_bytes(pids) - before
    print(f"peak grew by {grown / MEGA:.0f} MB from {before / MEGA:.0f} MB")  # noqa: T201
    assert grown < GROWTH_MOST
