"""The way to the mail server: login, TLS, what it refuses for now and for good, and headers."""

import pytest

from marketplace.base import queue
from marketplace.base.models import OutboxJob
from marketplace.notices.handlers import PATIENCE, mail_notice
from marketplace.notices.models import MailRefusal, Notice
from marketplace.scenarios.models import State
from tests import world
from tests.house.test_settings import example, manage
from tests.notices.smtp import PASSWORD, USER, Sink, certificate, login, served
from tests.notices.steps import deliver, happen

pytestmark = pytest.mark.django_db


def returned(owner, **fields):
    happen("scenario.returned", world.draft_scenario(owner, state=State.RETURNED, **fields))
    deliver()


def again():
    OutboxJob.objects.update(due_at=OutboxJob.objects.latest("pk").created_at)
    deliver()


@pytest.fixture
def secured(settings, tmp_path, monkeypatch):
    """Login as in service, and an authority that the system trusts."""
    context, authority = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = USER.decode(), PASSWORD.decode()
    return context


# -- Login and TLS -----------------------------------------------------------------------------
def test_it_logs_in_over_starttls(settings, secured):
    settings.EMAIL_USE_TLS = True
    options = {"authenticator": login, "auth_required": True, "tls_context": secured}
    with served(Sink(), settings, **options, require_starttls=True) as sink:
        returned(world.owner())
    assert (len(sink.received), sink.ciphered) == (1, [True])


def test_it_logs_in_over_tls_from_the_first_byte(settings, secured):
    settings.EMAIL_USE_SSL = True
    # The server does not see that all of it is inside TLS already.
    options = {"authenticator": login, "auth_require_tls": False, "ssl_context": secured}
    with served(Sink(), settings, **options) as sink:
        returned(world.owner())
    assert (len(sink.received), sink.ciphered) == (1, [True])


def test_a_certificate_that_nobody_vouches_for_gets_neither_password_nor_mail(
    settings, secured, monkeypatch
):
    monkeypatch.delenv("SSL_CERT_FILE")
    settings.EMAIL_USE_TLS = True
    options = {"authenticator": login, "auth_required": True, "tls_context": secured}
    with served(Sink(), settings, **options) as sink:
        returned(world.owner())
    job = OutboxJob.objects.get(kind="mail_notice")
    assert (job.done_at, job.last_error) == (None, "SSLCertVerificationError")
    assert sink.received == []


def test_a_wrong_password_is_the_installations_fault_and_tried_again(settings, secured):
    settings.EMAIL_USE_TLS = True
    settings.EMAIL_HOST_PASSWORD = "wrong"
    options = {"authenticator": login, "auth_required": True, "tls_context": secured}
    with served(Sink(), settings, **options) as sink:
        returned(world.owner())
        settings.EMAIL_HOST_PASSWORD = PASSWORD.decode()
        job = OutboxJob.objects.get(kind="mail_notice")
        assert (job.done_at, job.last_error) == (None, "SMTPAuthenticationError")
        assert MailRefusal.objects.count() == 0
        again()
    assert len(sink.received) == 1


SETTINGS = (
    "from django.conf import settings as s; print(s.EMAIL_PORT, s.EMAIL_USE_TLS, s.EMAIL_USE_SSL)"
)


@pytest.mark.parametrize(
    ("given", "port"),
    [
        ({}, "25 False False"),
        ({"EMAIL_SECURITY": "starttls", "EMAIL_HOST_USER": "u"}, "587 True False"),
        ({"EMAIL_SECURITY": "tls", "EMAIL_HOST_USER": "u"}, "465 False True"),
        ({"EMAIL_SECURITY": "tls", "EMAIL_PORT": "2465"}, "2465 False True"),
    ],
)
def test_the_settings_name_the_port_that_goes_with_them(given, port):
    env = {k: v for k, v in example().items() if not k.startswith("EMAIL_")} | given
    done = manage("shell", "--no-imports", "-c", SETTINGS, env=env)
    assert done.stdout.strip() == port


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"EMAIL_SECURITY": "ssl"}, "EMAIL_SECURITY is none of"),
        ({"EMAIL_SECURITY": "", "EMAIL_HOST_USER": "u"}, "a password is not sent in clear"),
    ],
)
def test_a_password_in_clear_stops_the_start(given, said):
    env = {k: v for k, v in example().items() if not k.startswith("EMAIL_")} | given
    done = manage("check", env=env)
    assert done.returncode != 0
    assert said in done.stderr


