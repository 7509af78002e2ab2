"""What stands between a demand and its readers because of what it tells."""

from __future__ import annotations

from collections.abc import Iterator

from marketplace.accounts.models import Organisation
from marketplace.base.actor import Actor
from marketplace.scenarios.attachments import Access
from marketplace.scenarios.checks import texts_of
from marketplace.scenarios.content import Content, Fault
from marketplace.scenarios.disclosure.mask import mask_faults
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.queries import stored_content


def naming(content: Content, owner: Organisation | None) -> list[Fault]:
    """Where a demand under a mask names its owner. The contact is hidden with the owner."""
    texts = texts_of(content)
    mask = str(texts.pop("owner_mask", "") or content.values.get("owner_mask") or "")
    texts.pop("contact", None)
    masked = bool(content.values.get("owner_masked"))
    return mask_faults(texts.items(), owner, masked=masked, mask=mask)


def owner_unnamed(scenario: Scenario, actor: Actor) -> Iterator[Fault]:
    """Neither a text nor the name of a public file tells whose demand it is."""
    yield from naming(stored_content(scenario), scenario.organisation)
    if scenario.owner_masked:
        rows = scenario.attachments.filter(access=Access.PUBLIC).select_related("upload")
        files = [("files", f"{row.title} {row.upload.name}") for row in rows]
        yield from mask_faults(
            files, scenario.organisation, masked=True, mask=scenario.owner_mask or "—"
        )
