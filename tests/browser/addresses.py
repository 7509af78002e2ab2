"""Every page of the platform: who opens it, and on which row. An undeclared address fails a test.

The rows are those of the demo (seeds/demo/plan.yaml says in which state each demand is left), so a
page is looked at as a newcomer finds it. A new page gets a line in PAGES, or one in NO_PAGES that
says why there is nothing to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from marketplace.accounts.models import Membership, Organisation, User
from marketplace.accounts.pledges import Pledge
from marketplace.awards.models import Award
from marketplace.bidding.models import Bid
from marketplace.committee.models import Panel, Sheet, SheetState
from marketplace.experts.models import Expert
from marketplace.management.season.content import Content
from marketplace.scenarios.attachments import Attachment
from marketplace.scenarios.batches.models import Batch
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.saved.models import SavedSearch
from marketplace.supervision.models import Inspection, Tip
from tests.browser.furnishing import (
    PROTECTED,
    invitation,
    own_key,
    read_spreadsheet,
    reset_key,
    unsubscribing,
)

Given = dict[str, Any]
Find = Callable[[User], Given]
VISITOR = ""
CONTENT = Content()


@dataclass(frozen=True)
class Page:
    """`who` is the local part of a demo account, "" a visitor; `find` what the address names.

    `half`: signed in by the password, the second factor not yet told. `send`: the form (a selector)
    that is sent as it stands, so that the page is seen with what it says to that. `moves`: the
    address sends on to the page that is looked at.
    """

    who: str = VISITOR
    find: Find = field(default=lambda _user: {})
    status: int = 200
    half: bool = False
    send: str = ""
    moves: bool = False


def entry_of(local: str) -> Find:
    """The entry of an expert of the pool."""
    return lambda _user: {"uid": Expert.objects.get(user__email__startswith=f"{local}@").uid}


def scenario(code: str) -> Scenario:
    return Scenario.objects.get(title=CONTENT.scenario(code)["title_zh"])


def of(code: str) -> Find:
    return lambda _user: {"address": scenario(code).address}


def bid(code: str) -> Find:
    """The bid of this person's organisation."""
    return lambda user: {
        "uid": Bid.objects.get(
            scenario=scenario(code),
            organisation__in=Membership.objects.filter(user=user).values("organisation"),
        ).uid
    }


def opened_bid(code: str) -> Find:
    return lambda _user: {"uid": Bid.objects.filter(scenario=scenario(code)).order_by("pk")[0].uid}


def panel(code: str) -> Find:
    return lambda _user: {"uid": Panel.objects.get(scenario=scenario(code)).uid}


def sheet(code: str, state: SheetState) -> Find:
    return lambda user: {
        "uid": Sheet.objects.filter(member__user=user, bid__scenario=scenario(code), state=state)
        .order_by("pk")[0]
        .uid
    }


def own_pledge(user: User) -> Given:
    return {"uid": Pledge.objects.filter(user=user).order_by("pk")[0].uid}


def kept_search(user: User) -> Given:
    return {"uid": SavedSearch.objects.filter(user=user).order_by("pk")[0].uid}


def no_such(_user: User) -> Given:
    return {"address": "LG-2026-9999"}


def restricted(user: User) -> Given:
    row = Attachment.objects.get(scenario=scenario("S13"), access="restricted")
    return {"address": row.scenario.address, "uid": row.uid}


def released(user: User) -> Given:
    row = Attachment.objects.get(scenario=scenario("S06"), access="restricted")
    return {"address": row.scenario.address, "uid": row.uid}


def own_inspection(user: User) -> Given:
    return {"uid": Inspection.objects.get(inspector=user).uid}


def tip(_user: User) -> Given:
    return {"uid": Tip.objects.get().uid}


def own_organisation(user: User) -> Given:
    return {"uid": Membership.objects.get(user=user).organisation.uid}


def bidder(_user: User) -> Given:
    """Of those who bid, the last: the office looks at it."""
    return {"uid": Organisation.objects.filter(is_vendor=True).order_by("-pk")[0].uid}


def winner(_user: User) -> Given:
    """A vendor whose award is confirmed."""
    return {"uid": Award.objects.order_by("pk")[0].decision.bid.organisation.uid}


def batch_number(_user: User) -> Given:
    """The open call; another page makes a draft beside it."""
    return {"number": Batch.objects.get(state="called").number}


def announced_number(_user: User) -> Given:
    return {"number": Batch.objects.get(state="announced").number}


def recorded(_user: User) -> Given:
    """Of those who posted demands, the first."""
    return {"uid": scenario("S01").organisation.uid, "figure": "published"}


