"""Which way each group comes: one's own choice, the mail of a day, and the link that stops it."""

import datetime as dt
from email.header import decode_header, make_header
from urllib.parse import urlsplit

import pytest
from django.core import signing
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from marketplace.accounts.models import Membership
from marketplace.base import queue
from marketplace.base.actor import Actor, Role
from marketplace.base.clock import SHANGHAI
from marketplace.base.errors import Invalid, NotFound
from marketplace.notices import actions
from marketplace.notices.channels import MANDATORY, Channel, Group, offered
from marketplace.notices.handlers import mail_digest
from marketplace.notices.mail import DIGEST_LINES, UNSUBSCRIBE, token_for
from marketplace.notices.models import Digest, Notice, NoticePreference
from marketplace.notices.queries import channels_of
from marketplace.notices.registry import KINDS
from marketplace.scenarios.models import State
from tests import world
from tests.awards import steps as award_steps
from tests.notices.steps import deliver, happen

pytestmark = pytest.mark.django_db
PAGE = "/en/accounts/notices/"
MORNING = dt.datetime(2026, 11, 23, 8, 30, tzinfo=SHANGHAI)
HOUR = dt.timedelta(hours=1)


def returned(owner, **fields):
    happen("scenario.returned", world.draft_scenario(owner, state=State.RETURNED, **fields))
    deliver()


def choose(owner, **channels):
    actions.set_channels(actor=owner, channels=channels)


def subject_of(message):
    return str(make_header(decode_header(message["Subject"])))


def parts(message):
    return {
        part.get_content_type(): part.get_payload(decode=True).decode().replace("\r\n", "\n")
        for part in message.walk()
        if not part.is_multipart()
    }


@pytest.fixture
def owner():
    actor = world.owner()
    actor.user.language = "en"
    actor.user.save()
    return actor


@pytest.fixture
def evening(clock):
    """The evening before: what is told now is told of in the next morning's mail."""
    clock.freeze(MORNING - 12 * HOUR)
    return clock


# -- The choice --------------------------------------------------------------------------------
def test_every_kind_has_a_group_and_rights_are_never_silenced():
    assert {kind.group for kind in KINDS.values()} - set(Group) == set()
    assert {Group.OPENINGS, Group.AWARDS, Group.ACCOUNT} == MANDATORY
    for group in Group:
        assert (Channel.INBOX in offered(group)) is (group not in MANDATORY)


def test_without_a_choice_it_is_mail_at_once(owner):
    assert channels_of(owner.user) == dict.fromkeys(Group.values, Channel.AT_ONCE)


def test_one_chooses_for_oneself_alone(client, owner):
    other = world.owner()
    client.force_login(owner.user)
    answer = client.post(PAGE, {"demands": "daily", "reminders": "inbox", "awards": "daily"})
    assert (answer.status_code, answer.url) == (302, PAGE)
    chosen = channels_of(owner.user)
    assert (chosen["demands"], chosen["reminders"], chosen["awards"]) == ("daily", "inbox", "daily")
    assert chosen["panels"] == "at_once"
    assert channels_of(other.user)["demands"] == "at_once"
    page = client.get(PAGE)
    assert page.context["form"].initial == chosen
    assert page.content.decode().count(" checked") == len(Group)


@pytest.mark.parametrize("group", sorted(MANDATORY))
def test_what_is_mandatory_is_not_silenced_by_page_action_or_table(client, owner, group):
    client.force_login(owner.user)
    page = client.post(PAGE, {group: "inbox", "demands": "daily"})
    assert page.status_code == 422
    assert "they cannot be silenced" in page.content.decode()
    assert NoticePreference.objects.count() == 0
    with pytest.raises(Invalid):
        choose(owner, **{group: Channel.INBOX})
    with pytest.raises(IntegrityError), transaction.atomic():
        NoticePreference.objects.create(
            user=owner.user, group=group, channel=Channel.INBOX, changed_at=MORNING
        )


