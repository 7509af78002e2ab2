"""Small markdown: what people may write, and what nobody can smuggle in."""

import time
from html.parser import HTMLParser

import pytest
from django.template import Context, Template
from django.test import Client
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from marketplace.web.prose import LONGEST, TAGS, prose
from tests import world

LINE_ENDS = "指标如下：\n检出率不低于98%\n误报率不高于1%"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (LINE_ENDS, "<p>指标如下：<br>\n检出率不低于98%<br>\n误报率不高于1%</p>\n"),
        ("one\n\ntwo", "<p>one</p>\n<p>two</p>\n"),
        ("one\r\ntwo", "<p>one<br>\ntwo</p>\n"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
        ("3. c\n4. d", '<ol start="3">\n<li>c</li>\n<li>d</li>\n</ol>\n'),
        ("**bold** and *soft*", "<p><strong>bold</strong> and <em>soft</em></p>\n"),
        ("# One\n###### Six", "<h3>One</h3>\n<h3>Six</h3>\n"),
        ("> said", "<blockquote>\n<p>said</p>\n</blockquote>\n"),
        ("`a<b`", "<p><code>a&lt;b</code></p>\n"),
        ("Title\n---\nmore", "<p>Title</p>\n<hr>\n<p>more</p>\n"),
        # As typed: these were never marks to those who wrote before there were any.
        ("    indented", "<p>indented</p>\n"),
        ("a_b_c 3 × 4", "<p>a_b_c 3 × 4</p>\n"),
        ("R&amp;D &lt;1%", "<p>R&amp;amp;D &amp;lt;1%</p>\n"),
        ("[1]: https://a.example", "<p>[1]: https://a.example</p>\n"),
    ],
)
def test_what_people_may_write(source: str, shown: str) -> None:
    assert prose(source) == shown


@pytest.mark.parametrize(
    ("source", "href"),
    [
        ("[x](https://a.example/b?c=1)", "https://a.example/b?c=1"),
        ("<https://a.example/>", "https://a.example/"),
        ("[x](mailto:a@b.example)", "mailto:a@b.example"),
    ],
)
def test_links_lead_out_without_a_word(source: str, href: str) -> None:
    assert f'<a href="{href}" rel="noopener nofollow">' in prose(source)
    assert "<a" not in prose(source, links=False)


HOSTILE = [
    "<script>alert(1)</script>",
    "<div hx-get=/desk/ hx-trigger=load>x</div>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox(1))",
    "[x](http://a.example)",
    "[x](//a.example)",
    "[x](/accounts/logout/)",
    "[x](file:///etc/passwd)",
    "<javascript:alert(1)>",
    "<data:text/html,x>",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml,<svg onload=alert(1)>)",
    "[![x](javascript:a)](javascript:b)",
    '[x](https://a.example "onmouseover=alert(1)")',
    '[x](https://a.example" onclick="alert(1))',
    "`<script>alert(1)</script>`",
    "```html\n<script>alert(1)</script>\n```",
    '```"><img onerror=alert(1)>\nx\n```',
    "$$\\href{javascript:alert(1)}{x}$$ \\(x\\)",
    "<style>body{display:none}</style>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<form action=https://a.example><input name=password>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<math><mtext><table><mglyph><style><img src onerror=alert(1)>",
    "<x id=notices class=jb-header data-copy=x>",
    "\x00<scr\x00ipt>alert(1)</script>",
]
ALLOWED = {"href", "rel", "start"}


def safe(shown: str) -> None:
    """By an independent reader of HTML: only known tags, only known attributes."""

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list) -> None:
            assert tag in TAGS | {"a"}
            for name, value in attrs:
                assert name in ALLOWED
                if name == "href":
                    assert value.lower().startswith(("https://", "mailto:"))

        def handle_comment(self, data: str) -> None:
            pytest.fail(f"a comment: {data}")

        def handle_decl(self, decl: str) -> None:
            pytest.fail(f"a declaration: {decl}")

    Reader().feed(shown)


@pytest.mark.parametrize("source", HOSTILE)
@pytest.mark.parametrize("frame", ["%s", "- %s", "> %s", "**%s**", "[%s](https://a.example)"])
def test_the_hostile_corpus_stays_text(source: str, frame: str) -> None:
    safe(prose(frame % source))
    safe(prose(frame % source, links=False))


MARKS = "[]()<>*_`!#->\\&;:/\n\t\"'= "


@given(st.text(st.sampled_from(MARKS + "aхjavscript") | st.characters(codec="utf-8"), max_size=200))
def test_whatever_is_typed_stays_safe(source: str) -> None:
    safe(prose(source))


@pytest.mark.parametrize("mark", ["[", "![", "[](", "[x](", "*a ", "*_", "`a``", "> ", "- ", "<"])
@pytest.mark.parametrize("size", [LONGEST, 100_000])
def test_a_hundred_thousand_brackets_take_no_time(mark: str, size: int) -> None:
    started = time.process_time()
    safe(prose((mark * size)[:size]))
    assert time.process_time() - started < 5


@pytest.mark.parametrize("deep", [">" * 60 + " inside", "- " * 60 + "inside"])
def test_what_lies_too_deep_is_shown_as_typed(deep: str) -> None:
    assert prose(deep).count("inside") == 1


def test_the_tag_marks_the_language_and_the_filter_shows_nothing_as_a_dash() -> None:
    row = {"need": "*急*", "language": "zh-hans"}
    with translation.override("en"):
        shown = Template('{% prose row "need" %}').render(Context({"row": row}))
        empty = Template("{{ none|prose }}").render(Context({"none": ""}))
    assert shown == '<div class="jb-text" lang="zh-Hans"><p><em>急</em></p>\n</div>'
    assert empty == '<div class="jb-text">—</div>'


@pytest.mark.django_db
def test_a_demand_is_read_as_it_was_meant(client: Client) -> None:
    scenario = world.published_scenario(
        need="需要：\n\n- **可测量**\n- <b>可复现</b>", pain="[看](javascript:alert(1))"
    )
    page = client.get(f"/scenarios/{scenario.ref}/").content.decode()
    assert "<li><strong>可测量</strong></li>" in page
    assert "<li>&lt;b&gt;可复现&lt;/b&gt;</li>" in page
    assert "<p>[看](javascript:alert(1))</p>" in page