# -- Refused for now, refused for good ---------------------------------------------------------
@pytest.mark.parametrize("where", ["at_rcpt", "at_data"])
def test_a_temporary_refusal_is_tried_again_after_a_pause(settings, where):
    with served(Sink(**{where: ["451 greylisted, come back"]}), settings) as sink:
        returned(world.owner())
        job = OutboxJob.objects.get(kind="mail_notice")
        assert (job.done_at, job.attempts) == (None, 1)
        assert job.due_at - job.created_at >= queue.BACKOFF[0]
        assert (sink.received, MailRefusal.objects.count()) == ([], 0)
        again()
    notice = Notice.objects.get()
    assert [m["Message-ID"] for m in sink.received] == [f"<{notice.uid}@jiebang.test>"]
    assert notice.mailed_at is not None


@pytest.mark.parametrize("where", ["at_rcpt", "at_data"])
def test_a_final_refusal_is_kept_and_not_tried_again(settings, where):
    owner = world.owner()
    answer = "550 5.1.1 no such\x1b[31m mailbox"
    with served(Sink(**{where: [answer]}), settings) as sink:
        returned(owner)
        notice = Notice.objects.get()
        refusal = MailRefusal.objects.get()
        assert (refusal.user, refusal.email, refusal.code) == (owner.user, owner.user.email, 550)
        assert refusal.answer.startswith("5.1.1 no such")
        assert (notice.mailed_at, notice.mail_refused_at is None) == (None, False)
        assert OutboxJob.objects.filter(done_at=None).count() == 0
        mail_notice(notice_uid=str(notice.uid))
        assert sink.received == []
        # The next one is tried, and once it is taken the mark goes.
        returned(owner)
    assert len(sink.received) == 1
    assert MailRefusal.objects.count() == 0


def test_later_for_days_is_taken_as_never(settings, clock):
    with served(Sink(at_rcpt=["452 full", "452 full"]), settings):
        returned(world.owner())
        assert MailRefusal.objects.count() == 0
        clock.move(PATIENCE)
        deliver()
    assert MailRefusal.objects.get().code == 452
    assert OutboxJob.objects.filter(done_at=None).count() == 0


def test_the_person_and_the_office_see_the_refusal_and_nobody_else(client, settings):
    owner, officer = world.owner(), world.officer()
    with served(Sink(at_rcpt=["550 <b>gone</b>"]), settings):
        returned(owner)
    client.force_login(owner.user)
    page = client.get("/en/accounts/notices/").content.decode()
    assert "&lt;b&gt;gone&lt;/b&gt;" in page
    assert client.get("/en/desk/notices/refused/").status_code == 403
    client.force_login(officer.user)
    page = client.get("/en/desk/notices/refused/").content.decode()
    assert owner.user.email in page
    assert "&lt;b&gt;gone&lt;/b&gt;" in page
    assert owner.user.email not in client.get("/en/accounts/notices/").content.decode()
    client.force_login(world.vendor().user)
    assert list(MailRefusal.objects.visible_to(world.vendor())) == []


def test_thirty_refusals_cost_what_one_costs(client, count_queries):
    client.force_login(world.officer().user)

    def refused():
        user = world.make_user()
        MailRefusal.objects.create(
            user=user, email=user.email, code=550, answer="no", refused_at=user.created_at
        )

    refused()
    client.get("/desk/notices/refused/")
    with count_queries() as one:
        client.get("/desk/notices/refused/")
    for _ in range(29):
        refused()
    with count_queries() as thirty:
        page = client.get("/desk/notices/refused/")
    assert len(page.context["page_obj"].object_list) == 30
    assert len(thirty) == len(one)


# -- Headers -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "name",
    [
        "示盾\r\nBcc: thief@test.invalid",
        "a\nSubject: other\n\nbody",
        "**bold** [x](javascript:alert(1)) <b>",
        "\u2028Bcc: x@test.invalid\u0085\x0b\x0cmore",
        '=?utf-8?b?QmNjOiB4?= ,"; <a@test.invalid>',
        "x" * 900,
    ],
)
def test_whatever_a_name_holds_the_headers_stay_intact(settings, name):
    owner = world.owner()
    owner.user.name, owner.user.language = name[:80], "en"
    owner.user.save()
    with served(Sink(), settings) as sink:
        returned(owner, title_en=name[:200])
    [message], [source] = sink.received, sink.sources
    head = source.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0].decode("ascii")
    names = [line.split(":")[0] for line in head.split("\n") if not line.startswith((" ", "\t"))]
    assert sorted(names) == sorted(
        [
            "Content-Type",
            "MIME-Version",
            "Subject",
            "From",
            "To",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "List-Unsubscribe",
            "List-Unsubscribe-Post",
        ]
    )
    assert max(map(len, head.split("\n"))) <= 998
    assert message["X-RcptTo"] == owner.user.email
    html = next(p for p in message.walk() if p.get_content_type() == "text/html")
    assert "<b>" not in html.get_payload(decode=True).decode()