@pytest.mark.parametrize(
    "channels", [{"demands": "never"}, {"other": "daily"}, {"demands": ""}, {"x" * 10**5: "daily"}]
)
def test_what_is_not_offered_is_refused(owner, channels):
    with pytest.raises(Invalid):
        actions.set_channels(actor=owner, channels=channels)
    assert NoticePreference.objects.count() == 0


@pytest.mark.parametrize("typed", ["\x00", "<b>", "inbox\r\n", "x" * 10**5])
def test_strange_values_on_the_page_are_refused(client, owner, typed):
    client.force_login(owner.user)
    assert client.post(PAGE, {"demands": typed}).status_code == 422


def test_the_page_asks_for_a_sign_in(client):
    assert client.get(PAGE).url.startswith("/en/accounts/login/")


# -- By which way it comes ---------------------------------------------------------------------
@pytest.mark.parametrize(("channel", "mails"), [("at_once", 1), ("daily", 0), ("inbox", 0)])
def test_only_at_once_is_mailed_at_once(sink, owner, channel, mails):
    choose(owner, demands=channel)
    returned(owner)
    assert (len(sink), Notice.objects.count()) == (mails, 1)


def test_who_silences_it_before_delivery_gets_no_mail(sink, owner):
    happen("scenario.returned", world.draft_scenario(owner, state=State.RETURNED))
    assert queue.deliver_due() == 1
    choose(owner, demands="inbox")
    deliver()
    assert (sink, Notice.objects.count()) == ([], 1)


def test_who_has_read_it_gets_no_mail(sink, owner):
    happen("scenario.returned", world.draft_scenario(owner, state=State.RETURNED))
    assert queue.deliver_due() == 1
    actions.mark_all_read(actor=owner)
    deliver()
    assert sink == []


# -- The mail of a day -------------------------------------------------------------------------
def test_the_mail_of_the_day_gathers_what_is_unread(sink, owner, evening):
    choose(owner, demands="daily")
    returned(owner, title_en="One <b>")
    returned(owner, title_en="Two")
    returned(owner, title_en="Read")
    actions.mark_read(actor=owner, notice_uid=Notice.objects.latest("pk").uid)
    evening.freeze(MORNING)
    assert actions.promise_digests() == 1
    deliver()
    [message] = sink
    digest = Digest.objects.get()
    assert subject_of(message) == "2 new messages"
    assert message["Message-ID"] == f"<{digest.uid}@jiebang.test>"
    told = parts(message)
    assert "One <b>" in told["text/plain"]
    assert "One &lt;b&gt;" in told["text/html"]
    assert "Two" in told["text/plain"]
    assert "Read" not in told["text/plain"]
    assert Notice.objects.filter(mailed_at=None).count() == 1
    assert (digest.lines, digest.day) == (2, MORNING.date())


def test_it_comes_once_a_day_however_often_it_is_swept_or_run(sink, owner, evening):
    choose(owner, demands="daily")
    returned(owner)
    evening.freeze(MORNING)
    assert [actions.promise_digests(), actions.promise_digests()] == [1, 0]
    deliver()
    digest = Digest.objects.get()
    mail_digest(digest_uid=str(digest.uid))
    returned(owner)
    assert actions.promise_digests() == 0
    assert len(sink) == 1
    evening.freeze(MORNING + 24 * HOUR)
    assert actions.promise_digests() == 1
    deliver()
    assert len(sink) == 2


@pytest.mark.parametrize(
    ("at", "promised"),
    [
        (MORNING - dt.timedelta(microseconds=1), 0),
        (MORNING, 1),
        (MORNING.replace(hour=19, minute=59), 1),
        (MORNING.replace(hour=20, minute=0), 0),
    ],
)
def test_it_comes_between_half_past_eight_and_eight_in_the_evening(
    sink, owner, evening, at, promised
):
    choose(owner, demands="daily")
    returned(owner)
    evening.freeze(at)
    assert actions.promise_digests() == promised


