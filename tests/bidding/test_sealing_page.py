"""The page that bids beyond the straight way: ready envelopes, pauses, members, drafts, files."""

from __future__ import annotations

import base64
import hashlib
import io
import struct
import zipfile
import zlib
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from marketplace.base.clock import SHANGHAI
from marketplace.bidding.actions import commit_hashes
from marketplace.bidding.commitment import BidCommitment
from marketplace.bidding.models import Bid, BidVersion, OpenedEnvelope, SealedPackage
from marketplace.bidding.sheet import sealing_sheet
from marketplace.scenarios.queries import closes_at
from tests import world
from tests.bidding import bidding_page, bids, sealed_uploads
from tests.bidding.test_browser import signed_in, watch
from tests.faults.service import wait_until

pytestmark = pytest.mark.browser


def expect_steps(page: Any, signs: str) -> None:
    """One sign for each step: d(one), n(ow) or - (to come)."""
    names = {"d": "jb-step-done", "n": "jb-step-now", "-": "jb-step-next"}
    expect(page.locator(".jb-step")).to_contain_class([names[sign] for sign in signs])


def typed_row(page: Any, part: str, place: int, row: dict[str, str]) -> None:
    if not page.locator(f'[name="{part}-{place}-{next(iter(row))}"]').count():
        page.locator(f'[data-formset="{part}"] [data-formset-add]').click()
    for name, value in row.items():
        page.locator(f'[name="{part}-{place}-{name}"]').fill(value)


def test_members_and_challenges_reach_the_sealed_form(site: str, browser: Any, clock: Any) -> None:
    scenario = world.published_scenario(consortium_allowed=True, consortium_members_max=3)
    partner = bids.member(world.vendor().organisation)
    page = signed_in(browser, site, world.vendor())
    bidding_page.open_page(page, site, scenario)
    bidding_page.fill(page, scenario)
    challenge = {"who": "某专家", "reason": "曾任职于竞争单位"}
    typed_row(page, "consortium", 0, partner)
    typed_row(page, "challenges", 0, challenge)
    together = bids.consortium(partner)
    for name in ("lead_work", "lead_share_percent", "consortium_agreement"):
        page.locator(f'[name="{name}"]').fill(together[f"business__{name}"])
    page.locator('[name="joint_liability"]').check()
    # The agreement is named, but the file is not there.
    bidding_page.press(page, "check")
    page.locator("#id_consortium_agreement_error").wait_for()
    expect_steps(page, "n----")
    name, body = bids.AGREEMENT
    page.locator('[name="files_business"]').set_input_files(
        [{"name": name, "mimeType": "application/pdf", "buffer": body}]
    )
    bidding_page.press(page, "check")
    page.locator("[data-seal-checked] .jb-good").wait_for()
    expect_steps(page, "ddn--")
    # What was said of the form is taken back as soon as it changes.
    page.locator('[name="risks"]').fill("otherwise")
    expect(page.locator("[data-seal-checked] .jb-good")).to_have_count(0)
    expect_steps(page, "n----")
    bidding_page.seal(page)
    expect_steps(page, "dddn-")
    bidding_page.submit(page)
    assert page.broken == []
    page.context.close()
    bids.open_first(scenario, clock)
    business = OpenedEnvelope.objects.get(sealed__envelope="business").form
    assert business == bids.forms(**together, business__challenges=[challenge])["business"]


def test_envelopes_sealed_elsewhere_are_handed_in(site: str, browser: Any) -> None:
    scenario, vendor = world.published_scenario(), world.vendor()
    sealed = sealed_uploads.envelopes(sealing_sheet(vendor, scenario))
    page = signed_in(browser, site, vendor)
    bidding_page.open_page(page, site, scenario)
    page.locator("details:has([data-seal-ready-price]) summary").click()
    bidding_page.press(page, "adopt")
    page.get_by_text("Choose all three files").wait_for()
    for envelope, raw in sealed.items():
        ready = {"name": f"{envelope}.age", "mimeType": "application/octet-stream"}
        page.locator(f"[data-seal-ready-{envelope}]").set_input_files([{**ready, "buffer": raw}])
    bidding_page.press(page, "adopt")
    page.locator("[data-seal-adopted] .jb-good li").first.wait_for()
    expect_steps(page, "dddn-")
    bidding_page.submit(page)
    kept = SealedPackage.objects.get().envelopes
    assert {one["envelope"]: one["sha256"] for one in kept} == {
        envelope: hashlib.sha256(raw).hexdigest() for envelope, raw in sealed.items()
    }
    assert BidVersion.objects.get().bid.organisation_id == vendor.organisation_id
    assert page.broken == []
    page.context.close()


