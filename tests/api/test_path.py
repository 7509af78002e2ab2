"""A demand from its bids to its award, through the API alone; only the opener is another process."""

import base64
from datetime import timedelta

import pytest
from fido2.utils import websafe_decode, websafe_encode

from marketplace.base.actor import Actor
from marketplace.bidding.models import Bid
from marketplace.bidding.opener import open_confirmed
from marketplace.committee.draw import lottery
from marketplace.committee.draw.models import Draw
from marketplace.ledger.log import sequencer
from marketplace.ledger.verify import verify
from marketplace.notices.models import Notice
from marketplace.scenarios.actions import close_scenario
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.api.client import As, refused
from tests.bidding import bids, sealed_uploads
from tests.committee.draw import steps

pytestmark = pytest.mark.django_db
SHARE = {"C1": "40", "C2": "15", "C3": "16"}


@pytest.fixture(autouse=True)
def optional(settings):
    settings.MFA_OPTIONAL = True


def names(body):
    return [row["name"] for row in body["actions"]]


def href(body, name):
    return next(row["href"] for row in body["actions"] if row["name"] == name)


class Cast:
    def __init__(self, clock):
        self.clock = clock
        self.owner_actor = world.owner()
        self.scenario = world.published_scenario(self.owner_actor, profile=world.profile("D"))
        self.address = f"scenarios/{self.scenario.uid}/"
        self.office, self.witness = world.secretary(), world.person("witness")
        self.owner, self.secretary = As(self.owner_actor), As(self.office)
        self.officer, self.publisher = As(world.officer()), As(world.officer())
        self.judges = steps.pool(3, ("ot_security",))
        world.announce(self.scenario)
        self.holder_actors = world.key_holder_actors(self.scenario)
        self.holders = [As(actor) for actor in self.holder_actors]

    def vendor(self):
        actor = world.vendor()
        return actor, As(actor)

    def package(self, vendor, key="", **changes):
        """Sealed by the sheet of the API on the vendor's side, uploaded, assembled."""
        actor, here = vendor
        sheet = here.get(f"{self.address}sealing/").json()
        sealed = sealed_uploads.envelopes(sheet, bids.forms(**changes))
        uploads = {
            name: str(sealed_uploads.upload(actor, body, f"{name}.age").uid)
            for name, body in sealed.items()
        }
        answer = here.post(f"{self.address}packages/", {"uploads": uploads}, key=key)
        assert answer.status_code == 201, answer.content
        return answer.json()

    def bid(self, vendor, **changes):
        """The bid as it stands after a submission."""
        _actor, here = vendor
        package = self.package(vendor, **changes)
        answer = here.post(href(package, "submit_package"))
        assert answer.status_code == 201, answer.content
        return here.get(f"bids/{answer.json()['receipt']['bid']}/").json()

    def close(self):
        bids.pass_deadline(self.scenario, self.clock)
        close_scenario(scenario_uid=self.scenario.uid)

    def answer(self, holder, seen):
        """The key of this holder signs what its own reading of the opening asks."""
        sequencer.seal_batch()
        asked = holder.get(seen["links"]["self"]).json()["asked"]
        key = next(
            key
            for key in map(world.holder_key, (actor.person for actor in self.holder_actors))
            if websafe_encode(key.id) in asked["credentials"]
        )
        answer = key.answer(websafe_decode(asked["challenge"]))
        return {"tree_size": asked["tree_size"], "assertion": answer}

    def open(self, stage):
        [row] = self.owner.get("openings/", {"stage": stage}).json()["results"]
        assert row["actions"] == []
        for holder in self.holders:
            seen = holder.get(row["links"]["self"]).json()
            assert names(seen) == ["confirm_opening"]
            told = holder.post(href(seen, "confirm_opening"), self.answer(holder, seen))
            assert told.status_code == 200, told.content
        assert open_confirmed(bids.identity()) == 1
        return self.owner.get(row["links"]["self"]).json()

    def check(self, bid):
        for code in ("Q1", "Q2"):
            body = {"condition": code, "verdict": "pass"}
            answer = self.secretary.post(f"bids/{bid['uid']}/checks/", body)
            assert answer.status_code == 201, answer.content

    def score(self, judge, stage):
        rows = judge.get("sheets/", {"stage": stage, "state": "open"}).json()["results"]
        for row in rows:
            sheet = judge.get(row["links"]["self"])
            codes = [line["code"] for line in sheet.json()["lines"]]
            scores = {code: {"points": SHARE[code], "comment": "理由"} for code in codes}
            saved = judge.patch(f"sheets/{row['uid']}/", {"scores": scores}, match=sheet["ETag"])
            assert saved.status_code == 200, saved.content
            locked = judge.post(f"sheets/{row['uid']}/lock/", match=saved["ETag"])
            assert locked.json()["state"] == "locked"
            assert names(locked.json()) == ["correct_sheet"]
        return len(rows)


