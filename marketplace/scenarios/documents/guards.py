"""What the five documents ask of a publication: all of them there, and two people."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from marketplace.accounts.models import User
from marketplace.base.actor import Actor
from marketplace.scenarios.content import Fault
from marketplace.scenarios.documents.kinds import DocumentKind
from marketplace.scenarios.documents.models import GateDocument
from marketplace.scenarios.documents.queries import missing
from marketplace.scenarios.models import Scenario


def documents_there(scenario: Scenario, actor: Actor) -> Iterator[Fault]:
    """Without all five nothing is published; who filed the approval sheet does not publish."""
    for paper in missing(scenario):
        said = {"document": paper.label, "state": paper.state_label, "who": paper.who_has}
        sentence = _("%(document)s — %(state)s. %(who)s.") % said
        yield Fault("documents", f"document.{paper.kind}", sentence)
    preparer = prepared_by(scenario)
    if preparer is not None and preparer == actor.user:
        sentence = _("You filed the approval sheet: another officer publishes.")
        yield Fault("documents", "document.same_person", sentence)


def prepared_by(scenario: Scenario) -> User | None:
    """Who filed the approval sheet that stands, if there is one."""
    rows = GateDocument.objects.filter(scenario=scenario, kind=DocumentKind.APPROVAL)
    row = rows.select_related("filed_by").order_by("-pk").first()
    return row.filed_by if row else None