def test_an_upload_pauses_and_goes_on(site: str, browser: Any) -> None:
    scenario, vendor = world.published_scenario(), world.vendor()
    page = signed_in(browser, site, vendor)
    bidding_page.open_page(page, site, scenario)
    bidding_page.fill(page, scenario)
    bidding_page.seal(page)
    held: list[Any] = []

    def hold(route: Any) -> None:
        if route.request.method == "PATCH":
            held.append(route)
        else:
            route.continue_()

    page.route("**/api/v1/uploads/**", hold)
    with page.expect_request(lambda one: one.method == "PATCH"):
        bidding_page.press(page, "submit")
    page.locator("[data-seal-pause]").click()
    page.get_by_text("Paused.").wait_for()
    expect(page.locator("[data-seal-resume]")).to_be_focused()
    page.unroute("**/api/v1/uploads/**")
    sent = watch(page)
    page.locator("[data-seal-resume]").click()
    page.locator(".jb-receipt").wait_for()
    # The upload that was begun was asked for and gone on with: two more were made.
    assert len(held) == 1
    made = [url for method, url, _ in sent if method == "POST" and url.endswith("/uploads/")]
    assert len(made) == 2
    assert Bid.objects.count() == 1
    page.context.close()


# -- Hashes first, bytes later ---------------------------------------------------------------------
def committing(site: str, browser: Any, profile: str = "A") -> tuple[Any, Any, Any]:
    """A page with a sealed bid."""
    scenario, vendor = world.published_scenario(profile=world.profile(profile)), world.vendor()
    page = signed_in(browser, site, vendor)
    bidding_page.open_page(page, site, scenario)
    bidding_page.fill(page, scenario)
    bidding_page.seal(page)
    return scenario, vendor, page


def test_hashes_are_committed_and_the_files_handed_in_after_the_deadline(
    site: str, browser: Any, clock: Any
) -> None:
    scenario, _vendor, page = committing(site, browser)
    until = closes_at(scenario).astimezone(SHANGHAI)
    bidding_page.press(page, "commit")
    said = page.locator("[data-seal-committed] .jb-good")
    said.get_by_text(f"{until:%Y-%m-%d %H:%M:%S}").wait_for()
    card = page.locator("#commitments-card li li")
    expect(card).to_have_count(3)
    row = BidCommitment.objects.get()
    expect(page.locator('[data-seal-do="commit"]')).to_be_disabled()
    assert Bid.objects.count() == 0
    # The deadline passes; the page knows it when it is opened again.
    clock.freeze(scenario.deadline_at + timedelta(minutes=14))
    page.goto(f"{site}/en/scenarios/{scenario.ref}/")
    page.locator(f'a[href$="/{scenario.ref}/bid/"]').first.click()
    page.get_by_text("The committed envelopes are still").wait_for()
    assert page.locator('[name="risks"], [data-seal-do="seal"]').count() == 0
    bidding_page.submit(page)
    version = BidVersion.objects.get()
    assert version.received_at == scenario.deadline_at + timedelta(minutes=14)
    assert {one["sha256"] for one in row.envelopes} == {
        one.sha256 for one in version.envelopes.all()
    }
    # They have come: nothing more is asked for.
    assert page.get_by_text("Hand in the committed files").count() == 0
    page.goto(f"{site}/en/scenarios/{scenario.ref}/bid/")
    page.get_by_text("The deadline has passed").first.wait_for()
    assert page.locator("form[data-seal]").count() == 0
    assert page.broken == []
    page.context.close()


def test_only_the_committed_files_are_taken_over_late(site: str, browser: Any, clock: Any) -> None:
    scenario, vendor = world.published_scenario(profile=world.profile("A")), world.vendor()
    first, other = (sealed_uploads.envelopes(sealing_sheet(vendor, scenario)) for _ in range(2))
    rows = [
        {"envelope": name, "sha256": hashlib.sha256(raw).hexdigest(), "size": len(raw)}
        for name, raw in first.items()
    ]
    commit_hashes(actor=vendor, scenario_uid=scenario.uid, envelopes=rows)
    clock.freeze(scenario.deadline_at)
    page = signed_in(browser, site, vendor)
    bidding_page.open_page(page, site, scenario)
    for sealed, tone in ((first | {"price": other["price"]}, "bad"), (first, "good")):
        for envelope, raw in sealed.items():
            ready = {"name": f"{envelope}.age", "mimeType": "application/octet-stream"}
            page.locator(f"[data-seal-ready-{envelope}]").set_input_files(
                [{**ready, "buffer": raw}]
            )
        bidding_page.press(page, "adopt")
        page.locator(f"[data-seal-adopted] .jb-{tone}").wait_for()
        expect(page.locator('[data-seal-do="submit"]')).to_be_enabled(enabled=tone == "good")
    bidding_page.submit(page)
    assert BidVersion.objects.get().received_at == scenario.deadline_at
    assert page.broken == []
    page.context.close()