def test_what_may_not_be_known_any_more_is_left_out_and_nothing_makes_no_mail(sink, owner, evening):
    choose(owner, demands="daily")
    returned(owner)
    evening.freeze(MORNING)
    assert actions.promise_digests() == 1
    Membership.objects.filter(user=owner.user).delete()
    deliver()
    assert sink == []
    assert Digest.objects.get().lines == 0


def test_what_was_told_before_the_choice_is_not_gathered(sink, owner, evening):
    choose(owner, demands="inbox")
    returned(owner)
    evening.move(HOUR)
    choose(owner, demands="daily")
    evening.freeze(MORNING)
    assert actions.promise_digests() == 0


def test_a_long_day_is_cut(sink, owner, evening):
    choose(owner, demands="daily")
    scenario = world.draft_scenario(owner, state=State.RETURNED)
    for _ in range(DIGEST_LINES + 2):
        happen("scenario.returned", scenario)
    deliver()
    evening.freeze(MORNING)
    actions.promise_digests()
    deliver()
    text = parts(sink[0])["text/plain"]
    assert text.count("was returned for revision") == DIGEST_LINES
    assert "and 2 more" in text
    assert Notice.objects.filter(mailed_at=None).count() == 0


# -- The link that stops it --------------------------------------------------------------------
def link_of(message):
    return urlsplit(message["List-Unsubscribe"].strip().strip("<>")).path


def test_one_post_without_a_session_silences_the_group(sink, owner):
    returned(owner)
    [message] = sink
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link_of(message).startswith("/en/accounts/notices/stop/")
    strange = Client(enforce_csrf_checks=True)
    asked = strange.get(link_of(message))
    assert (asked.status_code, channels_of(owner.user)["demands"]) == (200, "at_once")
    assert "The course of your demands" in asked.content.decode()
    for _twice in range(2):
        done = strange.post(link_of(message), {"List-Unsubscribe": "One-Click"})
        assert done.status_code == 200
    assert channels_of(owner.user)["demands"] == "inbox"
    assert channels_of(owner.user)["reminders"] == "at_once"
    returned(owner)
    assert len(sink) == 1


def test_the_link_of_a_days_mail_silences_what_may_be_silenced(sink, owner, evening):
    choose(owner, demands="daily", awards="daily")
    returned(owner)
    evening.freeze(MORNING)
    actions.promise_digests()
    deliver()
    Client().post(link_of(sink[0]))
    chosen = channels_of(owner.user)
    assert (chosen["demands"], chosen["awards"]) == ("inbox", "daily")


def test_what_is_mandatory_brings_no_such_link(sink):
    decision = award_steps.decided(1)
    deliver()
    sink.clear()
    happen("award.publicised", decision.scenario)
    deliver()
    assert len(sink) > 0
    assert {message["List-Unsubscribe"] for message in sink} == {None}


@pytest.mark.parametrize("token", ["x", "a:b:c", "x" * 5000, "%00"])
def test_a_false_link_is_404(client, token):
    at = reverse("notices-unsubscribe", args=["x"]).replace("/x/", f"/{token}/")
    assert client.get(at).status_code == 404
    assert client.post(at).status_code == 404


def test_a_link_for_another_salt_person_or_mandatory_group_changes_nothing(owner):
    other_salt = signing.dumps([str(owner.user.uid), "demands"], salt="other")
    gone = world.make_user(is_active=False)
    for token in (other_salt, token_for(gone, "demands")):
        with pytest.raises(NotFound):
            actions.unsubscribe(token=token)
    with pytest.raises(Invalid):
        actions.unsubscribe(token=token_for(owner.user, "awards"))
    assert NoticePreference.objects.count() == 0
    assert signing.loads(token_for(owner.user, "demands"), salt=UNSUBSCRIBE)


def test_it_is_the_person_who_silences_whatever_hat_is_worn(owner):
    choose(Actor(Role.MEMBER, owner.user), demands="inbox")
    assert channels_of(owner.user)["demands"] == "inbox"