def test_from_the_bids_to_the_award(clock):  # noqa: PLR0915  # one story
    cast = Cast(clock)
    one, other = cast.vendor(), cast.vendor()
    mine, theirs = cast.bid(one), cast.bid(other, price__note="备注")
    first, second = one[1], other[1]
    assert names(mine) == ["withdraw_bid"]
    receipt = first.get(mine["versions"][0]["receipt"]).json()
    assert verify(receipt)["bid"] == mine["uid"]
    cast.close()
    opened = cast.open("first")
    assert [row["outcome"] for row in opened["entries"]] == ["opened", "opened"]

    office = cast.secretary
    started = office.post(f"{cast.address}eligibility/start/")
    assert started.json()["state"] == "eligibility", started.content
    assert names(office.get(f"bids/{mine['uid']}/").json()) == ["check_condition"]
    for bid in (mine, theirs):
        cast.check(bid)
    matrix = cast.owner.get(f"{cast.address}eligibility/").json()
    assert [row["missing"] for row in matrix] == [0, 0]
    assert office.post(f"{cast.address}eligibility/conclude/").json()["state"] == "review"

    made = office.post(f"{cast.address}draw/", {"strata": {"ot_security": 3}})
    assert made.status_code == 201, made.content
    row = Draw.objects.get()
    for client, actor in ((office, cast.office), (As(cast.witness), cast.witness)):
        nonce = b"%32b" % str(actor.role).encode()
        given = {
            "sealed": base64.b64encode(steps.sealed(nonce)).decode(),
            "nonce_hash": lottery.nonce_hash(nonce, str(row.uid), str(actor.role)).hex(),
        }
        assert client.post(f"draws/{row.uid}/deposit/", given).status_code == 201
    assert office.post(f"draws/{row.uid}/commit/").json()["state"] == "committed"
    steps.carry_on(row)
    judges = [As(judge) for judge in cast.judges]
    for invitation in steps.invited(row):
        judge = As(steps.actor_of(invitation))
        seen = judge.get(f"draw-invitations/{invitation.uid}/").json()
        assert (
            judge.post(href(seen, "answer_invitation"), {"answer": "accepted"}).status_code == 200
        )
    panel = f"panels/{cast.scenario.panel.uid}/"
    for judge in judges:
        seen = judge.get(panel).json()
        assert (names(seen), len(seen["members"])) == (["declare_interest"], 1)
        assert judge.post(f"{panel}declare/", {"free": True}).status_code == 204
    assert names(office.get(panel).json()) == ["start_scoring"]
    assert office.post(f"{panel}start-scoring/").json()["state"] == "technical"
    assert [cast.score(judge, "technical") for judge in judges] == [2, 2, 2]
    for judge in judges:
        seen = judge.get(panel).json()
        assert (names(seen), len(seen["bidders"])) == (["declare_against_bidders"], 2)
        assert judge.post(f"{panel}declare-named/", {"free": True}).status_code == 204
    assert [cast.score(judge, "named") for judge in judges] == [2, 2, 2]
    assert judges[0].get(panel).json()["state"] == "price"
    prices = cast.open("price")
    assert [row["price_cny"] for row in prices["entries"]] == ["900000.00", "900000.00"]
    report = office.post(f"{panel}finish-review/")
    assert report.status_code == 201, report.content
    assert report.json()["body"]["ranking"][0]["place"] == 1
    for judge in judges:
        assert names(judge.get(panel).json()) == ["sign_report"]
        assert judge.post(f"{panel}sign-report/", {}).status_code == 204

    assert names(cast.owner.get(cast.address).json()) == ["choose_winner", "choose_nobody"]
    best = report.json()["body"]["ranking"][0]["blind_code"]
    winner = Bid.objects.get(scenario=cast.scenario, blind_code=best)
    decided = cast.owner.post(f"{cast.address}choose-winner/", {"bid": str(winner.uid)})
    assert decided.status_code == 201, decided.content
    award = f"awards/{decided.json()['uid']}/"
    refused(As().get(award), 404, "not_found")
    assert names(cast.publisher.get(award).json()) == ["publicise_award"]
    notice = cast.publisher.post(f"{award}publicise/", {})
    assert notice.json()["notice"]["project"]["ref"] == cast.scenario.ref
    assert (As().get(award).json()["state"], As().get(award).json()["reason"]) == ("publicised", "")
    refused(cast.officer.post(f"{award}confirm/"), 409, "publicity.running")
    clock.move(timedelta(days=30))
    done = cast.officer.post(f"{award}confirm/")
    assert (done.json()["state"], done.json()["amount_cny"]) == ("confirmed", "900000.00")
    assert Scenario.objects.get(pk=cast.scenario.pk).state == State.AWARDED
    states = {first.get(f"bids/{mine['uid']}/").json()["state"]}
    states |= {second.get(f"bids/{theirs['uid']}/").json()["state"]}
    assert states == {"won", "lost"}
    assert first.get(f"bids/{mine['uid']}/").json()["result"]["total"] is not None
    refused(cast.owner.get(f"bids/{mine['uid']}/withdraw/"), 405, "request.method_not_allowed")