def test_sealing_anew_tells_that_other_files_are_committed(site: str, browser: Any) -> None:
    _scenario, _vendor, page = committing(site, browser)
    bidding_page.press(page, "commit")
    page.locator("[data-seal-committed] .jb-good").wait_for()
    bidding_page.press(page, "seal")
    page.get_by_text("are those of other envelopes").wait_for()
    bidding_page.press(page, "commit")
    page.locator("#commitments-card").get_by_text("replaced or withdrawn").wait_for()
    expect(page.locator("#commitments-card strong")).to_have_text("counts")
    assert BidCommitment.objects.count() == 2
    page.context.close()


def test_where_no_grace_is_granted_nothing_of_it_is_shown(site: str, browser: Any) -> None:
    _scenario, _vendor, page = committing(site, browser, "B")
    assert page.locator('[data-seal-do="commit"], #commitments-card').count() == 0
    assert page.get_by_text("commit").count() == 0
    page.context.close()


# -- Drafts ----------------------------------------------------------------------------------------
KEPT = """
async () => {
  const answered = (asked) => new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
  const names = (await indexedDB.databases()).map((one) => one.name);
  if (!names.includes("jiebang-drafts")) return null;
  const whole = await answered(indexedDB.open("jiebang-drafts"));
  const keys = await answered(whole.transaction("keys").objectStore("keys").getAll());
  const people = await answered(whole.transaction("keys").objectStore("keys").getAllKeys());
  const rows = await answered(whole.transaction("kept").objectStore("kept").getAll());
  const given = await Promise.allSettled(keys.map((key) => crypto.subtle.exportKey("raw", key)));
  whole.close();
  const texts = rows.map(({ body }) => new TextDecoder("latin1").decode(body));
  return { people, texts, given: given.map((one) => one.status), local: JSON.stringify(localStorage) };
}
"""


def typed_and_kept(page: Any, text: str) -> None:
    page.locator('[name="risks"]').fill(text)
    page.locator("form[data-kept]").wait_for()


def test_a_draft_ends_with_the_session_or_with_another_person(site: str, browser: Any) -> None:
    scenario, vendor, rival = world.published_scenario(), world.vendor(), world.vendor()
    page = signed_in(browser, site, vendor)
    bidding_page.open_page(page, site, scenario)
    typed_and_kept(page, "mine alone")
    assert page.evaluate(KEPT)["people"] == [str(vendor.person.uid)]
    # Another person, without a sign-out between: the first one's draft is gone.
    other = signed_in(browser, site, rival)
    cookies = other.context.cookies()
    other.context.close()
    page.context.add_cookies(cookies)
    bidding_page.open_page(page, site, scenario)
    assert page.locator('[name="risks"]').input_value() == ""
    wait_until(lambda: page.evaluate(KEPT)["people"] == [], "the other's key is gone")
    assert page.evaluate(KEPT)["texts"] == []
    # Signing out throws away what this one typed, although another window holds it open.
    typed_and_kept(page, "of the other")
    leaving = page.context.new_page()
    leaving.goto(f"{site}/en/accounts/logout/")
    assert leaving.evaluate(KEPT)["people"] == [str(rival.person.uid)]
    leaving.locator("main form[data-signs-out] button").click()
    leaving.wait_for_url(lambda url: "logout" not in url)
    wait_until(lambda: leaving.evaluate(KEPT) is None, "all that was kept is gone")
    # The window that stayed open keeps nothing any more.
    page.locator('[name="risks"]').fill("after the end")
    assert page.evaluate(KEPT) is None
    assert page.broken == []
    page.context.close()


def test_nothing_readable_is_kept(site: str, browser: Any) -> None:
    page = signed_in(browser, site, world.vendor())
    bidding_page.open_page(page, site, scenario := world.published_scenario())
    bidding_page.fill(page, scenario, note="KANARIE")
    bidding_page.choose(page, "technical", KANARIE_txt=b"plan")
    bidding_page.seal(page)
    page.locator("form[data-kept]").wait_for()
    found = page.evaluate(KEPT)
    assert found["given"] == ["rejected"]  # the key is given to nobody
    assert [len(found["texts"]), *(text.count("KANARIE") for text in found["texts"])] == [1, 0]
    assert [found["local"].count(word) for word in ("KANARIE", "90000")] == [0, 0]
    page.reload()
    page.locator("form[data-seal][data-awake]").wait_for()
    assert page.locator('[name="note"]').input_value() == "KANARIE"
    page.get_by_text("choose them anew (KANARIE.txt)").wait_for()
    typed_and_kept(page, "typed again, without a file")
    page.reload()
    page.get_by_text("choose them anew (KANARIE.txt)").wait_for()
    page.context.close()


