"""The opener's sense of time, and its memory of the log: neither is the database's."""

import base64
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connections

from marketplace.bidding import by_log, time_token
from marketplace.bidding.examining import own_folder
from marketplace.bidding.models import Opening, OpeningState, TimeSource
from marketplace.bidding.opener import carry_out, open_confirmed
from marketplace.bidding.pauses import Pauses
from marketplace.bidding.record.models import OpeningRecord
from marketplace.bidding.replay import LogNotTrusted, Replay
from marketplace.ledger.log import sequencer, stamping
from tests import world
from tests.bidding import bids
from tests.ledger.authorities import Authority, openssl


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("tsa") / "honest")
    yield authority
    authority.stop()


@pytest.fixture
def own(committing_db, settings, tmp_path):
    settings.OPENER_FOLDER = tmp_path / "opener"
    return settings.OPENER_FOLDER


@pytest.fixture
def authority(own, made, settings):
    made.behave, made.asked = made.honest, 0
    settings.LOG_TIMESTAMP_URL, settings.LOG_TIMESTAMP_CA = made.url, made.ca
    return made


def confirmed(clock, *, now=True):
    """An opening that waits for the opener. now: the deadline has passed by the real clock too."""
    if now:
        clock.move(-timedelta(days=90))
    scenario = world.published_scenario()
    bids.bid(scenario)
    if now:
        scenario.refresh_from_db()
        bids.close(scenario, clock)
        clock.run()
    else:
        bids.close(scenario, clock)
    bids.confirm(scenario)
    return Opening.objects.get(scenario=scenario)


def carried_out(opening, settings):
    replay = Replay(settings.OPENER_LOG_VKEY)
    replay.advance()
    done = carry_out(Opening.objects.get(pk=opening.pk), bids.identity(), replay, Pauses())
    return done, Opening.objects.get(pk=opening.pk)


def recorded(opening):
    return json.loads(bytes(OpeningRecord.objects.get(opening=opening).receipt.body))


def refusal(opening, settings):
    with pytest.raises(by_log.Refused) as refused:
        carried_out(opening, settings)
    assert Opening.objects.get(pk=opening.pk).state == OpeningState.CONFIRMED
    return str(refused.value)


# -- A timestamp beside the clock ------------------------------------------------------------------
def test_without_an_authority_the_opening_says_so(own, clock, settings):
    done, opening = carried_out(confirmed(clock), settings)
    assert done is True
    assert (opening.time_source, opening.time_token, opening.token_at) == ("host", None, None)
    assert recorded(opening)["time_token"] is None


def test_an_opening_rests_on_a_fresh_timestamp(authority, clock, settings, tmp_path):
    waiting = confirmed(clock)
    before = datetime.now(UTC).replace(microsecond=0)
    done, opening = carried_out(waiting, settings)
    assert (done, opening.time_source, authority.asked) == (True, TimeSource.AUTHORITY, 1)
    assert before <= opening.token_at <= datetime.now(UTC)
    replay = Replay(settings.OPENER_LOG_VKEY)
    replay.advance()
    told = replay.announced(opening.scenario.uid)
    (tmp_path / "challenge").write_bytes(time_token.attested(opening, told))
    (tmp_path / "token").write_bytes(bytes(opening.time_token))
    checked = openssl(
        *("ts", "-verify", "-data", tmp_path / "challenge", "-in", tmp_path / "token"),
        *("-CAfile", authority.ca),
    )
    assert b"Verification: OK" in checked.stdout + checked.stderr
    said = recorded(opening)
    assert "timestamp fetched before the opening" in said["time_source"]["en"]
    assert base64.b64decode(said["time_token"]["token"]) == bytes(opening.time_token)


def test_a_clock_set_forward_opens_nothing(authority, clock, settings):
    """Database and machine say that the deadline has passed; the authority does not."""
    assert refusal(confirmed(clock, now=False), settings) == "deadline_not_reached_by_authority"


@pytest.mark.parametrize(
    ("minutes", "said"), [(10, "clocks_apart"), (-10, "clocks_apart"), (4, "")]
)
def test_a_clock_ten_minutes_wrong_is_noticed(authority, clock, settings, minutes, said):
    waiting = confirmed(clock)
    clock.move(timedelta(minutes=minutes))
    if said:
        assert refusal(waiting, settings) == said
    else:
        assert carried_out(waiting, settings)[0] is True