# -- Bids ----------------------------------------------------------------------------------------------
def test_a_bid_is_revised_and_withdrawn_and_each_version_has_its_receipt(clock):
    cast = Cast(clock)
    bidder = cast.vendor()
    _actor, vendor = bidder
    cast.bid(bidder)
    bid = cast.bid(bidder, price__note="二")
    assert bid["versions_count"] == 2
    gone = vendor.post(href(bid, "withdraw_bid"))
    assert (gone.json()["state"], gone.json()["versions_count"]) == ("withdrawn", 3)
    for version in gone.json()["versions"]:
        assert verify(vendor.get(version["receipt"]).json())["version"] == version["number"]
    stranger = As(world.vendor())
    refused(stranger.get(version["receipt"]), 404, "not_found")
    refused(cast.owner.get(f"bids/{bid['uid']}/"), 404, "not_found")


def test_forms_in_the_clear_are_never_taken(clock):
    cast, vendor = Cast(clock), As(world.vendor())
    told = refused(
        vendor.post(f"{cast.address}packages/", {"forms": bids.forms()}), 422, "content.invalid"
    )
    assert set(told["errors"]) == {"forms", "uploads"}
    assert vendor.client.post(f"/api/v1/{cast.address}bids/", {}).status_code == 404


def test_a_package_is_sealed_first_and_submitted_later(clock):
    cast = Cast(clock)
    bidder = cast.vendor()
    vendor = bidder[1]
    sealed = cast.package(bidder, key="s")
    assert names(sealed) == ["submit_package"]
    package = sealed["links"]["self"]
    assert Bid.objects.count() == 0
    refused(As(world.vendor()).get(package), 404, "not_found")
    submitted = vendor.post(href(sealed, "submit_package"), key="t")
    assert (submitted.status_code, submitted.json()["receipt"]["version"]) == (201, 1)
    assert verify(submitted.json()) == submitted.json()["receipt"]
    again = vendor.post(href(sealed, "submit_package"), key="t")
    assert (again.status_code, again.json()) == (201, submitted.json())
    bid = vendor.get("bids/").json()["results"][0]
    assert vendor.get(package).json()["bid"] == bid["links"]["self"]


def test_before_the_deadline_a_bid_is_there_for_its_bidder_only(clock):
    cast = Cast(clock)
    bidder = cast.vendor()
    bid, vendor = cast.bid(bidder), bidder[1]
    assert len(vendor.get("bids/").json()["results"]) == 1
    for other in (cast.owner, cast.secretary, cast.officer, *cast.holders, As(world.vendor())):
        assert other.get("bids/").json()["results"] == []
        assert other.get("openings/").json()["results"] == []
        refused(other.get(f"bids/{bid['uid']}/"), 404, "not_found")
        nobody = other.get("bids/00000000-0000-4000-8000-000000000000/")
        assert other.get(f"bids/{bid['uid']}/").content == nobody.content


# -- Notices -------------------------------------------------------------------------------------------
def make_notices(actor: Actor, number: int) -> list[Notice]:
    scenario = world.published_scenario()
    return [
        Notice.objects.create(
            user=actor.user,
            kind="scenario.published",
            subject_uid=scenario.uid,
            event_uid=world.make_user().uid,
        )
        for _ in range(number)
    ]


def test_an_inbox_is_read_one_by_one_and_as_a_whole():
    actor = world.vendor()
    rows = make_notices(actor, 3)
    inbox = As(actor)
    assert len(inbox.get("notices/").json()["results"]) == 3
    read = inbox.post(f"notices/{rows[0].uid}/read/")
    assert (names(read.json()), read.json()["read_at"] is None) == ([], False)
    assert len(inbox.get("notices/unread/").json()["results"]) == 2
    assert inbox.post("notices/read/").status_code == 204
    assert inbox.get("notices/unread/").json()["results"] == []
    refused(As(world.vendor()).post(f"notices/{rows[0].uid}/read/"), 404, "not_found")
