"""Mail over real SMTP to a sink on loopback."""

from email.header import decode_header, make_header

import pytest

from marketplace.accounts.models import Membership
from marketplace.base import queue
from marketplace.base.models import OutboxJob
from marketplace.notices.handlers import mail_notice
from marketplace.notices.models import Notice
from marketplace.scenarios.models import State
from tests import world
from tests.notices.steps import deliver, happen

pytestmark = pytest.mark.django_db


def returned(owner, **fields):
    happen("scenario.returned", world.draft_scenario(owner, state=State.RETURNED, **fields))


def subject_of(message):
    return str(make_header(decode_header(message["Subject"])))


def parts(message):
    return {
        part.get_content_type(): part.get_payload(decode=True).decode()
        for part in message.walk()
        if not part.is_multipart()
    }


@pytest.mark.parametrize(
    ("language", "subject", "greeting", "prefix"),
    [
        ("zh-hans", "需求“误报太多”已退回修改", "王五，您好：", ""),
        ("en", "The demand “Too <many> alarms” was returned for revision", "Dear 王五,", "/en"),
    ],
)
def test_each_is_written_to_in_his_language(sink, language, subject, greeting, prefix):
    owner = world.owner()
    owner.user.name, owner.user.language = "王五", language
    owner.user.save()
    returned(owner, title="误报太多", title_en="Too <many> alarms")
    deliver()
    [message] = sink
    notice = Notice.objects.get()
    link = f"https://jiebang.test{prefix}/desk/notices/{notice.uid}/"
    assert message["To"] == message["X-RcptTo"] == owner.user.email
    assert message["Message-ID"] == f"<{notice.uid}@jiebang.test>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert subject_of(message) == subject
    told = parts(message)
    assert set(told) == {"text/plain", "text/html"}
    for line in (greeting, subject, link):
        assert line in told["text/plain"].replace("\r\n", "\n").split("\n")
    assert subject.replace("<", "&lt;").replace(">", "&gt;") in told["text/html"]
    assert f'href="{link}"' in told["text/html"]
    assert f'lang="{"en" if prefix else "zh-Hans"}"' in told["text/html"]
    assert notice.mailed_at is not None


def test_each_gets_one_mail_however_often_the_job_runs(sink):
    owner = world.owner()
    other = world.member(owner.organisation)
    returned(owner)
    deliver()
    for notice in Notice.objects.all():
        mail_notice(notice_uid=str(notice.uid))
    assert sorted(m["To"] for m in sink) == sorted([owner.user.email, other.user.email])


def test_a_title_with_line_ends_adds_no_header(sink):
    owner = world.owner()
    owner.user.language = "en"
    owner.user.save()
    returned(owner, title_en="Alarms\r\nBcc: thief@test.invalid\r\n\r\nbody\u2028more")
    deliver()
    [message] = sink
    assert message["Bcc"] is None
    assert message["X-RcptTo"] == owner.user.email
    title = "Alarms Bcc: thief@test.invalid body more"
    assert subject_of(message) == f"The demand “{title}” was returned for revision"


def test_what_may_not_be_known_any_more_is_not_mailed(sink):
    owner = world.owner()
    returned(owner)
    assert queue.deliver_due() == 1
    Membership.objects.filter(user=owner.user).delete()
    deliver()
    assert sink == []
    assert Notice.objects.get().mailed_at is None
    assert OutboxJob.objects.filter(done_at=None).count() == 0


def test_a_server_that_is_away_leaves_the_notice_and_keeps_the_mail_waiting(sink, settings):
    at = settings.EMAIL_PORT
    settings.EMAIL_PORT = 1
    owner = world.owner()
    returned(owner)
    deliver()
    job = OutboxJob.objects.get(kind="mail_notice")
    assert (job.done_at, job.attempts, job.last_error) == (None, 1, "ConnectionRefusedError")
    assert Notice.objects.get().user == owner.user
    settings.EMAIL_PORT = at
    OutboxJob.objects.update(due_at=job.created_at)
    deliver()
    assert [message["To"] for message in sink] == [owner.user.email]


def test_without_a_server_no_mail_is_promised(settings, mailoutbox):
    assert settings.EMAIL_HOST == ""
    returned(world.owner())
    deliver()
    assert Notice.objects.count() == 1
    assert OutboxJob.objects.filter(kind="mail_notice").count() == 0
    assert mailoutbox == []
