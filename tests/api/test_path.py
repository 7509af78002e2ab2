"""A demand from its bids to its award, through the API alone; only the opener is another process."""

from datetime import timedelta

import pytest
from fido2.utils import websafe_decode, websafe_encode

from marketplace.base.actor import Actor
from marketplace.bidding.models import Bid
from marketplace.bidding.opener import open_confirmed
from marketplace.ledger.log import sequencer
from marketplace.ledger.verify import verify
from marketplace.notices.models import Notice
from marketplace.scenarios.actions import close_scenario
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.api.client import As, refused
from tests.bidding import bids

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
        self.owner, self.secretary = As(self.owner_actor), As(world.secretary())
        self.officer, self.publisher = As(world.officer()), As(world.officer())
        self.judges = [world.person("expert") for _ in range(3)]
        world.announce(self.scenario)
        self.holder_actors = world.key_holder_actors(self.scenario)
        self.holders = [As(actor) for actor in self.holder_actors]

    def bid(self, vendor, **changes):
        body = {"forms": bids.forms(**changes)}
        answer = vendor.post(f"{self.address}bids/", body)
        assert answer.status_code == 201, answer.content
        return answer.json()

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
            assert (locked.json()["state"], locked.json()["actions"]) == ("locked", [])
        return len(rows)


def test_from_the_bids_to_the_award(clock):  # noqa: PLR0915  # one story
    cast = Cast(clock)
    first, second = As(world.vendor()), As(world.vendor())
    mine = cast.bid(first)
    theirs = cast.bid(second, price__note="备注")
    assert names(mine) == ["revise_bid", "withdraw_bid"]
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

    pool = {row["uid"]: row for row in office.get(f"{cast.address}experts/").json()}
    chosen = [str(judge.user.uid) for judge in cast.judges]
    assert not any(pool[uid]["excluded"] for uid in chosen)
    made = office.post(f"{cast.address}panel/", {"experts": chosen})
    assert made.status_code == 201, made.content
    panel = f"panels/{made.json()['uid']}/"
    judges = [As(judge) for judge in cast.judges]
    for judge in judges:
        seen = judge.get(panel).json()
        assert (names(seen), len(seen["members"])) == (["declare_interest"], 1)
        assert judge.post(f"{panel}declare/", {"free": True}).status_code == 204
    assert names(office.get(panel).json()) == ["add_member", "start_scoring"]
    assert office.post(f"{panel}start-scoring/").json()["state"] == "technical"
    for stage in ("technical", "named"):
        assert [cast.score(judge, stage) for judge in judges] == [2, 2, 2]
    assert judges[0].get(panel).json()["state"] == "price"
    prices = cast.open("price")
    assert [row["price_cny"] for row in prices["entries"]] == ["900000.00", "900000.00"]
    report = office.post(f"{panel}finish-review/")
    assert report.status_code == 201, report.content
    assert report.json()["body"]["ranking"][0]["place"] == 1

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
    refused(cast.owner.get(f"bids/{mine['uid']}/revise/"), 405, "request.method_not_allowed")


# -- Bids ----------------------------------------------------------------------------------------------
def test_a_bid_is_revised_and_withdrawn_and_each_version_has_its_receipt(clock):
    cast, vendor = Cast(clock), As(world.vendor())
    bid = cast.bid(vendor)
    again = vendor.post(href(bid, "revise_bid"), {"forms": bids.forms(price__note="二")}, key="k")
    same = vendor.post(href(bid, "revise_bid"), {"forms": bids.forms(price__note="二")}, key="k")
    assert (again.status_code, again.json()["versions_count"]) == (201, 2)
    assert (same.status_code, same.json()["versions_count"]) == (201, 2)
    gone = vendor.post(href(bid, "withdraw_bid"))
    assert (gone.json()["state"], gone.json()["versions_count"]) == ("withdrawn", 3)
    for version in gone.json()["versions"]:
        assert verify(vendor.get(version["receipt"]).json())["version"] == version["number"]
    stranger = As(world.vendor())
    refused(stranger.get(version["receipt"]), 404, "not_found")
    refused(cast.owner.get(f"bids/{bid['uid']}/"), 404, "not_found")


def test_files_travel_in_base64_and_faults_name_their_field(clock):
    cast, vendor = Cast(clock), As(world.vendor())
    files = {"technical": [{"name": "annex.txt", "content": "aGFsbG8="}]}
    body = {"forms": bids.forms(), "files": files}
    assert vendor.post(f"{cast.address}bids/", body).status_code == 201
    body["files"] = {"technical": [{"name": "annex.txt", "content": "§"}]}
    told = refused(vendor.post(f"{cast.address}bids/", body), 422, "content.invalid")
    assert list(told["errors"]) == ["files.technical.0.content"]
    wrong = {"forms": bids.forms(price__total_cny="1")}
    told = refused(vendor.post(f"{cast.address}bids/", wrong), 422, "bid.incomplete")
    assert list(told["errors"]) == ["price.nodes"]


def test_a_package_is_sealed_first_and_submitted_later(clock):
    cast, actor = Cast(clock), world.vendor()
    vendor = As(actor)
    sealed = vendor.post(f"{cast.address}packages/", {"forms": bids.forms()}, key="s")
    assert (sealed.status_code, names(sealed.json())) == (201, ["submit_package"])
    package = sealed.json()["links"]["self"]
    assert Bid.objects.count() == 0
    refused(As(world.vendor()).get(package), 404, "not_found")
    submitted = vendor.post(href(sealed.json(), "submit_package"), key="t")
    assert (submitted.status_code, submitted.json()["receipt"]["version"]) == (201, 1)
    assert verify(submitted.json()) == submitted.json()["receipt"]
    again = vendor.post(href(sealed.json(), "submit_package"), key="t")
    assert (again.status_code, again.json()) == (201, submitted.json())
    bid = vendor.get("bids/").json()["results"][0]
    assert vendor.get(package).json()["bid"] == bid["links"]["self"]


def test_before_the_deadline_a_bid_is_there_for_its_bidder_only(clock):
    cast, vendor = Cast(clock), As(world.vendor())
    bid = cast.bid(vendor)
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
