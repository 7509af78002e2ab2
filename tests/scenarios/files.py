"""A demand with files: how tests attach, release, sign for and read them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.test import Client

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.scenarios import actions
from marketplace.scenarios.attachments import Attachment
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.undertakings import text_in_force
from tests import world
from tests.files.sending import signed_in, stored
from tests.scenarios import typed
from tests.scenarios.test_publication import publish

BODY = b"%PDF-1.7\n" + b"x" * 500


def attach(
    actor: Actor,
    scenario: Scenario,
    access: str = "public",
    *,
    name: str = "plan.pdf",
    title: str = "",
    body: bytes = BODY,
) -> Attachment:
    upload = stored(actor, body, name=name)
    return actions.attach_file(
        actor=actor, scenario_uid=scenario.uid, upload_uid=upload.uid, access=access, title=title
    )


def published_files(owner: Actor | None = None) -> tuple[Actor, Scenario, Attachment, Attachment]:
    """(owner, published demand, public file, restricted file)."""
    scenario = typed.demonstrated(owner)
    owner = owner or world.member(scenario.organisation)
    Scenario.objects.filter(pk=scenario.pk).update(state=State.RETURNED)
    public = attach(owner, scenario, title="公开说明")
    restricted = attach(owner, scenario, "restricted", name="拓扑.pdf", body=BODY + b"secret")
    Scenario.objects.filter(pk=scenario.pk).update(state=State.DEMONSTRATED)
    publish(scenario)
    for row in (scenario, public.scenario, restricted.scenario):
        row.refresh_from_db()
    return owner, scenario, public, restricted


def until(days: int = 7) -> date:
    return clock.today() + timedelta(days=days)


def release(owner: Actor, row: Attachment, reader: Actor, until_date: date | None = None) -> Any:
    return actions.release_attachment(
        actor=owner,
        attachment_uid=row.uid,
        organisation_uid=reader.party.uid,
        until_date=until_date or until(),
    )


def sign(reader: Actor, row: Attachment) -> Any:
    text = text_in_force()
    assert text is not None
    return actions.sign_undertaking(actor=reader, attachment_uid=row.uid, sha256=text.sha256)


def reads(actor: Actor, row: Attachment) -> bool:
    client = signed_in(actor) if actor.user else Client()
    return client.get(f"/files/{row.upload.uid}/").status_code == 200
