"""A large file from a page: 200 MB over a connection that breaks, paused, and after a reload."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import threading
from contextlib import suppress

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import expect

from marketplace.files import storage
from marketplace.files.models import Upload, UploadState
from marketplace.scenarios.attachments import Attachment
from tests import world
from tests.faults.service import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]
MEGA = 1000 * 1000


class Wire:
    """A TCP proxy on loopback that can be cut: every connection breaks, later ones pass again.

    It can also be held: after so many bytes nothing passes until it is let go.
    """

    def __init__(self, port):
        self.target = ("localhost", port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets: set[socket.socket] = set()
        self.passed = 0
        self.cut_after: int | None = None
        self.hold_after: int | None = None
        self.go_on = threading.Event()
        self.cuts = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.create_connection(self.target)
                self.sockets |= {near, far}
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self.pump, args=(source, sink), daemon=True).start()

    def pump(self, source, sink):
        with suppress(OSError):
            while piece := source.recv(65536):
                sink.sendall(piece)
                self.passed += len(piece)
                if self.cut_after is not None and self.passed > self.cut_after:
                    self.cut_after = None
                    self.cut()
                if self.hold_after is not None and self.passed > self.hold_after:
                    self.go_on.wait()
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def hold(self, after):
        self.go_on.clear()
        self.hold_after = self.passed + after

    def let_go(self):
        self.hold_after = None
        self.go_on.set()

    def cut(self):
        self.cuts += 1
        for one in list(self.sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self.sockets.clear()

    def close(self):
        self.let_go()
        self.listener.close()
        self.cut()


@pytest.fixture
def wire(site):
    made = Wire(int(site.rpartition(":")[2]))
    yield made
    made.close()


@pytest.fixture
def desk(wire, page):
    """(draft, page of its files), signed in, over the wire."""
    owner = world.owner()
    scenario = world.draft_scenario(owner)
    client = Client()
    client.force_login(owner.user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    address = f"http://localhost:{wire.port}"
    page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": address}]
    )
    faults = []
    page.on("console", lambda said: faults.append(said.text) if "Content Sec" in said.text else 0)
    page.goto(f"{address}/en/scenarios/{scenario.address}/files/")
    yield scenario, page
    assert faults == []


def make_file(path, size):
    """(its path, its SHA-256)."""
    running = hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(size // MEGA):
            block = os.urandom(MEGA)
            running.update(block)
            file.write(block)
    return str(path), running.hexdigest()


def words(page):
    return page.locator("[data-upload-words]")


def attach(page):
    page.get_by_label("What it is called on the page").fill("Network plan")
    page.get_by_role("button", name="Add the file").click()
    expect(page.get_by_text("The file belongs to the draft now.")).to_be_visible()


def test_200_mb_over_a_connection_that_breaks(desk, wire, tmp_path):
    scenario, page = desk
    path, sha256 = make_file(tmp_path / "plan.bin", 200 * MEGA)
    wire.cut_after = wire.passed + 90 * MEGA
    page.get_by_label("File", exact=True).set_input_files(path)
    expect(words(page)).to_have_text(re.compile("The server has the whole file"), timeout=180_000)
    assert wire.cuts == 1
    # Nothing that was promised was sent twice: at most one chunk went over the wire again.
    assert wire.passed < 200 * MEGA + 40 * MEGA  # from the start again would be 90 more
    attach(page)
    row = Attachment.objects.select_related("upload").get()
    assert (row.scenario_id, row.upload.state) == (scenario.pk, UploadState.STORED)
    assert row.upload.sha256 == sha256
    running = hashlib.sha256()
    for piece in storage.stream(row.upload.stored_name, 0, row.upload.length):
        running.update(piece)
    assert running.hexdigest() == sha256
    assert Upload.objects.count() == 1


def test_paused_reloaded_and_gone_on(desk, wire, tmp_path):
    _scenario, page = desk
    path, sha256 = make_file(tmp_path / "plan.bin", 60 * MEGA)
    chooser = page.get_by_label("File", exact=True)
    wire.hold(20 * MEGA)
    chooser.set_input_files(path)
    expect(words(page)).to_have_text(re.compile(r"of 60\.0 MB sent \((1|2|3|4|5)\d%\)"))
    page.get_by_role("button", name="Pause").click()
    wire.let_go()
    expect(words(page)).to_have_text(re.compile(r"Paused at \d+%"))
    page.get_by_role("button", name="Add the file").click()
    expect(words(page)).to_have_text(re.compile("not sent yet"))
    offset = Upload.objects.get().offset
    page.reload()
    expect(words(page)).to_have_text(re.compile("“plan.bin” stopped before its end"))
    before = wire.passed
    page.get_by_label("File", exact=True).set_input_files(path)
    expect(words(page)).to_have_text(re.compile("The server has the whole file"), timeout=60_000)
    assert wire.passed - before < 60 * MEGA - offset + 2 * MEGA
    attach(page)
    assert Attachment.objects.get().upload.sha256 == sha256
    assert Upload.objects.count() == 1


def test_given_up_and_refused(desk, wire, tmp_path):
    _scenario, page = desk
    large = tmp_path / "plan.bin"
    with large.open("wb") as file:
        file.truncate(257 * 1024 * 1024)
    page.get_by_label("File", exact=True).set_input_files(large)
    expect(words(page)).to_have_text(re.compile("larger than allowed"))
    small, _sha256 = make_file(tmp_path / "small.bin", 20 * MEGA)
    wire.hold(10 * MEGA)
    page.get_by_label("File", exact=True).set_input_files(small)
    expect(words(page)).to_have_text(re.compile(r"of 20\.0 MB"))
    page.get_by_role("button", name="Give up this upload").click()
    wire.let_go()
    expect(words(page)).to_be_hidden()
    # Also when it was given up before the server had told its address.
    ended = Upload.objects.filter(state=UploadState.ENDED)
    wait_until(ended.exists, "the server knows")
    assert Upload.objects.count() == 1
