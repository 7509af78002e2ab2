"""What must not be posted: addresses, names of machines, topology, assets, holes, ways in.

Pure: no database. Plain patterns keep an owner from a slip; they do not understand a text, so who
wants to post an address in words will find a way, and the office's secrecy review stays.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.base.errors import Invalid
from marketplace.scenarios.disclosure import reach
from marketplace.scenarios.disclosure.plain import Plain, plain
from marketplace.scenarios.disclosure.reach import Span

Finder = Callable[[str], Iterable[Span]]

# Where ways to reach a person are meant to stand.
CONTACT_FIELDS = frozenset({"contact"})
# Told of one field at most; the rest comes to light when these are gone.
FINDINGS_MOST = 20
EXCERPT_MOST = 80


@dataclass(frozen=True)
class Finding:
    """One thing that must not be posted: its rule, line and sign (both from 1), what was typed."""

    rule: str
    line: int
    column: int
    typed: str

    @property
    def sentence(self) -> str:
        """Shown to who typed it, so that it is found; never logged."""
        said = _("Line %(line)s, sign %(column)s: “%(typed)s” — %(rule)s")
        values = {"line": self.line, "column": self.column, "typed": self.typed}
        return said % {**values, "rule": REASONS[self.rule]}


REASONS: dict[str, str | Promise] = {
    "address": gettext_lazy("network addresses are not posted; say what kind of network it is."),
    "mac": gettext_lazy("hardware addresses are not posted."),
    "host": gettext_lazy(
        "names and addresses of internal systems are not posted; say what the system does."
    ),
    "topology": gettext_lazy(
        "how the network is built is not posted; describe the zones in general words, and release"
        " a drawing to chosen readers."
    ),
    "assets": gettext_lazy(
        "lists of assets are not posted; give numbers by kind, and release the list to chosen"
        " readers."
    ),
    "vulnerability": gettext_lazy(
        "numbers of vulnerabilities are not posted; name the class of weakness."
    ),
    "contact": gettext_lazy("phone numbers and e-mail addresses belong in the field “Contact”."),
    "identity": gettext_lazy("identity numbers of people are not posted."),
    "credential": gettext_lazy("passwords and keys are not posted; change this one now."),
    "secret": gettext_lazy("what bears a mark of state secrecy never comes on this platform."),
}


def findings(text: str, *, contact: bool = False) -> list[Finding]:
    """Everything in a text that must not be posted, in the order in which it stands there.

    contact: the field is there to reach somebody, so phone numbers and e-mail addresses may stand.
    """
    if not text:
        return []
    read = plain(text)
    spans: list[tuple[int, int, str]] = []
    for rule, finder in FINDERS:
        if contact and rule == "contact":
            continue
        for start, end in finder(read.text):
            if not any(start < other[1] and other[0] < end for other in spans):
                spans.append((start, end, rule))
    return [_finding(read, *span) for span in sorted(spans)][:FINDINGS_MOST]


def forbidden(texts: Mapping[str, str]) -> list[tuple[str, Finding]]:
    """(field, finding) of several texts by field."""
    return [
        (name, finding)
        for name, text in texts.items()
        for finding in findings(text, contact=name in CONTACT_FIELDS)
    ]


def refuse_forbidden(texts: Mapping[str, str]) -> None:
    """Raise Invalid with field, place and rule of everything in these texts that is not posted."""
    errors: dict[str, list[str | Promise]] = {}
    for name, finding in forbidden(texts):
        errors.setdefault(name, []).append(finding.sentence)
    if errors:
        raise Invalid(errors=errors, code="text.forbidden")


def _finding(read: Plain, start: int, end: int, rule: str) -> Finding:
    place, typed = read.typed_at(start, end)
    before = read.typed[:place]
    excerpt = " ".join(typed.split())
    if len(excerpt) > EXCERPT_MOST:
        excerpt = excerpt[:EXCERPT_MOST] + "…"
    return Finding(rule, before.count("\n") + 1, place - (before.rfind("\n") + 1) + 1, excerpt)


def _matches(*patterns: str, flags: int = re.IGNORECASE) -> Finder:
    compiled = [re.compile(pattern, flags) for pattern in patterns]

    def find(text: str) -> Iterator[Span]:
        for pattern in compiled:
            for found in pattern.finditer(text):
                yield found.span()

    return find


# -- Addresses -------------------------------------------------------------------------------------
# 192 . 168 点 1 [.] 1: a digit may stand apart, and a dot may be written in words.
OCTET = r"\d(?:[ \t]?\d){0,2}"
DOT = r"[ \t]*(?:\.|点|\[\.\]|\(\.\)|\[dot\]|\(dot\))[ \t]*"
QUAD = re.compile(
    rf"(?<![\d.])({OCTET}){DOT}({OCTET}){DOT}({OCTET}){DOT}({OCTET})"
    r"(?:[ \t]*/[ \t]*\d{1,2})?(?!\d|\.\d)",
    re.IGNORECASE,
)
VERSION_BEFORE = re.compile(
    r"(?:(?<![a-z])v|ver|version|版本号?|固件|firmware|release|build)\.?[ \t:为是]*$", re.IGNORECASE
)
SECTION_BEFORE = re.compile(r"(?:第|见|§|section|clause)[ \t]*$", re.IGNORECASE)
SECTION_AFTER = re.compile(r"[ \t]*(?:节|条|款|章|项|小节|版)")
HEADING_AFTER = re.compile(r"[ \t、]+[\u4e00-\u9fff]")
WILDCARD = re.compile(
    rf"(?<![\d.])(?:10|192{DOT}168|172{DOT}(?:1[6-9]|2\d|3[01]))"
    rf"(?:{DOT}(?:\d{{1,3}}|[x*])){{0,2}}(?:{DOT}[x*]|[ \t]*(?:网段|/[ \t]*(?:8|1[26]|24)(?!\d)))",
    re.IGNORECASE,
)
COLONED = re.compile(
    r"(?<![\w:.])(?:[0-9a-f]{0,4}[ \t]?:[ \t]?){2,7}[0-9a-f]{0,4}(?:%\w+)?(?:[ \t]*/\d{1,3})?(?![\w:])",
    re.IGNORECASE,
)


def _addresses(text: str) -> Iterator[Span]:
    for found in QUAD.finditer(text):
        if _is_address(text, found):
            yield found.span()
    for found in WILDCARD.finditer(text):
        yield found.span()
    for found in COLONED.finditer(text):
        if _is_address6(found.group()):
            start = found.end() - len(found.group().lstrip())
            yield start, found.end()


def _is_address(text: str, found: re.Match[str]) -> bool:
    """Four numbers up to 255 that are no version and no section."""
    digits = [re.sub(r"\s", "", part) for part in found.groups()]
    octets = [int(part) for part in digits]
    if max(octets) > 255:
        return False
    inside = ipaddress.IPv4Address(".".join(map(str, octets)))
    if "/" in found.group() or (inside.is_private and octets[0] != 0):
        return True
    if re.search(r"\s", found.group()) and sum(map(len, digits)) < 6:
        return False  # 1. 2. 3. 4: an enumeration
    before, after = text[: found.start()], text[found.end() :]
    line = before.rpartition("\n")[2]
    if VERSION_BEFORE.search(line) or SECTION_BEFORE.search(line) or SECTION_AFTER.match(after):
        return False
    heading = not line.strip() and max(octets) <= 30 and HEADING_AFTER.match(after)
    return not heading


def _is_address6(typed: str) -> bool:
    body = re.sub(r"\s|/.*|%.*", "", typed)
    try:
        address = ipaddress.IPv6Address(body)
    except ValueError:
        return False
    signs = body.replace(":", "")
    # ::1 says nothing of anybody, and a::b is a name in a program.
    return not address.is_loopback and len(signs) >= 3 and bool(re.search(r"\d|.{7}", signs))


# -- Names of machines -----------------------------------------------------------------------------
LABEL = r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?"
INSIDE = r"(?:local|localdomain|lan|corp|internal|intra|intranet|priv|private)"
WORK = (
    r"(?:oa|erp|mes|wms|tos|scada|dcs|ems|vpn|ssl-?vpn|jump|bastion|git|gitlab|jenkins|jira|wiki|"
    r"nas|ldap|ad|dc\d*|db\d*|mysql|oracle|redis|kafka|zabbix|nagios|grafana|kibana|esxi|vcenter|"
    r"backup|intranet|test|uat|dev|stage|staging|admin|hr|crm|sso|cas|imap|smtp|pop3?)"
)
ZONE = r"(?:com|cn|net|org|gov|edu|io|cc|top|xyz|vip|tech|info|biz|co|shop|site|online|cloud)"
HOSTS = _matches(
    # Anything that is not the web; a path to a share; a file of keys.
    r"(?<![a-z])(?:ftps?|sftp|ssh|rdp|vnc|telnet|ldaps?|smb|nfs|mqtts?|amqps?|opc\.tcp|modbus|mongodb"
    r"|redis|mysql|postgres(?:ql)?|jdbc:[a-z0-9]+(?::[a-z]+)?)[ \t]*:[ \t]*[/@]{1,2}[^\s,;，；]+",
    r"(?<![\\\w])\\\\[\w.$-]+\\[\w$.-]+",
    # A web address with a name of its own, a port, or somebody's name and password.
    r"https?[ \t]*:[ \t]*//[^\s/@]*@[^\s,;，；]+",
    r"https?[ \t]*:[ \t]*//[a-z0-9_-]+(?:[ \t]*:[ \t]*\d{2,5})?(?=[/\s,;，；)]|$|[^\x00-\x7f.])[^\s,;，；]*",
    rf"https?[ \t]*:[ \t]*//{LABEL}(?:\.{LABEL})+[ \t]*:[ \t]*(?!80\b|443\b)\d{{2,5}}[^\s,;，；]*",
    # Names that end inside, and names of a machine at work under any zone.
    rf"(?<![\w.@-])(?:{LABEL}[ \t]?\.[ \t]?)+{INSIDE}(?![\w-]|\.\w)",
    rf"(?<![\w.@-]){WORK}[ \t]?\.[ \t]?(?:{LABEL}[ \t]?\.[ \t]?)+{ZONE}(?![\w-])",
    rf"(?<![\w.@-]){LABEL}\.(?:{LABEL}\.)*{ZONE}[ \t]?:[ \t]?(?!80\b|443\b)\d{{2,5}}(?!\d)",
    r"(?<![\w-])(?:DESKTOP|LAPTOP|WIN)-[A-Z0-9]{7,15}(?![\w-])",
)

# -- How it is built -------------------------------------------------------------------------------
DEVICE = (
    r"(?:SRV|SVR|SW|RT|RTR|FW|DC|DB|PLC|HMI|RTU|DCS|SCADA|VPN|ESXI|NAS|OLT|ONU|WAF|IPS|IDS|LB|GW|HOST|PC|AP)"
    r"(?:[-_][A-Z0-9]{1,12}){0,3}[-_]?\d{1,4}"
)
NAMED = re.compile(rf"(?<![A-Za-z0-9_-]){DEVICE}(?![A-Za-z0-9_-])")
JOINED = (
    r"(?:连接|接入|上联|下联|级联|直连|互联|串接|旁挂|挂接|经由|通过|到|至|->|=>|<->|→|⇒|↔|—>|-+>"
    r"|connects?(?:ed)?[ \t]to|links?[ \t]to|via|uplinks?)"
)
TOPOLOGY = _matches(
    r"\bVLAN[ \t_-]*(?:ID|号)?[ \t:为是#]*\d{1,4}(?!\d|[ \t]*(?:个|条|余))",
    r"(?<![a-z])(?:(?:hundred|forty|ten)?gig(?:abit|e)?|fast)(?:ethernet)?[ \t]*\d{1,2}(?:/\d{1,3}){1,3}(?!\d)",
    r"(?<![a-z])(?:[gx]e|et|xge|gi|te|fa|eth)-?\d{1,2}(?:/\d{1,3}){1,3}(?!\d)",
    r"\b(?:AS|ASN|自治系统)[ \t:]*(?:6451[2-9]|645[2-9]\d|64[6-9]\d\d|65[0-4]\d\d|655[0-2]\d|6553[0-5])(?!\d)",
)


def _topology(text: str) -> Iterator[Span]:
    yield from TOPOLOGY(text)
    for found in re.finditer(
        rf"(?<![A-Za-z0-9_-]){DEVICE}[^\n.;；]{{0,12}}?{JOINED}[^\n.;；]{{0,12}}?{DEVICE}(?![A-Za-z0-9_-])",
        text,
    ):
        yield found.span()


# -- Lists of assets -------------------------------------------------------------------------------
HEADS = (
    r"主机名|主机名称|设备名称?|资产编号|资产名称|序列号|型号|固件版本|操作系统|责任人|机柜|机房|"
    r"ip|ip地址|mac|hostname|host|serial|s/?n|asset|model|firmware|os|rack|location|端口|port"
)
CELLS = r"[\t|,;，；、]|[ ]{2,}"
SERIAL = re.compile(
    r"(?:S/?N|序列号|资产编号|资产号|serial(?:[ \t]*(?:no|number))?)[ \t.:#=号为是]*[A-Z0-9][A-Z0-9-]{5,}",
    re.IGNORECASE,
)
SERIALS_LEAST = 2
NAMED_LEAST = 4
ROWS_LEAST = 3


def _in_cells(row: re.Match[str]) -> bool:
    return re.search(CELLS, row.group()) is not None


def _assets(text: str) -> Iterator[Span]:
    lines = list(re.finditer(r"[^\n]+", text))
    for place, line in enumerate(lines):
        cells = [cell.strip() for cell in re.split(CELLS, line.group()) if cell.strip()]
        heads = [cell for cell in cells if re.fullmatch(HEADS, cell, re.IGNORECASE)]
        below = [row for row in lines[place + 1 : place + 2 + ROWS_LEAST] if _in_cells(row)]
        if len(heads) >= 2 and len(heads) * 2 >= len(cells) and len(below) >= ROWS_LEAST:
            yield line.span()
    for pattern, least in ((SERIAL, SERIALS_LEAST), (NAMED, NAMED_LEAST)):
        found = list(pattern.finditer(text))
        if len({one.group().upper() for one in found}) >= least:
            yield found[0].span()


# -- Holes, ways in, people ------------------------------------------------------------------------
GAP = r"[ \t_.-]*"
VULNERABILITIES = _matches(
    rf"(?<![a-z])CVE{GAP}(?:19|20)\d\d{GAP}\d{{4,7}}(?!\d)",
    rf"(?<![a-z])C{GAP}V{GAP}E{GAP}(?:19|20)\d\d[ \t_.-]+\d{{4,7}}(?!\d)",
    rf"(?<![a-z])(?:CNVD|CICSVD|CSNVD){GAP}(?:C{GAP})?(?:19|20)\d\d[ \t_.-]+\d{{4,8}}(?!\d)",
    rf"(?<![a-z])CNNVD{GAP}(?:19|20)\d{{4}}[ \t_.-]+\d{{3,6}}(?!\d)",
    rf"(?<![a-z])(?:XVE|QVD|NVDB|CNVDB|AVD|SSV|TVD){GAP}(?:[A-Z]+{GAP})?(?:19|20)\d{{2,4}}[ \t_.-]+\d{{3,9}}",
    r"(?<![a-z])ZDI-\d{2}-\d{3,4}(?!\d)|(?<![a-z])ICSA-\d{2}-\d{3}-\d{2}(?!\d)",
    r"(?<![a-z])MS(?:0[89]|1[0-7])-0\d\d(?!\d)|(?<![a-z])EDB(?:-ID)?[ \t:-]+\d{4,6}(?!\d)",
    r"GHSA(?:-[23456789cfghjmpqrvwx]{4}){3}",
)
ALGORITHM = re.compile(
    r"(?:SM\d|SHA|AES|RSA|DES|3DES|ECC|ECDSA|TLS|SSL|HMAC|GM|GB|ISO|RFC|FIPS|X\.?509|JWT|OAuth|PKI|U?key)"
    r"[\w./-]*",
    re.IGNORECASE,
)
GIVEN = re.compile(
    r"(?:密码|口令|passw(?:or)?d|pwd|passphrase|secret|token|api[ _-]?key|access[ _-]?key|密钥)"
    r"[ \t\"'”]*(?:[:=]|为|是|is[ \t])+[ \t\"'“]*([!-~]{3,})",
    re.IGNORECASE,
)
WEAK = re.compile(r"(?:admin|root|guest|test|password|qwerty|abc)[\w!@#$%]*", re.IGNORECASE)
KEYS = _matches(
    r"-----BEGIN [A-Z ]*(?:PRIVATE KEY|CERTIFICATE)-----",
    r"(?<!\w)(?:AKIA|LTAI)[A-Z0-9]{12,}(?!\w)",
    r"(?<!\w)(?:gh[pousr]_|glpat-|sk-|xox[bap]-)[A-Za-z0-9_-]{16,}",
    r"(?<!\w)eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    r"(?<!\w)AGE-SECRET-KEY-1[A-Z0-9]{20,}",
    flags=0,
)
PAIR = _matches(
    r"(?<![\w/.])(?:admin|root|administrator|guest|sa)[ \t]*[/:][ \t]*"
    r"(?:[A-Za-z!@#$%]*\d[\w!@#$%]*|admin|root|toor|guest|password|sa)(?![\w/])"
)


def _credentials(text: str) -> Iterator[Span]:
    yield from KEYS(text)
    yield from PAIR(text)
    for found in GIVEN.finditer(text):
        value = found.group(1).rstrip(".,;:!?)\"'")
        if ALGORITHM.fullmatch(value) or len(value) < 3:
            continue
        several = (
            len(value) >= 6 and re.search(r"[A-Za-z]", value) and re.search(r"[^A-Za-z]", value)
        )
        if several or WEAK.fullmatch(value) or re.fullmatch(r"\d{4,}", value):
            yield found.start(), found.start(1) + len(value)


COUNTED = re.compile(r"[ \t]*(?:条|次|元|个|项|万|亿|笔|份|bps|bit|byte|字节|行|包|吨|ns|us|ms)")


def _contacts(text: str) -> Iterator[Span]:
    yield from reach.mails(text)
    yield from reach.lines(text)
    yield from reach.messengers(text)
    for start, end in reach.mobiles(text):
        digits = re.sub(r"\D", "", text[start:end])
        # 15000000000 records a day are a number; somebody's telephone seldom ends on six noughts.
        if not digits.endswith("000000") and not COUNTED.match(text, end):
            yield start, end


IDENTITY = re.compile(
    r"(?<!\w)[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}[\dXx](?!\w)"
)
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def _identities(text: str) -> Iterator[Span]:
    """GB 11643: eighteen signs whose last one checks the others."""
    for found in IDENTITY.finditer(text):
        digits = found.group().upper()
        total = sum(int(one) * weight for one, weight in zip(digits, WEIGHTS, strict=False))
        if "10X98765432"[total % 11] == digits[-1]:
            yield found.span()


# What comes first is told first where two rules see the same signs.
FINDERS: tuple[tuple[str, Finder], ...] = (
    ("secret", _matches(r"(?:绝密|机密|秘密)[ \t]*[★☆]")),
    ("credential", _credentials),
    ("vulnerability", VULNERABILITIES),
    ("host", HOSTS),
    ("contact", _contacts),
    ("identity", _identities),
    (
        "mac",
        _matches(
            r"(?<![\w:-])[0-9a-f]{2}(?:[ \t]?[:-][ \t]?[0-9a-f]{2}){5}(?![\w:-])",
            r"(?<![\w.])[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}(?![\w.])",
        ),
    ),
    ("address", _addresses),
    ("topology", _topology),
    ("assets", _assets),
)
