"""A bidder that seals by the sheet and uploads, as a client on its own machine does."""

from __future__ import annotations

import io
from typing import Any
from uuid import UUID

from marketplace.base.actor import Actor
from marketplace.base.canonical import canonical
from marketplace.base.sealing import pack, seal
from marketplace.bidding.actions import assemble_package
from marketplace.bidding.models import SealedPackage
from marketplace.bidding.sheet import sealing_sheet
from marketplace.files import actions as files
from marketplace.files.limits import Purpose
from marketplace.files.models import Upload
from marketplace.scenarios.models import Scenario
from tests.bidding import bids


def envelopes(sheet: dict[str, Any], forms: Any = None, files: Any = None) -> dict[str, bytes]:
    """{envelope: sealed bytes}, by nothing but the sheet. files: {envelope: {name: bytes}}."""
    sealed = {}
    for envelope, form in (forms or bids.forms()).items():
        package = pack(
            {"form.json": canonical(form), **(files or {}).get(envelope, {})},
            scenario=sheet["scenario"],
            organisation=sheet["organisation"],
            envelope=envelope,
        )
        into = io.BytesIO()
        seal(package, recipient=sheet["recipients"][envelope], into=into)
        sealed[envelope] = into.getvalue()
    return sealed


def upload(actor: Actor, body: bytes, name: str = "price.age") -> Upload:
    return files.store_small(actor=actor, purpose=Purpose.SEALED, name=name, body=body)


def uploaded(scenario: Scenario, actor: Actor, forms: Any = None) -> dict[str, UUID]:
    """{envelope: the upload that holds it}."""
    sealed = envelopes(sealing_sheet(actor, scenario), forms)
    return {name: upload(actor, body, f"{name}.age").uid for name, body in sealed.items()}


def assembled(scenario: Scenario, actor: Actor, forms: Any = None) -> SealedPackage:
    uploads = uploaded(scenario, actor, forms)
    return assemble_package(actor=actor, scenario_uid=scenario.uid, uploads=uploads)
