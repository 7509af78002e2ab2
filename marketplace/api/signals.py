"""What a panel's points show the witness and inspectors, and the file by which all is recomputed."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import UUID

from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api.lists import reading
from marketplace.api.scenarios import said
from marketplace.api.shapes import Free, Shape, instant, text
from marketplace.api.views import OfScenario, actor_of
from marketplace.committee.queries import score_file
from marketplace.committee.signals.models import SignalKind
from marketplace.committee.signals.queries import signals_of
from marketplace.files.access import record_access


class SignalShape(Shape):
    kind = s.ChoiceField(SignalKind.choices)
    judges = s.ListField(child=s.CharField(), help_text="J1, J2, …")
    blind_code = text("Of the bid; empty where it is about judges alone.")
    figure = text("A decimal as text; what it is depends on the kind.")
    more = Free(help_text="What the figure was made of.")
    made_at = instant()


class SignalsShape(Shape):
    signals = SignalShape(many=True, help_text="They decide nothing and are in no report.")


class ScoresShape(Shape):
    sha256 = text("Stands in the log with the end of the review, for reports of the newer rule.")
    scores = Free(help_text="The blinded score file for verify_scores.py.")


class ScenarioSignals(OfScenario):
    @reading("scenarios_signals", "Signals of a panel's points", shape=SignalsShape)
    def get(self, request: Request, uid: UUID) -> Response:
        actor = actor_of(request)
        scenario = self.demand(actor, uid)
        rows = signals_of(actor, scenario)
        record_access(actor=actor, subject_uid=scenario.uid, what="signals.read")
        told: list[dict[str, Any]] = [
            {
                "kind": row.kind,
                "judges": row.judges,
                "blind_code": row.blind_code,
                "figure": said(row.figure),
                "more": row.more,
                "made_at": said(row.made_at),
            }
            for row in rows
        ]
        return Response({"signals": told})


class ScenarioScores(OfScenario):
    @reading("scenarios_scores", "The blinded score file", shape=ScoresShape)
    def get(self, request: Request, uid: UUID) -> Response:
        actor = actor_of(request)
        scenario = self.demand(actor, uid)
        content = score_file(actor, scenario)
        record_access(actor=actor, subject_uid=scenario.uid, what="scores.read")
        digest = hashlib.sha256(content).hexdigest()
        return Response({"sha256": digest, "scores": json.loads(content)})
