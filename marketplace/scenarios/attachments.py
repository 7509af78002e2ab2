"""Files that belong to a demand: everybody's, or read by those whom the owner releases."""

from __future__ import annotations

import secrets
from typing import Any

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Capability
from marketplace.accounts.queries import granted_subjects
from marketplace.base.actor import Actor
from marketplace.base.canonical import salted
from marketplace.base.inspected import inspected
from marketplace.base.models import Recorded
from marketplace.files.models import Upload
from marketplace.scenarios.models import Scenario


class Access(models.TextChoices):
    PUBLIC = "public", _("Public")
    RESTRICTED = "restricted", _("Restricted")


def make_salt() -> bytes:
    return secrets.token_bytes(32)


class AttachmentQuerySet(models.QuerySet["Attachment"]):
    def visible_to(self, actor: Actor) -> AttachmentQuerySet:
        """Where the demand is seen: public ones; restricted ones by owner, office, readers, inspectors."""
        seen = Q(access=Access.PUBLIC)
        if actor.organisation_id:
            seen |= Q(scenario__organisation_id=actor.organisation_id)
        if actor.is_office:
            seen |= Q(access=Access.RESTRICTED)
        if actor.user_id:
            seen |= Q(uid__in=granted_subjects(actor, Capability.READ))
        seen |= inspected(actor, "scenario__uid", "scenario__organisation__uid")
        demands = Scenario.objects.visible_to(actor)
        return self.filter(seen, scenario_id__in=demands.values("pk"))


class Attachment(Recorded):
    """One file of a demand. Publication freezes it; its bytes are an upload's and never change."""

    scenario = models.ForeignKey(Scenario, on_delete=models.CASCADE, related_name="attachments")
    upload = models.OneToOneField(Upload, on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=120)
    access = models.CharField(max_length=16, choices=Access.choices)
    position = models.PositiveSmallIntegerField()
    # Publication shows only a keyed hash of a restricted file; with this its readers can check it.
    salt = models.BinaryField(max_length=32, default=make_salt)

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="attachment_place_once", fields=["scenario", "position"])
        ]
        triggers = [
            pgtrigger.Trigger(
                name="attachment_is_frozen_by_publication",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                func="""
                    IF EXISTS (SELECT 1 FROM marketplace_scenario
                               WHERE id = COALESCE(NEW.scenario_id, OLD.scenario_id)
                               AND published_at IS NOT NULL) THEN
                        RAISE EXCEPTION 'attachments of a published demand do not change';
                    END IF;
                    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
                    RETURN NEW;
                """,
            )
        ]

    @property
    def restricted(self) -> bool:
        return self.access == Access.RESTRICTED

    @property
    def commitment(self) -> str:
        """HMAC-SHA-256 (hex) of the file's hash: says which file it is once that is known."""
        return salted(self.upload.sha256, bytes(self.salt))


def frozen_attachments(scenario: Scenario) -> list[dict[str, Any]]:
    """As publication shows them to everybody: of a restricted one, only that it is this one."""
    rows = scenario.attachments.select_related("upload").order_by("position")
    return [
        {"access": row.access, "commitment": row.commitment}
        if row.restricted
        else {
            "access": row.access,
            "title": row.title,
            "name": row.upload.name,
            "size": row.upload.length,
            "sha256": row.upload.sha256,
        }
        for row in rows
    ]
