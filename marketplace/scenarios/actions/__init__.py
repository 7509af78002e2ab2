from marketplace.scenarios.actions.attachments import (
    attach_file,
    attach_small,
    end_release,
    release_attachment,
    remove_attachment,
    sign_undertaking,
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
    "attach_file",
    "attach_small",
    "check_document",
    "close_scenario",
    "conclude_demonstration",
    "create_draft",
    "decline_demonstration",
    "delete_draft",
    "end_release",
    "extend_deadline",
    "file_document",
    "file_small_document",
    "give_opinion",
    "invite_experts",
    "publish_scenario",
    "record_failure",
    "reject_scenario",
    "release_attachment",
    "relist_scenario",
    "remove_attachment",
    "return_scenario",
    "save_draft",
    "sign_undertaking",
    "start_demonstration",
    "submit_scenario",
    "withdraw_scenario",
]
