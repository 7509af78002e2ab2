"""A process that is killed at one line of receiving an upload. Run by test_killed.py.

For every number a new upload, killed at that line; then another process goes on as its client
would. It kills itself with signal 9, so nothing is unwound: no handler, no rollback, no flush.
"""

import hashlib
import os
import signal
import sys
from pathlib import Path

import django

django.setup()

from marketplace.accounts.models import Membership  # noqa: E402
from marketplace.base.actor import Actor  # noqa: E402
from marketplace.files import actions  # noqa: E402
from marketplace.files.models import Upload  # noqa: E402

BODY = bytes(range(250)) * 4
FILES = str(Path(actions.__file__).parent)


def die_at(number):
    """Count every line that runs in the files' room; die when the count is reached."""
    count = 0

    def lines(frame, event, argument):
        nonlocal count
        if event == "line":
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)
        return lines

    return lambda frame, event, argument: (
        lines if frame.f_code.co_filename.startswith(FILES) else None
    )


def begin(actor):
    return actions.create_upload(
        actor=actor,
        purpose="attachment",
        length=len(BODY),
        name="a.bin",
        sha256=hashlib.sha256(BODY).hexdigest(),
    )


def send_and_die(actor, number):
    upload = begin(actor)
    actions.append_to_upload(actor=actor, upload_uid=upload.uid, offset=0, body=BODY[:300])
    sys.settrace(die_at(number))
    actions.append_to_upload(actor=actor, upload_uid=upload.uid, offset=300, body=BODY[300:])
    sys.settrace(None)
    say("told")


def go_on(actor, number):
    """As the client does: ask where it stands, and send what is missing."""
    found = Upload.objects.order_by("-pk")[0]
    given = {"actor": actor, "upload_uid": found.uid}
    upload = actions.resume_upload(**given)
    stood = upload.offset
    if stood < len(BODY):
        upload = actions.append_to_upload(offset=stood, body=BODY[stood:], **given)
    say(f"{number} {found.state} {stood} {upload.state}")
    actions.end_upload(**given)


def say(text):
    os.write(1, f"{text}\n".encode())


def in_child(do, *given):
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        do(*given)
    except Exception as error:
        say(f"fault {type(error).__name__} {error}")
    os._exit(0)


def main(most):
    member = Membership.objects.select_related("user", "organisation").get()
    actor = Actor(member.role, member.user, member.organisation)
    django.db.connections.close_all()
    for number in range(1, most):
        in_child(send_and_die, actor, number)
        in_child(go_on, actor, number)


if __name__ == "__main__":
    main(int(sys.argv[1]))
