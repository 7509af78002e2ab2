"""The five documents of a demand 发榜五件: filed by one person, most of them checked by another."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q

from marketplace.accounts.models import Organisation, User
from marketplace.base.actor import Actor
from marketplace.base.canonical import salted
from marketplace.base.inspected import inspected
from marketplace.base.models import Recorded
from marketplace.files.models import Upload
from marketplace.ledger.models import append_only
from marketplace.scenarios.attachments import make_salt
from marketplace.scenarios.documents.kinds import FORMS, DocumentKind, Form
from marketplace.scenarios.models import Scenario


class GateDocumentQuerySet(models.QuerySet["GateDocument"]):
    def visible_to(self, actor: Actor) -> GateDocumentQuerySet:
        """Of a demand that one sees: to its owner's people, the office, inspectors on request."""
        seen = Q(pk=None)
        if actor.organisation_id:
            seen |= Q(scenario__organisation_id=actor.organisation_id)
        if actor.is_office:
            seen |= Q(pk__isnull=False)
        seen |= inspected(actor, "scenario__uid", "scenario__organisation__uid")
        demands = Scenario.objects.visible_to(actor)
        return self.filter(seen, scenario_id__in=demands.values("pk"))


class GateDocument(Recorded):
    """One filing of one of the five documents; a later one of the kind takes its place.

    It speaks of the demand at `revision`: once the owner changed the text, it counts no more. The
    commitment of funds speaks of an amount instead, and counts while that covers the budget.
    """

    append_only = True

    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=16, choices=DocumentKind.choices)
    revision = models.PositiveIntegerField()
    form_version = models.PositiveSmallIntegerField()
    # {statement: true}; of an opinion what was asked and how it was answered, added up.
    answers = models.JSONField(default=dict)
    number = models.CharField(max_length=80, blank=True)
    amount_cny = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    words = models.TextField(max_length=4000, blank=True)
    upload = models.OneToOneField(Upload, null=True, on_delete=models.PROTECT, related_name="+")
    # Of everything above in canonical form; the publication shows it keyed with the salt.
    sha256 = models.CharField(max_length=64)
    salt = models.BinaryField(max_length=32, default=make_salt)
    filed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    filed_at = models.DateTimeField()

    objects = GateDocumentQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(name="gate_document_newest", fields=["scenario", "kind", "-id"])]
        triggers = append_only("gate_document")

    @property
    def form(self) -> Form:
        return FORMS[self.kind]

    @property
    def commitment(self) -> str:
        """HMAC-SHA-256 (hex) of its hash: says which document it was once that is known."""
        return salted(self.sha256, bytes(self.salt))


class DocumentCheck(Recorded):
    """The second person's word on a document, once: accepted, or sent back with the reason."""

    append_only = True

    document = models.OneToOneField(GateDocument, on_delete=models.PROTECT, related_name="check_of")
    accepted = models.BooleanField()
    words = models.TextField(max_length=4000, blank=True)
    checked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    checked_at = models.DateTimeField()

    class Meta:
        triggers = [
            *append_only("document_check"),
            pgtrigger.Trigger(
                name="document_is_checked_by_another",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF EXISTS (SELECT 1 FROM marketplace_gatedocument
                               WHERE id = NEW.document_id AND filed_by_id = NEW.checked_by_id) THEN
                        RAISE EXCEPTION 'who filed a document does not check it';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]
