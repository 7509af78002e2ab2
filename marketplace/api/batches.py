"""Batches: calls for demands, what stands under them, their announcement and task list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api.bodies import Body, Day, Instant, Text, Uid, Whole
from marketplace.api.calls import call, calling, its_uid
from marketplace.api.deeds import Given
from marketplace.api.gate import Reason, on_demand
from marketplace.api.lists import Filter, listing, reading
from marketplace.api.moves import told
from marketplace.api.pagination import KeysetPagination
from marketplace.api.shapes import Links, Shape, instant
from marketplace.api.shapes import actions as moves_shape
from marketplace.api.shapes import text as a_text
from marketplace.api.views import NONE, PublicRead, Resource, absolute, actor_of
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.canonical import plain
from marketplace.base.errors import NotFound
from marketplace.scenarios import actions
from marketplace.scenarios.batches.lights import AMBER, GREEN, RED
from marketplace.scenarios.batches.models import Batch, BatchDemand, BatchState
from marketplace.scenarios.batches.queries import takes_demands
from marketplace.scenarios.rules import can_report_task, can_run_batch

FREE: dict[str, Any] = {"required": False}
FILTERS = (Filter("state", "state", "Where the batch stands.", tuple(BatchState.values)),)
WORDS = ("title", "title_en", "call_number", "text", "text_en", "announcement_number")
UID_EXAMPLE = "5f0c7f3e-0b0e-4d5e-9a53-0a5a4f7a7c11"
# By state: what an officer may do next.
MOVES = {
    BatchState.DRAFT: ["save_batch", "call_batch", "cancel_batch", "add_task"],
    BatchState.CALLED: ["set_meeting", "cancel_batch", "add_task"],
    BatchState.GATHERED: ["announce_batch", "set_meeting", "cancel_batch", "add_task"],
}


class TaskShape(Shape):
    uid = s.UUIDField()
    title = a_text()
    responsible = a_text("A person of the office, or another office.")
    due_date = s.DateField()
    progress = s.IntegerField(help_text="Percent.")
    light = s.ChoiceField([GREEN, AMBER, RED], help_text="By rule, never typed.")
    actions = moves_shape()


class BatchShape(Shape):
    uid = s.UUIDField()
    number = s.IntegerField()
    state = s.ChoiceField(BatchState.choices)
    open = s.BooleanField(help_text="Takes demands at the time of this answer.")
    title = a_text()
    title_en = a_text()
    call_number = a_text()
    text = s.CharField()
    text_en = s.CharField()
    closes_at = instant("Half-open: demands are filed strictly before.", null=True)
    called_at = instant(null=True)
    announcement_number = a_text()
    announced_at = instant(null=True)
    demands = s.ListField(child=s.UUIDField(), help_text="Of which this reader may know.")
    tasks = TaskShape(many=True, help_text="For the office; empty for everybody else.")
    revision = s.IntegerField()
    links = Links()
    actions = moves_shape()


class CallBody(Body):
    number = Whole(**FREE)
    title = Text(120, **FREE)
    title_en = Text(200, **FREE)
    call_number = Text(80, **FREE)
    text = Text(10000, **FREE)
    text_en = Text(10000, **FREE)
    closes_at = Instant(required=False, allow_null=True)


class Meeting(Body):
    meeting_at = Instant(allow_null=True)
    meeting_place = Text(200, **FREE)
    minutes_number = Text(80, **FREE)


class Announcement(Body):
    announcement_number = Text(80)
    demands = s.ListField(child=Uid(), min_length=1, max_length=40, source="scenario_uids")
    key_holders = s.ListField(child=Uid(), min_length=1, max_length=20, source="key_holder_uids")
    deadline_at = Instant(required=False, allow_null=True)


class NewTask(Body):
    title = Text(200)
    due_date = Day()
    responsible = Uid(required=False, source="responsible_uid", help_text="Of the office.")
    responsible_office = Text(120, **FREE)


class Report(Body):
    progress = Whole(help_text="Percent; 100 is done.")
    words = Text(2000, **FREE)


class Joined(Body):
    batch = Uid(source="batch_uid")


def rows_shape(request: Request, actor: Actor, rows: Iterable[Batch]) -> list[dict[str, Any]]:
    """Queries do not grow with the rows."""
    found, now, today = list(rows), clock.now(), clock.today()
    demands: dict[int, list[str]] = {row.pk: [] for row in found}
    seen = BatchDemand.objects.visible_to(actor).filter(batch__in=found).order_by("pk")
    for batch_id, uid in seen.values_list("batch_id", "scenario__uid"):
        demands[batch_id].append(str(uid))
    shaped = []
    for row in found:
        officer = can_run_batch(actor, row)
        moves = MOVES.get(BatchState(row.state), []) if officer else []
        if officer and row.state == BatchState.CALLED and not takes_demands(row, now):
            moves = ["gather_batch", *moves]
        tasks = row.tasks.all() if actor.is_office else []
        shaped.append(
            {
                "uid": str(row.uid),
                "number": row.number,
                "state": row.state,
                "open": takes_demands(row, now),
                **{name: getattr(row, name) for name in WORDS},
                **{n: plain(getattr(row, n)) for n in ("closes_at", "called_at", "announced_at")},
                "demands": demands[row.pk],
                "tasks": [
                    {
                        "uid": str(task.uid),
                        "title": task.title,
                        "responsible": task.responsible.name
                        if task.responsible
                        else task.responsible_office,
                        "due_date": str(task.due_date),
                        "progress": task.progress,
                        "light": task.light(today),
                        "actions": told(
                            request,
                            ["report_task"] if can_report_task(actor, task) else [],
                            task.uid,
                        ),
                    }
                    for task in tasks
                ],
                "revision": row.revision,
                "links": {
                    "self": absolute(request, "api-batch", row.uid),
                    "html": absolute(request, "batch", row.number),
                },
                "actions": told(request, moves, row.uid),
            }
        )
    return shaped


def visible(actor: Actor) -> Any:
    rows = Batch.objects.visible_to(actor)
    return rows.prefetch_related("tasks__responsible") if actor.is_office else rows


def batch_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    row = visible(actor).filter(uid=uid).first()
    if row is None:
        raise NotFound
    return rows_shape(request, actor, [row])[0]


def as_it_stands(given: Given, uid: UUID) -> dict[str, Any]:
    return batch_shown(given.request, uid)


SHOWN: dict[str, Any] = {"shows": batch_shown, "answers": BatchShape}
EXAMPLE = {
    "number": 2,
    "title": "第二批需求征集",
    "call_number": "沪临网办〔2026〕2号",
    "text": "面向园区企业征集网络安全需求。",
    "closes_at": "2026-12-31T17:00:00+08:00",
}


class Batches(PublicRead):
    pagination_class = KeysetPagination

    @listing("batches_list", "Calls and batches", rows=BatchShape, filters=FILTERS, public=True)
    def get(self, request: Request) -> Any:
        actor = actor_of(request)
        return visible(actor), lambda rows: rows_shape(request, actor, rows)

    post = call(
        actions.create_batch,
        "",
        "batches_create",
        "Draft a call for demands",
        scope=Scope.OFFICE,
        whole="data",
        makes=its_uid,
        takes=CallBody,
        example=EXAMPLE,
        status=201,
        **SHOWN,
    )


class BatchOne(PublicRead):
    parameters = NONE

    @reading("batches_retrieve", "One call or batch", shape=BatchShape, public=True)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(batch_shown(request, uid))

    patch = call(
        actions.save_batch,
        "batch_uid",
        "batches_save",
        "Change the draft of a call",
        scope=Scope.OFFICE,
        whole="data",
        takes=CallBody,
        example={"title": "第二批需求征集通知"},
        revised=as_it_stands,
        **SHOWN,
    )


def on_batch(*of: Any, **said: Any) -> type[Resource]:
    return calling(of[0], "batch_uid", *of[1:], **({"scope": Scope.OFFICE} | SHOWN | said))


BatchCall = on_batch(actions.call_batch, "batches_call", "Call for demands")
BatchGather = on_batch(actions.gather_batch, "batches_gather", "Gather what was filed")
BatchCancel = on_batch(
    actions.cancel_batch,
    "batches_cancel",
    "Cancel a batch",
    takes=Reason,
    example={"reason": "需求不足。"},
)
BatchMeeting = on_batch(
    actions.set_meeting,
    "batches_set_meeting",
    "Set the joint demonstration meeting",
    takes=Meeting,
    example={"meeting_at": "2027-01-12T14:00:00+08:00", "meeting_place": "会议室"},
)
BatchAnnounce = on_batch(
    actions.announce_batch,
    "batches_announce",
    "Announce a batch: publish its demands together",
    scope=None,
    description="All or none; a refusal names each demand (`demand-<uid>`) with its reasons.",
    takes=Announcement,
    example={
        "announcement_number": "沪临网办公告〔2026〕2号",
        "demands": [UID_EXAMPLE],
        "key_holders": [UID_EXAMPLE],
    },
    proof=True,
)
BatchTasks = on_batch(
    actions.add_task,
    "batches_add_task",
    "Add a task to a batch",
    takes=NewTask,
    example={"title": "核对材料", "due_date": "2026-12-31", "responsible_office": "数据处"},
)
TaskReported = calling(
    actions.report_task,
    "task_uid",
    "tasks_report",
    "Report how far a task is",
    scope=Scope.OFFICE,
    takes=Report,
    example={"progress": 50, "words": "已收到七份。"},
    makes=lambda report: report.task.batch.uid,
    **SHOWN,
)
JOINING: dict[str, Any] = {"takes": Joined, "example": {"batch": UID_EXAMPLE}}
ScenarioJoin = on_demand(
    actions.file_under_call,
    "scenarios_file_under_call",
    "File a demand under a call",
    scope=Scope.SCENARIOS,
    **JOINING,
)
ScenarioTake = on_demand(
    actions.take_into_batch,
    "scenarios_take_into_batch",
    "Gather a demand into a batch",
    scope=Scope.OFFICE,
    **JOINING,
)
ScenarioLeave = on_demand(
    actions.leave_batch,
    "scenarios_leave_batch",
    "Take a demand out of its batch",
    scope=None,
    description="By its owner until the call ends, by the office until the announcement.",
)
