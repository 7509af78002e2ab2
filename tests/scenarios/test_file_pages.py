"""Pages of a demand's files, and what they cost."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from marketplace.files.limits import FILE_LIMIT, MEBIBYTE
from marketplace.files.models import Upload
from marketplace.scenarios.attachments import Attachment
from tests import world
from tests.files.sending import signed_in, stored
from tests.scenarios.files import BODY, attach, published_files, reads, sign, until

db = pytest.mark.django_db


pytestmark = pytest.mark.usefixtures("own_storage")


# -- Pages -----------------------------------------------------------------------------------------
@db
@pytest.mark.parametrize("prefix", ["", "/en"])
def test_a_small_file_without_scripts(prefix):
    owner = world.owner()
    scenario = world.draft_scenario(owner)
    client = signed_in(owner)
    url = prefix + f"/scenarios/{scenario.address}/files/"
    sent = {"file": SimpleUploadedFile("说明.pdf", BODY), "access": "public", "title": ""}
    assert client.post(url, sent).status_code == 302
    page = client.get(url).content.decode()
    row = Attachment.objects.get()
    assert row.title == "说明.pdf"
    assert row.upload.sha256 in page
    assert f"/files/{row.upload.uid}/" in page
    for address in ("edit", "files"):
        assert (
            "说明.pdf" in client.get(f"/scenarios/{scenario.address}/{address}/").content.decode()
        )
    assert client.post(url, {"remove": str(row.uid)}).status_code == 302
    assert Attachment.objects.count() == 0


@db
def test_refusals_keep_what_was_typed():
    owner = world.owner()
    scenario = world.draft_scenario(owner)
    client, url = signed_in(owner), f"/scenarios/{scenario.address}/files/"
    nothing = client.post(url, {"access": "restricted", "title": "附件"})
    assert (nothing.status_code, 'value="附件"' in nothing.content.decode()) == (422, True)
    large = SimpleUploadedFile("a.bin", bytes(FILE_LIMIT + 1))
    refused = client.post(url, {"file": large, "access": "public"})
    assert refused.status_code == 413
    assert f"{FILE_LIMIT // MEBIBYTE}" in refused.content.decode()
    assert Upload.objects.count() == 0


@db
def test_an_upload_that_came_by_itself_is_attached():
    owner = world.owner()
    scenario = world.draft_scenario(owner)
    upload = stored(owner, BODY)
    url = f"/scenarios/{scenario.address}/files/"
    sent = {"upload": str(upload.uid), "access": "restricted", "title": "拓扑"}
    assert signed_in(owner).post(url, sent).status_code == 302
    assert Attachment.objects.get().upload == upload
    assert signed_in(owner).post(url, sent | {"upload": "x"}).status_code == 404


@db
def test_the_page_of_readers():
    owner, scenario, public, restricted = published_files()
    vendor = world.vendor()
    url = reverse("attachment-readers", args=[scenario.address, restricted.uid])
    client = signed_in(owner)
    sent = {"organisation": str(vendor.organisation.uid), "until_date": until().isoformat()}
    assert client.post(url, sent | {"until_date": "x"}).status_code == 422
    assert client.post(url, sent).status_code == 302
    sign(vendor, restricted)
    page = client.get("/en" + url).content.decode()
    assert vendor.user.name in page
    assert f'value="{vendor.organisation.uid}">End it' in page
    assert reads(vendor, restricted)
    assert client.post(url, {"end": str(vendor.organisation.uid)}).status_code == 302
    assert not reads(vendor, restricted)
    other = reverse("attachment-readers", args=[scenario.address, public.uid])
    assert client.get(other).status_code == 403
    assert signed_in(world.officer()).get(url).status_code == 403
    assert signed_in(vendor).get(url).status_code == 404


@db
def test_the_scenario_page_shows_each_reader_his_files():
    owner, scenario, public, restricted = published_files()
    url = reverse("scenario", args=[scenario.address])
    for client, sees in (
        (Client(), False),
        (signed_in(world.vendor()), False),
        (signed_in(owner), True),
        (signed_in(world.officer()), True),
    ):
        page = client.get(url).content.decode()
        assert public.upload.sha256 in page
        assert (restricted.upload.sha256 in page) is sees
        assert ("拓扑.pdf" in page) is sees
        # With hash and salt a reader recomputes what the publication holds.
        assert (bytes(restricted.salt).hex() in page) is sees
        assert (restricted.commitment in page) is sees


@db
@pytest.mark.parametrize("rows", [1, 20])
def test_files_take_the_same_queries(rows, count_queries):
    owner = world.owner()
    scenario = world.draft_scenario(owner)
    for _ in range(rows):
        attach(owner, scenario)
    client = signed_in(owner)
    with count_queries() as queries:
        client.get(f"/scenarios/{scenario.address}/files/")
    assert len(queries) == 7
