"""The Chinese of the pages: complete, in step with the texts, and typed as Chinese is."""

from __future__ import annotations

import ast
import re
from io import StringIO

import polib
import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import translation
from django.utils.translation import gettext

from marketplace.management.commands.collect_messages import KEYWORDS, catalogue_path, sources

# The same in both languages.
SAME = {
    "SHA-256": "the name of a hash function",
    "English": "a language is called by its own name",
}
# A space that is part of what is to be typed.
SPACED = {"每行一档：得分比例和要求，如：100 全规模实测。"}
HAN = "[\u4e00-\u9fff]"
HALF_WIDTH = re.compile(rf"{HAN}[,:;?!]|[,:;?!]{HAN}|{HAN}\.(?:{HAN}|$)|{HAN}\(|\){HAN}")
PLACE = re.compile(r"%\(\w+\)[sd]|%%")
LINK = re.compile(r"</?\w+[^>]*>")


def pairs() -> list[tuple[str, str]]:
    """(text, its Chinese), for texts that count both forms against the one Chinese form."""
    found = []
    for entry in polib.pofile(str(catalogue_path())):
        chinese = entry.msgstr_plural[0] if entry.msgid_plural else entry.msgstr
        found.append((entry.msgid_plural or entry.msgid, chinese))
    return found


def test_the_catalogue_is_in_step_with_the_texts() -> None:
    told = StringIO()
    call_command("collect_messages", "--check", stdout=told)
    assert told.getvalue().endswith("texts, all translated\n")


def test_every_translating_function_goes_by_a_name_that_is_collected() -> None:
    """Under another name its texts would be missing from the catalogue, and nobody would notice."""
    others = {"get_language", "override", "activate", "deactivate", "check_for_language"}
    unknown = [
        f"{path.name}: {alias.name} as {alias.asname}"
        for path, text in sources()
        if path.suffix == ".py"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
        if (alias.asname or alias.name) not in KEYWORDS and alias.name not in others
    ]
    assert unknown == []


def test_templates_hold_no_chinese_of_their_own() -> None:
    """But the page that shows the components, the brand, and the error pages in both languages."""
    root = settings.BASE_DIR / "marketplace/templates"
    both = {"base/living.html", "base/_header.html", "api/docs.html"}
    found = [
        name
        for path in sorted(root.rglob("*.html"))
        if re.search(rf"{HAN}|[、，。：；（）]", path.read_text("utf-8"))
        and (name := str(path.relative_to(root))) not in both
        and not name.startswith("errors/")
    ]
    assert found == []


def test_nothing_stays_english() -> None:
    assert [text for text, chinese in pairs() if text == chinese and text not in SAME] == []


def test_signs_between_chinese_are_full_width() -> None:
    assert [chinese for _text, chinese in pairs() if HALF_WIDTH.search(chinese)] == []


def test_no_space_parts_chinese() -> None:
    parted = re.compile(rf"{HAN} {HAN}|{HAN} (?:\d|%\()|(?:\d|\)s) {HAN}")
    assert {chinese for _text, chinese in pairs() if parted.search(chinese)} == SPACED


def test_places_and_links_are_those_of_the_text() -> None:
    wrong = [
        chinese
        for text, chinese in pairs()
        if set(PLACE.findall(text)) != set(PLACE.findall(chinese))
        or LINK.findall(text) != LINK.findall(chinese)
    ]
    assert wrong == []


@pytest.mark.parametrize("word", ["投标", "竞标", "招标方", "甲方", "乙方", "标书", "园区办公室"])
def test_the_words_of_the_field_are_used(word: str) -> None:
    """揭榜 is no tender: bids are 申报, bidders 揭榜方, the office 组织方; laws keep their names."""
    shown = [chinese.replace("《招标投标法", "") for _text, chinese in pairs()]
    assert [chinese for chinese in shown if word in chinese] == []


# Texts of Django and allauth that people meet; their own catalogues carry the Chinese.
BORROWED = [
    "This field is required.",
    "Enter a valid email address.",
    "Enter a number.",
    "Select a valid choice. %(value)s is not one of the available choices.",
    "The email address and/or password you specified are not correct.",
    "Too many failed login attempts. Try again later.",
    "The password reset token was invalid.",
    "You must type the same password each time.",
    "The submitted file is empty.",
    "Passkey",
    "WebAuthn",
    "This key does not indicate whether it is a passkey.",
]


@pytest.mark.parametrize("text", BORROWED)
def test_borrowed_texts_are_chinese(text: str) -> None:
    with translation.override("zh-hans"):
        assert re.search(HAN, gettext(text)), gettext(text)