DESKS = (
    "o1-owner o5-owner v5 officer secretary keyholder2 witness e7 inspector evaluator operator"
).split()
FORM = "main form"
# By the name of the address: each row is looked at in both languages.
PAGES: dict[str, list[Page]] = {
    "board": [Page()],
    "goals": [Page()],
    "matrix": [Page()],
    "verify": [Page()],
    "log": [Page()],
    "components": [Page()],
    "account_login": [Page(), Page(send=FORM)],
    "account_reset_password": [Page()],
    "account_reset_password_from_key": [
        Page("", reset_key, moves=True),
        Page("", lambda _user: {"uidb36": "1", "key": "set-password"}),
    ],
    "account_reset_password_from_key_done": [Page()],
    "account_reset_password_done": [Page()],
    "account_change_password": [Page("v5"), Page("v5", send=FORM)],
    "account_logout": [Page("v5")],
    "account_reauthenticate": [Page("v5")],
    "account_inactive": [Page()],
    "account_signup": [Page()],
    "mfa_index": [Page("v5"), Page(PROTECTED)],
    "mfa_activate_totp": [Page("v5"), Page("v5", send=FORM)],
    "mfa_deactivate_totp": [Page(PROTECTED)],
    "mfa_view_recovery_codes": [Page(PROTECTED)],
    "mfa_generate_recovery_codes": [Page(PROTECTED)],
    "mfa_list_webauthn": [Page(PROTECTED)],
    "mfa_add_webauthn": [Page("v5")],
    "mfa_edit_webauthn": [Page(PROTECTED, own_key)],
    "mfa_remove_webauthn": [Page(PROTECTED, own_key)],
    "mfa_authenticate": [Page(PROTECTED, half=True)],
    "mfa_reauthenticate": [Page(PROTECTED)],
    "mfa_reauthenticate_webauthn": [Page(PROTECTED)],
    "security": [Page("v5"), Page(PROTECTED)],
    "usersessions_list": [Page("v5")],
    "notice-settings": [Page("v5"), Page("officer"), Page("v3")],
    "notices-unsubscribe": [Page("", unsubscribing)],
    "mail-refusals": [Page("officer")],
    "tokens": [Page("v5")],
    "token-new": [Page("v5"), Page("v5", send=FORM)],
    "pledges": [Page("v5"), Page("officer"), Page("e7")],
    "pledge": [Page("officer", own_pledge)],
    "register": [Page(), Page(send=FORM), Page("v5")],
    "registered": [Page()],
    "organisation": [Page("", bidder), Page("", winner), Page("o3-owner", own_organisation)],
    "owner-record": [Page("", recorded)],
    "organisation-profile": [Page("v5", own_organisation), Page("officer", own_organisation)],
    "organisation-control": [Page("v1", own_organisation), Page("officer", bidder)],
    "organisation-members": [
        Page("o3-owner", own_organisation),
        Page("o3-owner", own_organisation, send="main form.jb-card"),
        Page("o3-editor", own_organisation),
        Page("officer", own_organisation),
    ],
    "invitation": [
        Page("", invitation),
        Page("", invitation, send="main form.jb-card"),
        Page("v5", invitation),
        Page("", lambda _user: {"token": "0" * 64}, 404),
    ],
    "organisation-verification": [Page("v5", own_organisation), Page("officer", bidder)],
    "organisations-office": [Page("officer")],
    "people-office": [Page("officer"), Page("secretary")],
    "experts": [Page("officer"), Page("secretary")],
    "expert-new": [Page("officer"), Page("officer", send=FORM)],
    "expert": [Page("officer", entry_of("e1")), Page("secretary", entry_of("e6"))],
    "my-record": [Page("e6")],
    "expert-import": [Page("officer"), Page("officer", send=FORM)],
    "expert-import-preview": [Page("officer", read_spreadsheet)],
    "inspections": [Page("inspector")],
    "inspection-new": [Page("inspector"), Page("inspector", send=FORM)],
    "inspection": [Page("inspector", own_inspection)],
    "approaches": [Page("officer"), Page("officer", send=FORM), Page("inspector")],
    "tips": [Page(), Page(send=FORM)],
    "tip-answer": [Page(), Page(send=FORM)],
    "tip": [Page("inspector", tip)],
    "tip-inbox": [Page("inspector")],
    "scenario-files": [Page("o3-owner", of("S13")), Page("o3-owner", of("S13"), send=FORM)],
    "attachment-readers": [Page("o3-owner", restricted)],
    "undertaking": [Page("v5", released)],
    "scenario-restricted": [Page("v5", of("S11")), Page("o2-owner", of("S11"))],
    "release-requests": [
        Page("v7", of("S11"), send=FORM),
        Page("v9", of("S11")),
        Page("o2-owner", of("S11"), send=FORM),
    ],
    "factor-resets": [Page("officer"), Page("officer2")],
    "desk": [Page(who) for who in DESKS],
    "notices": [Page("officer"), Page("v5")],
    "scenario": [
        Page("", no_such, 404),
        Page("", of("S01")),
        Page("v5", of("S06")),
        Page("o5-owner", of("S15")),
        Page("", of("S07")),
        Page("o3-editor", of("S13")),
        Page("", of("S17")),
        Page("", of("S02")),
        Page("", of("S03")),
        Page("v5", of("S10")),
    ],
    "saved-searches": [Page("v5"), Page("officer")],
    "saved-search": [Page("v5", kept_search)],
    "fits": [Page("v5"), Page("officer")],
    "watched": [Page("v5"), Page("v5", send="section form"), Page("officer")],
    "scenario-history": [Page("", of("S07")), Page("", of("S01"))],
    "scenario-questions": [
        Page("", of("S05")),
        Page("v5", of("S05"), send="section:has(#ask) form, main form"),
        Page("o5-owner", of("S05")),
    ],
    "scenario-amendments": [Page("", of("S05")), Page("officer", of("S05")), Page("", of("S02"))],
    "scenario-amend": [Page("o1-owner", of("S01")), Page("o1-owner", of("S01"), send=FORM)],
    "scenario-standstill": [Page("officer", of("S01")), Page("officer", of("S02"))],
    "scenario-relist": [Page("o3-owner", of("S03"))],
    "scenario-new": [Page("o3-owner")],
    "scenario-likeness": [Page("o3-owner", of("S13"))],
    "scenario-preview": [Page("o3-owner", of("S13"))],
    "scenario-start": [Page("o3-owner")],
    "scenario-import": [Page("o3-owner")],
    "scenario-import-into": [Page("o3-owner", of("S13"))],
    "scenario-edit": [Page("o3-owner", of("S13")), Page("o8-owner", of("S14"))],
    "race-design": [Page("o4-owner", of("S04")), Page("o4-owner", of("S04"), send="#design")],
    "scenario-race": [Page(VISITOR, of("S03")), Page("officer", of("S04"))],
    "scenario-gate": [
        Page("officer", of("S04")),
        Page("officer2", of("S16")),
        Page("o4-owner", of("S04")),
        Page("o8-owner", of("S14")),
    ],
    "office-queue": [Page("officer"), Page("secretary")],
    "batches": [Page(), Page("officer")],
    "batch": [Page("", batch_number), Page("", announced_number), Page("officer", batch_number)],
    "batch-new": [Page("officer"), Page("officer", send=FORM)],
    "batch-office": [
        Page("officer", batch_number, send="section:has(#meeting) form"),
        Page("secretary", batch_number),
    ],
    "scenario-demonstration": [
        Page("officer", of("S16")),
        Page("e7", of("S16"), send="section:has(#opine) form"),
        Page("e3", of("S16")),
        Page("secretary", of("S01")),
    ],
    "scenario-documents": [
        Page("officer2", of("S16")),
        Page("o4-owner", of("S04")),
        Page("officer", of("S01")),
    ],
    "scenario-publish": [Page("officer", of("S16"), 409), Page("officer2", of("S01"), 409)],
    "scenario-withdraw": [Page("o1-owner", of("S01")), Page("o8-owner", of("S17"), 409)],
    "bid-form": [
        Page("v9", of("S06")),
        Page("v5", of("S06")),
        Page("v9", of("S17")),
    ],
    "bid": [
        Page("v5", bid("S06")),
        Page("v7", bid("S07")),
        Page("v1", bid("S09")),
        Page("o1-owner", opened_bid("S07")),
    ],
    "opening": [
        Page("keyholder2", of("S17")),
        Page("witness", of("S17")),
        Page("keyholder2", of("S12")),
        Page("secretary", of("S07")),
    ],
    "opening-failure": [Page("officer", lambda user: of("S17")(user) | {"stage": "first"})],
    "returns": [Page("officer", of("S07"))],
    "eligibility": [Page("secretary", of("S12")), Page("secretary", of("S09"))],
    "panel": [Page("secretary", of("S12")), Page("secretary", of("S09"))],
    "defence": [Page("secretary", of("S09")), Page("officer", of("S07"))],
    "bid-panel": [Page("v7", bid("S07"))],
    "draw": [
        Page("secretary", of("S12")),
        Page("secretary", of("S09")),
        Page("witness", of("S09")),
        Page("", of("S08")),
    ],
    "panel-desk": [Page("e7", panel("S09")), Page("e4", panel("S09")), Page("e7", panel("S08"))],
    "panel-report": [Page("e4", panel("S15"))],
    "sheet": [
        Page("e7", sheet("S09", SheetState.OPEN)),
        Page("e4", sheet("S09", SheetState.LOCKED)),
    ],
    "report": [Page("o5-owner", of("S15")), Page("secretary", of("S08"))],
    "panel-fees": [Page("secretary", of("S08"))],
    "fees": [Page("secretary"), Page("e4")],
    "scores": [Page("secretary", of("S08"))],
    "signals": [Page("witness", of("S08"))],
    "decision": [Page("o5-owner", of("S15")), Page("o1-owner", of("S07"))],
    "publicity": [Page("", of("S08")), Page("officer", of("S07"))],
    "challenges": [Page("officer", of("S08")), Page("officer2", of("S07"))],
    "award-confirm": [Page("officer", of("S08")), Page("officer", of("S07"))],
}
NO_PAGES = {
    "acting": "takes a POST alone",
    "account_email": "sends on: addresses are the office's to change",
    "account_confirm_email": "sends on: addresses are the office's to change",
    "account_email_verification_sent": "sends on: addresses are the office's to change",
    "account_set_password": "sends on: every account has a password",
    "account_confirm_login_code": "sends on: codes by mail are off",
    "mfa_download_recovery_codes": "a text file",
    "mfa_login_webauthn": "data for a script",
    "scenario-form-file": "a file",
    "expert-import-form": "a file",
    "matrix-csv": "a file",
    "scenario-watch": "takes a POST alone",
    "watched-calendar": "takes a POST alone; watched sends it",
    "scenario-calendar": "a file",
    "deadlines-calendar": "a file",
    "calendar-of-person": "a file",
    "scenario-check": "takes a POST alone",
    "scenario-batch": "takes a POST alone",
    "opened-file": "a file",
    "bid-withdraw": "takes a POST alone",
    "bid-consortium-change": "takes a POST alone",
    "bid-consortium-decide": "takes a POST alone",
    "receipt": "a file of data",
    "sealing-sheet": "a file of data",
    "opening-live": "a part of the opening's page",
    "opening-record": "a file of data",
    "opening-record-pdf": "a paper",
    "return-certificate": "a file of data",
    "return-certificate-pdf": "a paper",
    "panel-bidders": "tests/committee looks at it: in the demo everybody has declared",
    "sheet-file": "a file",
    "report-json": "a file of data",
    "report-pdf": "a paper",
    "fees-csv": "a file",
    "scores-json": "a file of data",
    "scores-verify": "a program",
    "notice": "sends on to what the message speaks of",
    "scenario-published": "a file of data",
    "race-design-text": "a file of data",
    "race-agreement-text": "a file of data",
    # The demo's races take bids yet; their pages are walked in tests/races.
    "race": "no race is entered in the demo",
    "race-entry": "no race is entered in the demo",
    "race-agreement": "no race is entered in the demo",
    "attempts": "tests/races/attempts looks at it: in the demo no heat is open yet",
    "attempt": "tests/races/attempts looks at it",
    "course": "tests/races/attempts looks at it",
    "file": "a file",
    "token-revoke": "takes a POST alone",
    "notices-unread": "a part of every page",
    "metrics": "figures for a probe",
    "inspection-end": "takes a POST alone",
    "log-checkpoint": "a signed text for programs",
    "log-tile": "hashes for programs",
    "log-keys": "a file of data",
    "log-proof": "a file of data",
    "log-verify": "a program",
    "log-witness": "a program",
    "packer": "a program",
    "draw-verify": "a program",
    "draw-replay": "a file of data",
    "draw-invitation": "tests/committee/draw looks at it: in the demo every one is answered",
    "log-cosignatures": "takes a POST alone",
    "health-live": "two words for a probe",
    "health-ready": "a few words for a probe",
}


def names() -> Iterator[str]:
    """The names of all addresses but those of the API, which has no pages of ours but its docs."""

    def walk(resolver: URLResolver, before: str) -> Iterator[tuple[str, str]]:
        for pattern in resolver.url_patterns:
            path = before + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern, path)
            elif isinstance(pattern, URLPattern):
                yield path, pattern.name or path

    for path, name in walk(get_resolver(), ""):
        if not path.startswith("api/"):
            yield name


def path_of(name: str, page: Page, user: User | None) -> str:
    """In the language that is active."""
    return reverse(name, kwargs=page.find(user))
