"""docs/operations.md names every variable that is read, and its limits are those of the code."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings

from marketplace.accounts import content as organisation_content
from marketplace.accounts.invitations import models as invitations
from marketplace.accounts.models import Organisation
from marketplace.accounts.organisations.actions import registration, ties
from marketplace.accounts.recovery import models as recovery
from marketplace.accounts.tokens import models as tokens
from marketplace.api.pagination import KeysetPagination
from marketplace.base import idempotency
from marketplace.bidding import forms_schema
from marketplace.bidding.actions import commitments, eligibility, packages, submission
from marketplace.committee.actions import scoring
from marketplace.desk import queries as desk
from marketplace.files import limits, uploads
from marketplace.files.limits import LIMITS, Purpose
from marketplace.races.evaluation import limits as measuring
from marketplace.scenarios import content, readers
from marketplace.scenarios.actions import batch_demands, batch_tasks, found
from marketplace.scenarios.search import asking, counts
from marketplace.web import board

ROOT = Path(settings.BASE_DIR)
TEXT = (ROOT / "docs" / "operations.md").read_text("utf-8")
MEBIBYTE = 1024 * 1024
BID = json.loads(forms_schema.SCHEMA_FILE.read_text("utf-8"))["$defs"]


RESUMABLE = (
    "resumable upload: attachment · evidence · sealed envelope · document of the gate · "
    "input, sealed truth, result of a race · scan of a signed paper"
)


def read_variables():
    source = (ROOT / "config" / "settings.py").read_text("utf-8")
    pattern = r'(?:required|secret|flag|words)\("(\w+)"|environ(?:\.get\(|\[)"(\w+)"'
    return {one or other for one, other in re.findall(pattern, source)}


def test_every_variable_is_told_and_no_other():
    rows = re.findall(r"^\| ((?:`[A-Z0-9_]+`(?:, )?)+) \|", TEXT, re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`([A-Z0-9_]+)`", row)}
    of_the_keys, of_the_demo = {"SECRET_KEY"}, {"PORT", "DATA_FOLDER"}
    assert told == read_variables() | of_the_keys | of_the_demo


def test_every_secret_may_come_from_a_file():
    source = (ROOT / "config" / "settings.py").read_text("utf-8")
    for name in re.findall(r'secret\("(\w+)"', source):
        assert f"`{name}`" in TEXT.split("a file may hold the value")[0]


def bid_length(envelope, name):
    return BID[envelope]["properties"][name]["maxLength"]


@pytest.mark.parametrize(
    ("what", "numbers"),
    [
        (
            "one file · all files of a submission",
            [uploads.FILE_LIMIT // MEBIBYTE, uploads.REQUEST_LIMIT // MEBIBYTE],
        ),
        (
            RESUMABLE,
            [LIMITS[purpose].bytes_most // MEBIBYTE for purpose in Purpose],
        ),
        (
            "result file: size · rows · one line of CSV · a text · errors told",
            [
                measuring.FILE_MOST // MEBIBYTE,
                measuring.ROWS_MOST,
                measuring.LINE_MOST // 1024,
                measuring.VALUE_MOST,
                measuring.TOLD_MOST,
            ],
        ),
        (
            "result file as Parquet: unpacked · one page · columns · row groups · pages · footer",
            [
                measuring.PARQUET_UNPACKED_MOST // MEBIBYTE,
                measuring.PARQUET_PAGE_MOST // MEBIBYTE,
                measuring.PARQUET_COLUMNS_MOST,
                measuring.PARQUET_GROUPS_MOST,
                measuring.PARQUET_PAGES_MOST,
                measuring.PARQUET_FOOTER_MOST // MEBIBYTE,
            ],
        ),
        (
            "labels of a classification · their length · ranks of a query",
            [measuring.LABELS_MOST, measuring.LABEL_MOST, measuring.DEPTH_MOST],
        ),
        (
            "files of one demand · evidence of one organisation",
            [LIMITS[Purpose.ATTACHMENT].count_most, LIMITS[Purpose.EVIDENCE].count_most],
        ),
        ("demands · tasks of one batch", [batch_demands.DEMANDS_MOST, batch_tasks.TASKS_MOST]),
        (
            "chunk of an upload · life of one that stands still or is used by nothing",
            [limits.CHUNK_MOST // MEBIBYTE, int(limits.EXPIRES_AFTER.total_seconds()) // 3600],
        ),
        (
            "open uploads, files of one organisation",
            [limits.OPEN_MOST, limits.ORGANISATION_BYTES_MOST // MEBIBYTE],
        ),
        (
            "texts of one form",
            [
                settings.DATA_UPLOAD_MAX_MEMORY_SIZE // MEBIBYTE,
                settings.DATA_UPLOAD_MAX_NUMBER_FIELDS,
            ],
        ),
        (
            "files of one envelope · characters of a file name",
            [forms_schema.FILES_MAX, forms_schema.FILE_NAME_MAX],
        ),
        ("submissions of one bid", [submission.VERSIONS_MAX]),
        (
            "commitments of one organisation for one demand",
            [commitments.COMMITMENTS_MAX],
        ),
        (
            "sealed packages that wait: for one demand · uploaded ones of one organisation",
            [packages.WAITING_MAX, limits.ORGANISATION_BYTES_MOST // MEBIBYTE],
        ),
        (
            "bid: approach · risks, resources · statements, related parties, note · names",
            [
                bid_length("technical", "approach"),
                bid_length("technical", "risks"),
                bid_length("price", "note"),
                BID["name"]["maxLength"],
            ],
        ),
        (
            "bid: team · steps of the plan",
            [
                BID["business"]["properties"]["team"]["maxItems"],
                BID["technical"]["properties"]["plan"]["maxItems"],
            ],
        ),
        (
            "demand: title · summary · need · pain, deliverables, terms",
            [content.TEXTS[name][0] for name in ("title", "summary", "need", "pain")],
        ),
        (
            "demand: metrics · criteria · payment nodes · milestones · conditions",
            list(content.ROWS_MOST.values()),
        ),
        ("deadline", [readers.DEADLINE_WITHIN.days]),
        (
            "reasons and opinions of the office · reason of a verdict, comment of a judge",
            [found.REASON_MOST, eligibility.REASON_MAX],
        ),
        ("search words on the board", [asking.TYPED_MOST, asking.WORDS_MOST]),
        (
            "board: pages · rows counted and ranked of one search",
            [board.PAGES_MOST, counts.COUNTED_MOST],
        ),
        (
            "invitation",
            [
                invitations.VALID_FOR.days,
                invitations.OPEN_MOST,
                invitations.A_DAY_MOST,
                invitations.SENT_MOST,
            ],
        ),
        (
            "organisation: name · profile · reason of a refusal",
            [
                Organisation._meta.get_field("name").max_length,
                organisation_content.PROFILE_MOST,
                organisation_content.REASON_MOST,
            ],
        ),
        (
            "organisation: capabilities · entries of control, of relations",
            [organisation_content.CAPABILITIES_MOST, ties.TIES_MOST],
        ),
        ("organisations owned by one person", [registration.OWNED_MOST]),
        ("lines of one desk", [desk.LIMIT]),
        ("API page", [settings.REST_FRAMEWORK["PAGE_SIZE"], KeysetPagination.max_page_size]),
        (
            "API tokens",
            [tokens.LIVE_PER_USER, 1, tokens.LONGEST_DAYS, tokens.USUAL_DAYS, tokens.NAME_LENGTH],
        ),
        (
            "requests to the API (`API_LIMITS`)",
            [
                *(
                    settings.API_LIMITS[name][0] // settings.API_LIMIT_FACTOR
                    for name in ("token", "session", "visitor")
                ),
                64,
            ],
        ),
        (
            "reset of a lost factor",
            [int(recovery.ASKED_FOR.total_seconds()) // 3600, recovery.REASON_MOST],
        ),
        ("session", [settings.SESSION_COOKIE_AGE // 3600]),
        ("key of a repeated request", [int(idempotency.KEPT_FOR.total_seconds()) // 3600]),
    ],
)
def test_limits_are_those_of_the_code(what, numbers):
    row = re.search(rf"^\| {re.escape(what)} \| (.+) \|$", TEXT, re.MULTILINE)
    assert row, what
    told = re.findall(r"(?<![\w.])\d[\d,]*(?![\w])", row[1])
    assert [int(number.replace(",", "")) for number in told] == numbers


def test_the_other_limits():
    assert eligibility.REASON_MAX == scoring.COMMENT_MAX
    assert f"CNY {content.BUDGET_MOST:,.2f}" in TEXT
    assert settings.ACCOUNT_RATE_LIMITS == {
        "login": "30/m/ip",
        "login_failed": "10/m/ip,5/5m/key",
        "reset_password": "20/m/ip,5/m/key",
        "reset_password_from_key": "20/m/ip",
        "reauthenticate": "10/m/user",
        "change_password": "5/m/user",
        "cosign": "30/m/ip",
        "tip": "5/h/key",
        "tip_lookup": "30/h/key",
        "tip_together": "300/h/key",
    }