@pytest.mark.parametrize("how", ["busy", "talking_rubbish", "replaying"])
def test_an_authority_that_gives_no_token_delays_by_ten_minutes(
    authority, clock, settings, how, caplog
):
    waiting = confirmed(clock)
    if how == "replaying":
        authority.kept = authority.reply(stamping.request_for(b"x").as_bytes())
    authority.behave = getattr(authority, how)
    assert refusal(waiting, settings) == "no_time_token"
    assert refusal(waiting, settings) == "no_time_token"
    assert authority.asked == 1  # not again within seconds
    clock.move(timedelta(minutes=9, seconds=59))
    assert refusal(waiting, settings) == "no_time_token"
    clock.move(timedelta(seconds=20))
    done, opening = carried_out(waiting, settings)
    assert (done, opening.time_source, opening.token_at) == (True, TimeSource.NO_TOKEN, None)
    assert "gave no token for ten minutes" in recorded(opening)["time_source"]["en"]
    assert authority.asked == 3


def test_one_that_answers_again_is_believed(authority, clock, settings):
    waiting = confirmed(clock)
    authority.behave = authority.busy
    assert refusal(waiting, settings) == "no_time_token"
    authority.behave = authority.honest
    clock.move(timedelta(seconds=16))
    done, opening = carried_out(waiting, settings)
    assert (done, opening.time_source) == (True, TimeSource.AUTHORITY)


def test_a_row_that_claims_a_token_is_not_believed(authority, clock, settings):
    waiting = confirmed(clock, now=False)
    Opening.objects.update(time_source=TimeSource.AUTHORITY, time_token=b"x")
    assert refusal(waiting, settings) == "deadline_not_reached_by_authority"


# -- The last log that was believed ----------------------------------------------------------------
def edit(statement, *given):
    """As somebody does who owns the database: triggers off, then the row."""
    table = re.search(r"marketplace_\w+", statement)[0]
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement, given)
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def read(settings):
    replay = Replay(settings.OPENER_LOG_VKEY, memory=own_folder() / "checkpoint")
    replay.advance()
    return replay.size


def cut_the_log(size):
    for table in ("checkpoint WHERE size > %s", "leaf WHERE index >= %s"):
        edit(f"DELETE FROM marketplace_{table}", size)


def test_a_log_may_only_grow(own, clock, settings):
    confirmed(clock)
    first = read(settings)
    assert (own.stat().st_mode & 0o777, read(settings)) == (0o700, first)
    sequencer.seal_batch()
    grown = read(settings)
    assert grown > first
    cut_the_log(first)
    assert Replay(settings.OPENER_LOG_VKEY).advance() is None  # signed and whole, but older
    with pytest.raises(LogNotTrusted, match="shorter_than_remembered"):
        read(settings)
    (own / "checkpoint").unlink()
    assert read(settings) == first


def test_another_history_of_the_same_length_is_refused(own, clock, settings):
    """The log's own key may sign two histories: who has seen one takes no other."""
    confirmed(clock)
    first = read(settings)
    remembered = (own / "checkpoint").read_text()
    other = remembered.split("\n")
    other[2] = "A" * 43 + "="
    (own / "checkpoint").write_text("\n".join(other))
    with pytest.raises(LogNotTrusted, match="other_than_remembered"):
        read(settings)
    (own / "checkpoint").write_text(remembered)
    assert read(settings) == first


def test_a_memory_that_cannot_be_read_is_not_passed_over(own, clock, settings):
    confirmed(clock)
    own.mkdir(mode=0o700)
    (own / "checkpoint").write_text("rubbish")
    with pytest.raises(LogNotTrusted, match="memory_unreadable"):
        read(settings)
    assert open_confirmed(bids.identity()) == 1  # a replay without memory


def test_the_command_remembers(own, clock, settings):
    opening = confirmed(clock)
    call_command("run_opener", "--once")
    opening.refresh_from_db()
    assert opening.state == OpeningState.FINISHED
    assert (own / "checkpoint").read_text().startswith(f"{settings.LOG_ORIGIN}\n")
