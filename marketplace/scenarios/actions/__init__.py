from marketplace.scenarios.actions.attachments import (
    attach_file,
    attach_small,
    end_release,
    release_attachment,
    remove_attachment,
    sign_undertaking,
)
from marketplace.scenarios.actions.batch_demands import (
    file_under_call,
    leave_batch,
    take_into_batch,
)
from marketplace.scenarios.actions.batch_tasks import add_task, report_task
from marketplace.scenarios.actions.batches import (
    announce_batch,
    call_batch,
    cancel_batch,
    create_batch,
    gather_batch,
    save_batch,
    set_meeting,
)
from marketplace.scenarios.actions.course import (
    close_scenario,
    record_failure,
    withdraw_scenario,
)
from marketplace.scenarios.actions.demonstration import (
    conclude_demonstration,
    decline_demonstration,
    give_opinion,
    invite_experts,
)
from marketplace.scenarios.actions.documents import (
    check_document,
    file_document,
    file_small_document,
)
from marketplace.scenarios.actions.draft import (
    create_draft,
    delete_draft,
    save_draft,
    submit_scenario,
)
from marketplace.scenarios.actions.extension import extend_deadline
from marketplace.scenarios.actions.gate import (
    reject_scenario,
    return_scenario,
    start_demonstration,
)
from marketplace.scenarios.actions.publication import publish_scenario
from marketplace.scenarios.actions.relisting import relist_scenario

__all__ = [
    "add_task",
    "announce_batch",
    "attach_file",
    "attach_small",
    "call_batch",
    "cancel_batch",
    "check_document",
    "close_scenario",
    "conclude_demonstration",
    "create_batch",
    "create_draft",
    "decline_demonstration",
    "delete_draft",
    "end_release",
    "extend_deadline",
    "file_document",
    "file_small_document",
    "file_under_call",
    "gather_batch",
    "give_opinion",
    "invite_experts",
    "leave_batch",
    "publish_scenario",
    "record_failure",
    "reject_scenario",
    "release_attachment",
    "relist_scenario",
    "remove_attachment",
    "report_task",
    "return_scenario",
    "save_batch",
    "save_draft",
    "set_meeting",
    "sign_undertaking",
    "start_demonstration",
    "submit_scenario",
    "take_into_batch",
    "withdraw_scenario",
]
