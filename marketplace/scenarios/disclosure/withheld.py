"""签约可见: texts that only released readers read.

While a demand is written, its own people, the office and the experts of its demonstration read
them in their fields. Publication takes them out of the demand, so that no page, search, list,
export or program can tell them, and puts them into one restricted file: undertaking, expiry and
register are that file's.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Max

from marketplace.base.actor import Actor
from marketplace.files.actions import keep_made
from marketplace.files.limits import Purpose
from marketplace.scenarios.attachments import Access, Attachment
from marketplace.scenarios.content import RESTRICTABLE, Content
from marketplace.scenarios.disclosure.models import RestrictedText
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.queries import stored_content

# The file is read by vendors of both languages.
HEADS = {
    "pain": "背景与痛点 What hurts",
    "need": "需求内容 What is wanted",
    "deliverables": "交付物 Deliverables",
    "ip_terms": "产权归属 Ownership of results",
    "data_terms": "数据与保密 Data and confidentiality",
}
TITLE = "签约可见内容 Restricted parts"


def restricted_of(scenario: Scenario) -> list[str]:
    """Its restricted fields in the order of the form."""
    return [name for name in RESTRICTABLE if name in scenario.restricted_fields]


def withhold(scenario: Scenario, now: datetime) -> list[str]:
    """Take restricted texts out of a demand that is about to be posted; the caller saves it.

    Returns the fields that are blank now. Their texts stand in a restricted file at the end of
    its list. A class without a text is none.
    """
    texts = {name: getattr(scenario, name) for name in restricted_of(scenario)}
    texts = {name: text for name, text in texts.items() if text}
    scenario.restricted_fields = list(texts)
    if not texts:
        return []
    upload = keep_made(
        organisation=scenario.organisation,
        user=scenario.author,
        purpose=Purpose.ATTACHMENT,
        name=f"{scenario.ref}-restricted.txt",
        body=_file(scenario, texts),
        subject_uid=scenario.uid,
        at=now,
    )
    last = scenario.attachments.aggregate(last=Max("position"))["last"]
    row = Attachment.objects.create(
        scenario=scenario,
        upload=upload,
        title=TITLE,
        access=Access.RESTRICTED,
        position=0 if last is None else last + 1,
    )
    RestrictedText.objects.bulk_create(
        RestrictedText(attachment=row, field=name, text=text) for name, text in texts.items()
    )
    for name in texts:
        setattr(scenario, name, "")
    return list(texts)


def _file(scenario: Scenario, texts: dict[str, str]) -> bytes:
    parts = [
        f"{scenario.ref} {scenario.title}",
        "仅供签署保密承诺的读者阅读，不得转交他人。",
        "For readers who signed the undertaking; not to be passed on.",
    ]
    parts += [f"{HEADS[name]}\n\n{text}" for name, text in texts.items()]
    return ("\n\n\n".join(parts) + "\n").encode()


def whole_content(scenario: Scenario) -> Content:
    """As its owner wrote it, restricted texts included: for the owner's own next demand alone."""
    content = stored_content(scenario)
    rows = RestrictedText.objects.filter(attachment__scenario=scenario)
    content.values |= dict(rows.values_list("field", "text"))
    return content


def file_of(actor: Actor, scenario: Scenario) -> Attachment | None:
    """The file that holds the restricted texts, as far as this reader may know of it."""
    if not scenario.restricted_fields:
        return None
    rows = Attachment.objects.visible_to(actor).filter(scenario=scenario)
    return rows.filter(restricted_texts__isnull=False).select_related("upload", "scenario").first()
