"""The file by which everybody replays a round, and the same asked of the database."""

from __future__ import annotations

import json
from typing import Any

from marketplace.base.errors import NotFound
from marketplace.committee.draw import verify_draw
from marketplace.committee.draw.models import Answer, Draw, DrawInvitation, DrawState
from marketplace.committee.models import MemberState, PanelMember
from marketplace.committee.queries import names_are_public
from marketplace.ledger import leaves
from marketplace.ledger.log import tiles
from marketplace.ledger.log.models import Leaf
from marketplace.ledger.models import Event
from marketplace.ledger.verify import base64_of


def public_replay(draw: Draw) -> dict[str, Any]:
    """Once the panel's names are public. Raises NotFound before."""
    if draw.state != DrawState.DRAWN or not names_are_public(draw.scenario):
        raise NotFound
    return replay(draw)


def replay(draw: Draw) -> dict[str, Any]:
    """As docs/draw.md tells it. Holds names: only for what is public, or for checking here."""
    commitment, result = draw.commitment, draw.result
    event = Event.objects.get(pk=commitment.event_id)
    leaf = Leaf.objects.filter(event_id=event.pk).first()
    proven = leaf is not None and result.checkpoint is not None and not result.fallback
    rows = DrawInvitation.objects.filter(draw=draw).select_related("place__expert__user")
    members = PanelMember.objects.filter(panel__scenario=draw.scenario)
    sat = {row.user_id: row.code for row in members.exclude(state=MemberState.RECUSED)}
    return {
        "format": verify_draw.FORMAT,
        "draw": str(draw.uid),
        "demand": draw.scenario.ref,
        "round": draw.round,
        "document": bytes(commitment.document).decode(),
        "document_salt": bytes(commitment.document_salt).hex(),
        "code_salt": bytes(commitment.code_salt).hex(),
        "commitment": bytes(commitment.commitment).hex(),
        "nonces": {
            "secretary": bytes(result.nonce_secretary).hex(),
            "witness": bytes(result.nonce_witness).hex(),
        },
        "leaf": {
            "data": base64_of(leaves.leaf_data(event)),
            "index": leaf.index if proven and leaf else None,
            "hashes": tiles.inclusion(leaf, result.checkpoint)["hashes"]
            if proven and leaf and result.checkpoint
            else [],
        },
        "checkpoint": tiles.shown(result.checkpoint) if result.checkpoint else "",
        "fallback": result.fallback,
        "seed": bytes(result.seed).hex(),
        "order": result.order,
        "invitations": [
            {
                "number": row.number,
                "stratum": row.place.stratum,
                "code": row.place.code,
                "answer": "excluded" if row.excluded else str(row.answer or "waiting"),
            }
            for row in rows.order_by("number")
        ],
        "seated": [
            {
                "code": row.place.code,
                "expert": str(row.place.expert.uid),
                "name": row.place.expert.user.name,
                "seat": sat[row.place.expert.user_id],
            }
            for row in rows.filter(answer=Answer.ACCEPTED, excluded=False).order_by("number")
            if row.place.expert.user_id in sat
        ],
    }


def check(draw: Draw) -> tuple[list[verify_draw.Found], int]:
    """What verify_draw.py finds in what the database holds, and its exit code."""
    return verify_draw.replayed(json.dumps(replay(draw), ensure_ascii=False))