def test_a_form_edited_after_sealing_is_told_after_a_reload_too(site: str, browser: Any) -> None:
    page = signed_in(browser, site, world.vendor())
    bidding_page.open_page(page, site, scenario := world.published_scenario())
    bidding_page.fill(page, scenario, risks="as sealed")
    bidding_page.choose(page, "price", b_bin=b"b")
    bidding_page.seal(page)
    page.locator("form[data-kept]").wait_for()
    older = page.get_by_text("What you changed is not in the sealed envelopes")
    page.reload()
    page.get_by_text("of an earlier visit").wait_for()
    assert older.count() == 0
    typed_and_kept(page, "otherwise")
    older.wait_for()
    page.reload()
    older.wait_for()
    # As it was sealed, it is what is sealed.
    typed_and_kept(page, "as sealed")
    older.wait_for(state="detached")
    # What was sealed is submitted, and there the next version begins.
    typed_and_kept(page, "after sealing")
    bidding_page.submit(page)
    bidding_page.open_page(page, site, scenario)
    page.get_by_text("answers of your last submission").wait_for()
    assert page.locator('[name="risks"]').input_value() == "as sealed"
    assert page.broken == []
    page.context.close()


# -- What files tell -------------------------------------------------------------------------------
SCAN = """
async ([name, text, names]) => {
  const { scanned } = await import("/static/jiebang/seal/scan.js");
  const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  return scanned(new File([bytes], name), names);
}
"""


def pdf() -> bytes:
    # Stored as it is, with every byte that a text encoding might bend.
    words = zlib.compress(b"BT (Made by ) Tj (Shi) Tj (dun) Tj ET" + bytes(range(256)), 0)
    creator = "<dc:creator><rdf:Seq><rdf:li>张三</rdf:li></rdf:Seq></dc:creator>"
    packet = f'<x:xmpmeta><rdf:RDF xmp:CreatorTool="WPS &amp; Co">{creator}</rdf:RDF></x:xmpmeta>'
    author = b"\xfe\xff" + "孙项一".encode("utf-16-be")
    return b"".join([
        b"%PDF-1.7\n1 0 obj <</Author <" + author.hex().encode() + b"> /Producer (A\\(b\\))>> endobj\n",
        b"2 0 obj <</Filter /FlateDecode>> stream\n" + words + b"\nendstream endobj\n",
        b"3 0 obj <</Type /Metadata>> stream\n" + packet.encode() + b"\nendstream endobj\n%%EOF\n",
    ])  # fmt: skip


def docx() -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as whole:
        creator = "<cp:x><dc:creator>Sun &amp; Li</dc:creator></cp:x>"
        whole.writestr("docProps/core.xml", creator)
        whole.writestr("docProps/app.xml", "<Properties><Company>示盾</Company></Properties>")
        whole.writestr("word/document.xml", "<w:p><w:t>孙项</w:t></w:p><w:p><w:t>一</w:t></w:p>")
    return into.getvalue()


def png() -> bytes:
    chunks = [(b"IHDR", bytes(13)), (b"tEXt", b"Author\0Sun Xiangyi"), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def jpeg() -> bytes:
    artist = "孙项一\0".encode()
    entries = struct.pack("<HHII", 0x013B, 2, len(artist), 26)
    tiff = b"II*\0" + struct.pack("<IH", 8, 1) + entries + bytes(4) + artist
    body = b"Exif\0\0" + tiff
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", len(body) + 2) + body + b"\xff\xd9"


TOLD = {
    "a.pdf": (
        pdf(),
        [
            ["Author", "孙项一"], ["Producer", "A(b)"],
            ["dc:creator", "张三"], ["xmp:CreatorTool", "WPS & Co"],
        ],
        ["孙项一", "Shidun"],
    ),
    "b.docx": (docx(), [["dc:creator", "Sun & Li"], ["Company", "示盾"]], ["孙项一"]),
    "c.png": (png(), [["Author", "Sun Xiangyi"]], ["Sun Xiangyi"]),
    "d.jpg": (jpeg(), [["Artist", "孙项一"]], ["孙项一"]),
    "e.txt": ("由示盾安全承担，孙 项 一负责".encode("gb18030"), [], ["孙项一"]),
    "孙项一.bin": (bytes(9), [], ["孙项一"]),
}  # fmt: skip


def test_what_files_tell_of_their_maker(site: str, page: Any) -> None:
    page.goto(f"{site}/en/verify/")
    names = ["孙项一", "Shidun", "Sun Xiangyi", "nobody"]
    for name, (body, properties, found) in TOLD.items():
        told = page.evaluate(SCAN, [name, base64.b64encode(body).decode(), names])
        assert (name, sorted(told["properties"])) == (name, sorted(properties))
        assert (name, sorted(told["names"])) == (name, sorted(found))
        assert (name, told["read"]) == (name, not name.endswith(".bin"))
