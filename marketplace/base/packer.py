"""Pack and seal a bid on your own machine 在本机打包并密封投标.

    packer.py check SHEET FOLDER            look at forms, files and anonymity; seals nothing
    packer.py try   SHEET FOLDER            seal with a throwaway key, open again, compare 试封试解
    packer.py pack  SHEET FOLDER -o OUT     business.age, technical.age, price.age, hashes.json
    packer.py hash  OUT                     SHA-256 and size of what was packed
    packer.py commit OUT --url URL --token-file FILE   commit to the hashes first 先存哈希，后传文件
    packer.py upload OUT --url URL --token-file FILE   hand in; the signed receipt is kept 提交

`commit` counts only before the deadline, and only where the rules of the demand grant time for the
bytes: it says until when `upload` is taken then. A commitment alone is no bid.
先存哈希仅在截止前、且规则给予宽限期时有效；仅有承诺不等于申报。

SHEET is sealing.json as the demand's bid page gives it. FOLDER holds business.json, technical.json
and price.json, and, where there are files, the folders business/, technical/ and price/.
SHEET 为需求投标页提供的 sealing.json；FOLDER 含三个表单，附件放在同名文件夹中。

--log-key VKEY (the log's key as published elsewhere, or a file that holds it) proves that the sheet
names the announced recipients; it needs jiebang_verify.py beside this file, and `cryptography`.
Needs only this file and Python 3.9; it seals with the `age` command, or with pyrage where that is
not installed. Forms are held against the sheet's JSON Schema where `jsonschema` is installed.
No file is ever whole in memory. Exit code: 0 done; 1 refused or something found; 2 not done for
want of a tool or of the log's proof; 3 from `check` and `try`: done, but `jsonschema` is not
installed and the forms were not held against the JSON Schema. `pack` says so as well and packs.

The platform uses the same functions of this file: one implementation of sizes, tar and manifest.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import importlib
import io
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import unicodedata
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import IO, Any, NamedTuple

ENVELOPES = ("business", "technical", "price")
SHEET_FORMAT = "jiebang-sealing/1"
FORMAT = "jiebang-bid/1"
MANIFEST, FORM = "manifest.json", "form.json"
SMALLEST = 64 * 1024  # bytes of the smallest package
BLOCK, RECORD = 512, 10240  # of a tar
PIECE = 256 * 1024
JSON_MOST = 1024 * 1024  # bytes of a manifest or a form
JSON_DEPTH = 16
MEMBERS_MOST = 64  # in a package, however many files the rules allow
NAME_BYTES = 1024
HEADER_MOST = 8 * 1024  # bytes of an extended header
FILE_NAME_MAX = 120
RESERVED_NAMES = {MANIFEST, FORM}
FORBIDDEN_IN_NAMES = set('/\\:*?"<>|')

# code: (Chinese, English). One plain sentence each; what {…} stands for is filled in.
# fmt: off
SAYS = {
    "sheet": ("{name} 不是本平台的投标封装信息（sealing.json）：{why}。", "{name} is no sealing sheet (sealing.json) of this platform: {why}."),
    "missing": ("缺少 {name}。", "{name} is missing."),
    "unreadable": ("无法读取 {name}：{error}。", "{name} cannot be read: {error}."),
    "json": ("{name} 不是有效的 JSON，或有重复的键：{error}。", "{name} is not valid JSON, or names a key twice: {error}."),
    "schema": ("{name}：{path}：{error}", "{name}: {path}: {error}"),
    "schema.unchecked": ("未安装 jsonschema，没有按 JSON Schema 核对表单；开标时会核对。可用 pip install jsonschema 安装。", "jsonschema is not installed: the forms were NOT held against the JSON Schema; the opening will. Install it with pip install jsonschema."),
    "schema.not_held": ("其余检查已完成，但表单未按 JSON Schema 核对（退出码 3）。", "The rest is done, but the forms were not held against the JSON Schema (exit code 3)."),
    "schema.held": ("三个表单均符合 JSON Schema。", "All three forms fit the JSON Schema."),
    "uscc.full_width": ("business.json：{path}：{uscc} 含全角字符，请用半角。", "business.json: {path}: {uscc} has full-width characters; type it in half width."),
    "uscc.lower_case": ("business.json：{path}：{uscc} 含小写字母，请用大写。", "business.json: {path}: {uscc} has lower-case letters; use capitals."),
    "uscc.length": ("business.json：{path}：{uscc} 不是 18 位。", "business.json: {path}: {uscc} has not exactly 18 characters."),
    "uscc.alphabet": ("business.json：{path}：{uscc} 只能含数字和除 I、O、S、V、Z 以外的大写字母。", "business.json: {path}: {uscc} may hold only digits and capitals other than I, O, S, V, Z."),
    "uscc.region": ("business.json：{path}：{uscc} 第 3 至 8 位应为登记区划的六位数字。", "business.json: {path}: characters 3 to 8 of {uscc} must be the six digits of the region."),
    "uscc.organisation_check": ("business.json：{path}：{uscc} 第 17 位校验码有误（GB 11714）。", "business.json: {path}: character 17 of {uscc} does not fit (check digit, GB 11714)."),
    "uscc.check": ("business.json：{path}：{uscc} 第 18 位校验码有误（GB 32100）。", "business.json: {path}: character 18 of {uscc} does not fit (check digit, GB 32100)."),
    "price.total": ("price.json：报价必须大于零，且不得高于预算 {budget} 元。", "price.json: the price must be more than zero and at most the budget of CNY {budget}."),
    "price.nodes": ("price.json：付款节点合计 {sum} 元，与总价 {total} 元不符。", "price.json: the payment nodes add up to CNY {sum}, the total is CNY {total}."),
    "consortium.named_twice": ("business.json：{path}：联合体成员 {uscc} 重复，或就是投标方自己。", "business.json: {path}: the consortium member {uscc} is named twice, or is the bidder itself."),
    "consortium.shares_sum": ("business.json：{path}：联合体各方份额（含牵头方）合计 {sum}%，应为 100%。", "business.json: {path}: the shares of the consortium, the lead's among them, add up to {sum} %, not 100 %."),
    "consortium.agreement_file": ("business.json：{path}：联合体协议应是 business/ 文件夹中的文件，此处没有这个文件名。", "business.json: {path}: the consortium agreement has to be a file of the folder business/; no file there has this name."),
    "file.name": ("{name} 不能用作文件名，请改名。", "{name} cannot be used as a file name; rename the file."),
    "file.kind": ("{name} 不是普通文件；附件直接放在文件夹中。", "{name} is no plain file; files lie in the folder itself."),
    "file.empty": ("{name} 是空文件。", "{name} is empty."),
    "file.twice": ("两个文件同名：{name}。", "Two files have one name: {name}."),
    "file.count": ("{name}/ 内文件超过 {most} 个。", "More than {most} files lie in {name}/."),
    "file.changed": ("{name} 在打包期间被改动，请重新打包。", "{name} changed while it was packed; pack again."),
    "size": ("{name} 密封后约 {size} 字节，超过上限 {most} 字节。", "{name} sealed has about {size} bytes, more than the {most} allowed."),
    "names.file": ("技术标文件名含有投标方名称：{file}：“{name}”。", "The name of a technical file tells the bidder: {file}: “{name}”."),
    "names.form": ("technical.json 含有投标方名称：{path}：“{name}”。", "technical.json names the bidder: {path}: “{name}”."),
    "names.text": ("技术标文件内含有投标方名称：{file}：“{name}”。", "A technical file contains a name of the bidder: {file}: “{name}”."),
    "metadata": ("技术标文件带有文档属性：{file}：{what}：{value}", "A technical file carries metadata: {file}: {what}: {value}"),
    "looked": ("已查看 {file}：{how}。", "Looked at {file}: {how}."),
    "looked.limits": ("仅作粗查：图像画面、压缩的 PDF 内容与加密文件未查看；没有发现不等于没有。", "A plain look only: pictures, compressed PDF text and encrypted files were not read; nothing found does not mean nothing there."),
    "confirm": ("技术标中有 {count} 处可能暴露身份。删除后重试；确认无碍时加 --confirm-anonymous。", "{count} places of the technical envelope may tell who you are. Remove them, or add --confirm-anonymous if they are harmless."),
    "recipients.unchecked": ("未提供 --log-key：没有核对收件公钥是否为公告所载，请与公告比对。", "No --log-key was given: whether these are the announced recipients was NOT checked; compare them with the announcement."),
    "recipients.absent": ("封装信息尚无日志证明，无法核对收件公钥；稍后重新下载。", "The sheet has no proof from the log yet, so the recipients cannot be checked; download it again later."),
    "recipients.tool": ("核对收件公钥需要本文件旁的 jiebang_verify.py 和 Python 包 cryptography：{error}。", "To check the recipients jiebang_verify.py must lie beside this file and `cryptography` be installed: {error}."),
    "recipients.proof": ("日志证明不成立：{why}", "The proof from the log does not hold: {why}"),
    "recipients.other": ("拒绝密封：服务器给出的 {envelope} 收件公钥 {shown} 与已公告的 {announced} 不同。请保存本封装信息作为证据。", "Refused: the server shows {shown} as recipient of {envelope}, announced was {announced}. Keep this sheet as evidence."),
    "recipients.scenario": ("拒绝密封：日志条目不是这一需求的发布公告。", "Refused: the entry of the log does not announce this demand."),
    "recipients.held": ("收件公钥与日志第 {index} 条的发布公告一致（检查点共 {size} 条）。", "The recipients are those of the announcement, entry {index} of the log (checkpoint of {size} entries)."),
    "recipients.only": ("收件公钥与日志第 {index} 条的发布公告一致；镜像的 {size} 条中没有别的发布公告。", "The recipients are those of the announcement, entry {index}; of the {size} entries in the mirror no other one publishes this demand."),
    "recipients.twice": ("拒绝密封：日志中有多条本榜的发布公告（第 {places} 条）。请保存镜像作为证据，并先问明。", "Refused: more than one entry of the log publishes this demand ({places}). Keep the mirror as evidence, and ask first."),
    "recipients.mirror": ("日志镜像无法核对：{why}", "The mirror of the log does not hold: {why}"),
    "recipients.mirror_old": ("日志镜像只有 {size} 条，尚未含第 {index} 条；请先用 jiebang_verify.py fetch 更新。", "The mirror has {size} entries and lacks entry {index}; update it with jiebang_verify.py fetch first."),
    "recipients.key": ("--log-key 不是有效的验证公钥。", "--log-key is no valid verifier key."),
    "recipient": ("{value} 不是 age X25519 收件公钥。", "{value} is no age X25519 recipient."),
    "tool": ("既没有 age 命令，也没有 pyrage。请安装其一（例如 apt install age 或 pip install pyrage）。", "Neither the `age` command nor pyrage is here. Install one of them (apt install age, or pip install pyrage)."),
    "age": ("密封失败：{error}", "Sealing failed: {error}"),
    "checked": ("检查完毕，没有发现问题。", "Checked; nothing is wrong."),
    "tried": ("{envelope}：试封试解成功，解开的 {count} 个文件与原文件一致。", "{envelope}: sealed with a throwaway key and opened again; its {count} files came out as they went in."),
    "tried.other": ("{envelope}：试封试解不一致：{why}。", "{envelope}: what was opened again differs: {why}."),
    "sealed": ("{name}  SHA-256 {sha256}  {size} 字节", "{name}  SHA-256 {sha256}  {size} bytes"),
    "packed": ("已写入 {folder}。请在截止前提交；hashes.json 可用于截止前承诺散列值。", "Written to {folder}. Hand them in before the deadline; hashes.json is for a commitment of hashes."),
    "upload.url": ("网址须为 https（本机测试除外）。", "The address has to be https, but for this machine's own."),
    "upload.answer": ("服务器拒绝（{status}）：{said}", "The server refuses ({status}): {said}"),
    "upload.away": ("服务器没有应答：{error}。再次运行即从中断处继续。", "The server does not answer: {error}. Run it again to go on where it ended."),
    "committed": ("哈希值已承诺，回执存为 {name}。请在 {until}（北京时间）之前用 upload 提交完全相同的文件；仅有承诺不等于申报。", "The hashes are committed; the receipt is kept as {name}. Hand in exactly these files with `upload` before {until} (Beijing time); a commitment alone is no bid."),
    "upload.other": ("{name} 与 hashes.json 不符。", "{name} is not what hashes.json says."),
    "uploaded": ("{name} 已上传，共 {size} 字节。", "{name} is uploaded, {size} bytes."),
    "submitted.before": ("此前已提交过这些文件：{name} 是当时的回执，没有新的提交。撤回之后，或此后另有提交的，请加 --again 再次提交。", "These files were handed in before: {name} is the receipt of that time and nothing new was submitted. After a withdrawal, or another submission since, hand them in once more with --again."),
    "submitted": ("已提交；签名回执存为 {name}，请妥善保存。", "Handed in; the signed receipt is kept as {name}."),
    "exists": ("{name} 已存在；请换一个文件夹，或先删除。", "{name} exists; name another folder, or remove it first."),
}
# fmt: on


class Refused(Exception):
    """Nothing goes on. `exit_code`: 1 something is wrong, 2 something could not be checked."""

    def __init__(self, code: str, exit_code: int = 1, **values: Any) -> None:
        self.code, self.values, self.exit_code = code, values, exit_code
        super().__init__(SAYS[code][1].format(**values))


class NotAPackage(Exception):
    """These bytes are no package: reason not_a_package, or file_hash where contents differ."""

    def __init__(self, reason: str = "not_a_package") -> None:
        self.reason = reason
        super().__init__(reason)


# -- Sizes, JSON, tar: what every package is made of -----------------------------------------------
def padme(size: int) -> int:
    """The least Padmé size that holds `size` bytes, at least 64 KiB.

    Padmé (PURBs, Nikitin et al. 2019) leaks O(log log n) bits of the length for at most 12 % more
    bytes: the last E-S bits of the length are zero, E = floor(log2 n), S = bits of E.
    """
    if size <= SMALLEST:
        return SMALLEST
    exponent = size.bit_length() - 1
    loose = exponent - exponent.bit_length()
    mask = (1 << loose) - 1
    return (size + mask) & ~mask


def canonical(value: Any) -> bytes:
    """RFC 8785 JSON of objects, lists, texts, whole numbers, true, false and null."""
    return _canonical(value).encode()


def _canonical(value: Any) -> str:
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{_canonical(n)}:{_canonical(value[n])}" for n in names) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_canonical, value)) + "]"
    if isinstance(value, float) or (isinstance(value, int) and abs(value) >= 2**53):
        raise ValueError("only whole numbers below 2^53; write others as text")
    return json.dumps(value, ensure_ascii=False)


def read_json(raw: bytes) -> Any:
    """One reading only: no key twice, whole numbers, bounded size and depth. Raises ValueError."""
    if len(raw) > JSON_MOST:
        raise ValueError("larger than 1 MiB")
    try:
        value = json.loads(raw, object_pairs_hook=_once_each, **NO_NUMBERS)
    except RecursionError as error:
        raise ValueError("too deep") from error
    layer = [value]
    for _depth in range(JSON_DEPTH):
        layer = [item for one in layer for item in _inside(one)]
    if layer:
        raise ValueError("too deep")
    return value


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice")
    return made


def _no_number(text: str) -> None:
    raise ValueError(f"{text}: only whole numbers; write others as text")


# Neither NaN nor fractions: what a package says has one reading, in every language.
NO_NUMBERS: dict[str, Any] = {"parse_constant": _no_number, "parse_float": _no_number}


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


class Part(NamedTuple):
    """One member of a package. `pieces` reads it from its beginning, however often it is called."""

    name: str
    size: int
    sha256: str
    pieces: Callable[[], Iterator[bytes]]


def part_of(name: str, body: bytes) -> Part:
    return Part(name, len(body), hashlib.sha256(body).hexdigest(), lambda: iter([body]))


def part_of_file(name: str, path: Path) -> Part:
    """Reads the file once for its hash; `pieces` refuses if it is another one by then."""
    running, size = hashlib.sha256(), 0
    for piece in pieces_of(path):
        running.update(piece)
        size += len(piece)
    digest = running.hexdigest()

    def pieces() -> Iterator[bytes]:
        again, count = hashlib.sha256(), 0
        for piece in pieces_of(path):
            again.update(piece)
            count += len(piece)
            if count <= size:
                yield piece
        if again.hexdigest() != digest:
            raise Refused("file.changed", name=path)

    return Part(name, size, digest, pieces)


def pieces_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from blocks(file.read)


def blocks(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while piece := read(PIECE):
        yield piece


def manifest_of(
    parts: Iterable[Part], *, scenario: str, organisation: str, envelope: str, nonce: str = ""
) -> bytes:
    return canonical(
        {
            "format": FORMAT,
            "scenario": scenario,
            "organisation": organisation,
            "envelope": envelope,
            "nonce": nonce or secrets.token_hex(16),
            "files": {part.name: {"sha256": part.sha256, "size": part.size} for part in parts},
        }
    )


def package(parts: list[Part], manifest: bytes) -> Iterator[bytes]:
    """The padded tar of one envelope in pieces: manifest first, zeros up to the Padmé size."""
    size = 0
    for part in [part_of(MANIFEST, manifest), *parts]:
        for piece in (_header(part), *part.pieces(), bytes(-part.size % BLOCK)):
            size += len(piece)
            yield piece
    whole = tar_size(size)
    for left in range(padme(whole) - size, 0, -PIECE):
        yield bytes(min(left, PIECE))


def tar_size(members: int) -> int:
    """Of a tar whose members have so many bytes: two empty blocks end it, in whole records."""
    return -(-(members + 2 * BLOCK) // RECORD) * RECORD


def packed_size(parts: list[Part], manifest: bytes) -> int:
    made = [part_of(MANIFEST, manifest), *parts]
    return padme(tar_size(sum(len(_header(p)) + p.size + -p.size % BLOCK for p in made)))


def _header(part: Part) -> bytes:
    entry = tarfile.TarInfo(part.name)
    entry.size, entry.mode = part.size, 0o600
    return entry.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


# -- Reading a package, which anybody may have made ------------------------------------------------
class Member(NamedTuple):
    name: str
    size: int


def members(stream: IO[bytes]) -> Iterator[tuple[Member, Iterator[bytes]]]:
    """The plain files of a tar, each with its pieces, which are to be read before the next.

    Takes files and their long names (pax, GNU) and nothing else: no links, devices, folders or
    sparse files. Nothing that a header claims is believed before it is read. Raises NotAPackage.
    """
    seen: set[str] = set()
    told: dict[str, str] = {}
    while (block := _exactly(stream, BLOCK)) and block.strip(b"\0"):
        entry = _entry(block)
        if entry.type in {tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME}:
            raw = b"".join(_body(stream, entry.size, HEADER_MOST))
            pax = entry.type == tarfile.XHDTYPE
            told |= _records(raw) if pax else {"path": _text(raw.rstrip(b"\0"))}
            continue
        if entry.type not in {tarfile.REGTYPE, tarfile.AREGTYPE}:
            raise NotAPackage
        name, size = told.get("path", entry.name), _whole(told.get("size", str(entry.size)))
        told = {}
        # A long name stands before its header, which has it cut, maybe within a character.
        raw = name.encode("utf-8", "surrogateescape")
        if _text(raw) in seen or len(seen) >= MEMBERS_MOST or len(raw) > NAME_BYTES:
            raise NotAPackage
        seen.add(name)
        body = _body(stream, size)
        yield Member(name, size), body
        for _piece in body:
            pass
    if told:
        raise NotAPackage


def _entry(block: bytes) -> tarfile.TarInfo:
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError) as error:
        raise NotAPackage from error


def _exactly(stream: IO[bytes], size: int) -> bytes:
    """So many bytes, or none at the end of all."""
    found = bytearray()
    while len(found) < size and (piece := stream.read(size - len(found))):
        found += piece
    if found and len(found) < size:
        raise NotAPackage
    return bytes(found)


def _body(stream: IO[bytes], size: int, most: int | None = None) -> Iterator[bytes]:
    if size < 0 or (most is not None and size > most):
        raise NotAPackage
    left = size
    while left:
        piece = _exactly(stream, min(left, PIECE))
        if not piece:
            raise NotAPackage
        left -= len(piece)
        yield piece
    if len(_exactly(stream, -size % BLOCK)) != -size % BLOCK:
        raise NotAPackage


def _records(raw: bytes) -> dict[str, str]:
    """Of a pax header (length, blank, key=value, end of line), those that change what is read."""
    found: dict[str, str] = {}
    while raw:
        length, _blank, _rest = raw.partition(b" ")
        size = _whole(_text(length))
        record, raw = raw[len(length) + 1 : size], raw[size:]
        name, equals, value = record.partition(b"=")
        if not equals or not value.endswith(b"\n") or size <= len(length):
            raise NotAPackage
        key = _text(name)
        if key.startswith(("GNU.sparse", "hdrcharset", "linkpath")):
            raise NotAPackage
        if key in {"path", "size"}:
            found[key] = _text(value[:-1])
    return found


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise NotAPackage from error


def _whole(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,15}", text, re.ASCII):
        raise NotAPackage
    return int(text)


def promised(manifest: Any) -> dict[str, tuple[str, int]]:
    """{name: (SHA-256 in hex, bytes)} as a manifest says. Raises NotAPackage."""
    try:
        return {
            str(name): (str(said["sha256"]), int(said["size"]))
            for name, said in manifest["files"].items()
        }
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise NotAPackage from error


def read_package(stream: IO[bytes], each: Callable[[Member], None] = lambda _: None) -> Any:
    """The manifest of a package that holds exactly what it promises. Raises NotAPackage.

    each: told of every file when the stream stands at its first byte.
    """
    manifest: Any = None
    found: dict[str, tuple[str, int]] = {}
    for member, body in members(stream):
        if manifest is None:
            if member.name != MANIFEST or member.size > JSON_MOST:
                raise NotAPackage
            try:
                manifest = read_json(b"".join(body))
            except ValueError as error:
                raise NotAPackage from error
            continue
        each(member)
        running = hashlib.sha256()
        for piece in body:
            running.update(piece)
        found[member.name] = (running.hexdigest(), member.size)
    if promised(manifest) != found:
        raise NotAPackage("file_hash")
    return manifest


# -- File names and the bidder's names -------------------------------------------------------------
def safe_name(name: str) -> bool:
    """A plain name: no path, no hidden file, no control or direction marks, nothing reserved."""
    if not name or len(name) > FILE_NAME_MAX or name != name.strip() or name.startswith("."):
        return False
    if name.casefold() in RESERVED_NAMES or set(name) & FORBIDDEN_IN_NAMES:
        return False
    return not any(unicodedata.category(sign)[0] == "C" for sign in name)


# Endings without which a firm is still recognised.
LEGAL_FORMS = re.compile(
    r"(股份有限公司|有限责任公司|有限公司|集团|,?\s*(co\.?,?\s*ltd\.?|inc\.?|ltd\.?|llc|corp\.?))\s*$",
    re.IGNORECASE,
)
BRACKETED = re.compile(r"[（(][^）)]*[）)]")
SHARE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,2})?")


def names_told(business: Any, firms: Iterable[Any] = (), codes: Iterable[Any] = ()) -> list[str]:
    """Every name by which a reader of the technical envelope could know the bidder.

    business: the form of that envelope. firms, codes: of the bidder itself.
    """
    form = business if isinstance(business, dict) else {}
    firms = list(firms)
    codes = [*codes, form.get("contact_email"), form.get("contact_phone")]
    people = [form.get(n) for n in ("legal_representative", "contact_name", "project_leader")]
    people += [row.get("name") for row in plain_rows(form.get("team"))]
    for partner in plain_rows(form.get("consortium")):
        firms.append(partner.get("name"))
        codes.append(partner.get("uscc"))
    cores = [core(firm) for firm in firms if isinstance(firm, str)]
    found = [text.strip() for text in [*firms, *cores, *codes, *people] if isinstance(text, str)]
    return list(dict.fromkeys(text for text in found if len(folded(text)) > 1))


def plain_rows(value: Any) -> Iterable[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def core(firm: str) -> str:
    """示盾安全（虚构）有限公司 → 示盾安全."""
    return LEGAL_FORMS.sub("", BRACKETED.sub("", firm).strip()).strip()


def folded(text: str) -> str:
    """Half width, lower case, no blanks: how somebody would hide a name in plain sight."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text).casefold())


def names_found(text: str, names: Iterable[str]) -> list[str]:
    """Those of the names that the text contains, the longest reading of each place first.

    Latin names must stand as words ("Li" is not found in "reliable"); Chinese ones may stand
    anywhere, blanks ignored.
    """
    spaced = unicodedata.normalize("NFKC", text).casefold()
    compact = folded(text)
    found: list[str] = []
    for name in sorted(names, key=len, reverse=True):
        if not stands_in(name, spaced, compact):
            continue
        if not any(folded(name) in folded(longer) for longer in found):
            found.append(name)
    return found


def stands_in(name: str, spaced: str, compact: str) -> bool:
    needle = folded(name)
    if not needle.isascii():
        return needle in compact
    words = r"\s*".join(re.escape(sign) for sign in needle)
    return re.search(rf"(?<![a-z0-9]){words}(?![a-z0-9])", spaced) is not None


def leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every text of a form with the path of its field."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(f"{path}.{name}", item)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from leaves(f"{path}.{place}", item)


# -- Looking at the technical files ----------------------------------------------------------------
class Finding(NamedTuple):
    code: str
    values: dict[str, Any]


TEXT_ENDINGS = {".txt", ".md", ".csv", ".json", ".xml", ".html", ".htm", ".svg", ".tex", ".rtf"}
TEXT_MOST = 32 * 1024 * 1024  # of one text, or of one part of an office file
OFFICE_PARTS_MOST = 2000
PROPERTIES = re.compile(
    rb"<(?:\w+:)?(creator|lastModifiedBy|Company|Manager|initial-creator|printed-by)\b[^>]*>"
    rb"([^<]{1,200})<"
)
PDF_INFO = re.compile(
    rb"/(Author|Creator|Producer|Company|Title|Subject|Keywords|Manager)\s*"
    rb"(\((?:[^()\\]|\\.){1,200}\)|<[0-9A-Fa-f\s]{2,400}>)",
    re.DOTALL,
)
XMP = re.compile(
    rb"<(dc:creator|pdf:Producer|xmp:CreatorTool|dc:title|pdf:Author)\b.{1,400}?</\1>", re.DOTALL
)


def look_at(path: Path, names: list[str]) -> Iterator[Finding]:
    """What a technical file tells of its maker; last of all how it was looked at."""
    file = f"technical/{path.name}"
    how, met = ["bytes 字节"], set()
    for name in names_found(path.name, names):
        yield Finding("names.file", {"file": file, "name": name})
    for finding in [*in_bytes(path, names), *in_kind(path, names, how)]:
        key = (finding.code, *finding.values.values())
        if key not in met:
            yield Finding(finding.code, {"file": file, **finding.values})
        met.add(key)
    yield Finding("looked", {"file": file, "how": ", ".join(how)})


def in_kind(path: Path, names: list[str], how: list[str]) -> Iterator[Finding]:
    """What is found by knowing the kind of file; adds to `how` what was read."""
    with path.open("rb") as stream:
        head = stream.read(8)
    if path.suffix.lower() in TEXT_ENDINGS and path.stat().st_size <= TEXT_MOST:
        how.append("text 文本")
        yield from (
            Finding("names.text", {"name": name})
            for name in names_found(_decoded(path.read_bytes()), names)
        )
    if zipfile.is_zipfile(path):
        how.append("office parts and properties 文档内容与属性")
        yield from in_office(path, names)
    elif head.startswith(b"%PDF"):
        how.append("PDF Info, XMP")
        yield from in_pdf(path)
    elif head.startswith(b"\x89PNG"):
        how.append("PNG text chunks 文本块")
        yield from in_png(path)
    elif head.startswith(b"\xff\xd8"):
        how.append("JPEG Exif, XMP, comments 注释")
        yield from in_jpeg(path)


def _decoded(raw: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030", "utf-16"):
        with suppress(UnicodeDecodeError):
            return raw.decode(encoding)
    return raw.decode("utf-8", "ignore")


def in_bytes(path: Path, names: list[str]) -> Iterator[Finding]:
    """Names as they stand in bytes of any kind, in the encodings that documents use."""
    needles = {
        name.casefold().encode(encoding, "ignore").lower(): name
        for name in names
        for encoding in ("utf-8", "utf-16-le", "utf-16-be", "gb18030")
    }
    needles.pop(b"", None)
    longest = max(map(len, needles), default=0)
    met: set[str] = set()
    tail = b""
    for piece in pieces_of(path):
        window = tail + piece.lower()
        for needle, name in needles.items():
            if name not in met and _stands(needle, window, latin=name.isascii()):
                met.add(name)
                yield Finding("names.text", {"name": name})
        tail = window[-longest - 2 :]


def _stands(needle: bytes, window: bytes, *, latin: bool) -> bool:
    if not latin or needle not in window:
        return needle in window
    return bool(re.search(rb"(?<![a-z0-9])" + re.escape(needle) + rb"(?![a-z0-9])", window))


def in_office(path: Path, names: list[str]) -> Iterator[Finding]:
    """docx, xlsx, pptx, odt …: the texts of their parts, and the document's properties."""
    try:
        with zipfile.ZipFile(path) as office:
            for entry in office.infolist()[:OFFICE_PARTS_MOST]:
                for name in names_found(entry.filename, names):
                    yield Finding("names.text", {"name": name})
                if not entry.filename.endswith((".xml", ".rels", ".txt", ".html")):
                    continue
                with office.open(entry) as part:
                    raw = part.read(TEXT_MOST)
                yield from _in_part(entry.filename, raw, names)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, zlib.error, OSError) as error:
        yield Finding("metadata", {"what": "zip", "value": f"not readable 无法读取: {error}"})


def _in_part(part: str, raw: bytes, names: list[str]) -> Iterator[Finding]:
    # A name may be cut into several runs; the marks between them are no part of it.
    for name in names_found(re.sub(r"<[^>]*>", "", _decoded(raw)), names):
        yield Finding("names.text", {"name": name})
    if "docProps" in part or part == "meta.xml":
        for key, value in PROPERTIES.findall(raw):
            yield Finding("metadata", {"what": key.decode(), "value": _decoded(value)})


def in_pdf(path: Path) -> Iterator[Finding]:
    """Info entries and XMP that stand uncompressed in the file."""
    met: set[bytes] = set()
    tail = b""
    for piece in pieces_of(path):
        window = tail + piece
        for pattern in (PDF_INFO, XMP):
            for match in pattern.finditer(window):
                if match[0] not in met and len(met) < 100:
                    met.add(match[0])
                    what = match[1].decode("ascii", "replace")
                    value = match[2] if pattern is PDF_INFO else re.sub(rb"<[^>]*>", b"", match[0])
                    yield Finding("metadata", {"what": what, "value": _pdf_text(value)})
        tail = window[-1024:]


def _pdf_text(raw: bytes) -> str:
    if raw.startswith(b"<"):
        digits = re.sub(rb"[^0-9A-Fa-f]", b"", raw)
        raw = bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())
    elif raw.startswith(b"("):
        raw = raw[1:-1]
    wide = raw.startswith(b"\xfe\xff")
    return (raw.decode("utf-16", "replace") if wide else _decoded(raw)).strip()[:200]


def in_png(path: Path) -> Iterator[Finding]:
    with path.open("rb") as file:
        file.read(8)
        while len(head := file.read(8)) == 8:
            size, kind = int.from_bytes(head[:4], "big"), head[4:]
            if kind in {b"tEXt", b"iTXt", b"zTXt", b"eXIf"}:
                value = _decoded(file.read(min(size, 200)).replace(b"\0", b" "))
                yield Finding("metadata", {"what": kind.decode(), "value": value.strip()})
                size -= min(size, 200)
            file.seek(size + 4, os.SEEK_CUR)


def in_jpeg(path: Path) -> Iterator[Finding]:
    told = {0xFE: "comment", 0xE1: "Exif/XMP", 0xED: "IPTC"}
    with path.open("rb") as file:
        file.read(2)
        while len(head := file.read(4)) == 4 and head[0] == 0xFF and head[1] != 0xDA:
            size = int.from_bytes(head[2:], "big") - 2
            body = file.read(max(size, 0))
            if head[1] in told:
                value = _decoded(body[:200].replace(b"\0", b" ")).strip()
                yield Finding("metadata", {"what": told[head[1]], "value": value})


# -- The sheet and the folder ----------------------------------------------------------------------
class Bid(NamedTuple):
    sheet: dict[str, Any]
    forms: dict[str, Any]
    files: dict[str, list[Path]]


def read_sheet(path: Path) -> dict[str, Any]:
    try:
        sheet = json.loads(path.read_bytes())
    except OSError as error:
        raise Refused("unreadable", name=path, error=error.strerror) from error
    except ValueError as error:
        raise Refused("sheet", name=path, why=error) from error
    if not isinstance(sheet, dict) or sheet.get("format") != SHEET_FORMAT:
        raise Refused("sheet", name=path, why=f"format {SHEET_FORMAT}")
    wanted = ("scenario", "organisation", "recipients", "schema", "rules", "names", "limits")
    for key in wanted:
        if key not in sheet:
            raise Refused("sheet", name=path, why=f"no {key}")
    for envelope in ENVELOPES:
        recipient = sheet["recipients"].get(envelope)
        if not re.fullmatch(r"age1[02-9ac-hj-np-z]{58}", str(recipient)):
            raise Refused("recipient", value=recipient)
    return sheet


def read_bid(sheet: dict[str, Any], folder: Path) -> tuple[Bid, list[Finding]]:
    """Forms and files of a folder, and what of them cannot be read or named so."""
    faults: list[Finding] = []
    forms: dict[str, Any] = {}
    files: dict[str, list[Path]] = {}
    for envelope in ENVELOPES:
        path = folder / f"{envelope}.json"
        try:
            with path.open("rb") as file:
                forms[envelope] = read_json(file.read(JSON_MOST + 1))
            canonical(forms[envelope])
        except FileNotFoundError:
            faults.append(Finding("missing", {"name": path.name}))
        except OSError as error:
            faults.append(Finding("unreadable", {"name": path.name, "error": error.strerror}))
        except ValueError as error:
            faults.append(Finding("json", {"name": path.name, "error": error}))
        files[envelope] = (
            sorted((folder / envelope).iterdir()) if (folder / envelope).is_dir() else []
        )
        faults += file_faults(envelope, files[envelope], sheet["limits"])
    return Bid(sheet, forms, files), faults


def file_faults(envelope: str, files: list[Path], limits: dict[str, Any]) -> Iterator[Finding]:
    met: set[str] = set()
    if len(files) > limits["files"]:
        yield Finding("file.count", {"name": envelope, "most": limits["files"]})
    for path in files:
        name = f"{envelope}/{path.name}"
        if path.is_symlink() or not path.is_file():
            yield Finding("file.kind", {"name": name})
        elif not path.stat().st_size:
            yield Finding("file.empty", {"name": name})
        if not safe_name(path.name) or len(path.name) > limits["file_name"]:
            yield Finding("file.name", {"name": name})
        if path.name.casefold() in met:
            yield Finding("file.twice", {"name": name})
        met.add(path.name.casefold())


def form_faults(bid: Bid) -> Iterator[Finding]:
    """Against the sheet's JSON Schemas, and the rules that a schema cannot say."""
    if (validator := _validator()) is None:
        yield Finding("schema.unchecked", {})
    else:
        faults = [
            Finding(
                "schema",
                {"name": f"{envelope}.json", "path": fault.json_path, "error": fault.message[:300]},
            )
            for envelope, form in bid.forms.items()
            for fault in validator(bid.sheet["schema"][envelope]).iter_errors(form)
        ]
        yield from faults or [Finding("schema.held", {})]
    business = bid.forms.get("business")
    business = business if isinstance(business, dict) else {}
    for place, partner in enumerate(plain_rows(business.get("consortium"))):
        if isinstance(typed := partner.get("uscc"), str):
            for code in uscc_faults(typed):
                yield Finding(f"uscc.{code}", {"path": f"consortium.{place}.uscc", "uscc": typed})
    for path, code, values in consortium_faults(
        business,
        str(bid.sheet["rules"].get("uscc")),
        [file.name for file in bid.files["business"]],
    ):
        yield Finding(f"consortium.{code}", {"path": path} | values)
    yield from price_faults(bid.forms.get("price"), bid.sheet["rules"])


def _validator() -> Any:
    """Of JSON Schema 2020-12, where `jsonschema` is installed and new enough; else None."""
    try:
        return importlib.import_module("jsonschema").Draft202012Validator
    except (ImportError, AttributeError):
        return None


# -- 统一社会信用代码: GB 32100-2015, with the organisation code of GB 11714-1997 inside -----------
USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100: no I, O, S, V, Z
USCC_WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
ORG_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ORG_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def check_character(first17: str) -> str:
    """The 18th character by GB 32100 (mod 31)."""
    total = sum(USCC_ALPHABET.index(c) * w for c, w in zip(first17, USCC_WEIGHTS))  # noqa: B905
    return USCC_ALPHABET[-total % 31]


def organisation_check_character(first8: str) -> str:
    """The 9th character of the organisation code (positions 9-16 → 17) by GB 11714 (mod 11)."""
    total = sum(ORG_ALPHABET.index(c) * w for c, w in zip(first8, ORG_WEIGHTS))  # noqa: B905
    return "0123456789X"[-total % 11]


def uscc_faults(text: str) -> list[str]:
    """What is wrong with a code, every fault by its own name; empty when it is right.

    full_width, lower_case, length, alphabet, region, organisation_check, check. The two check
    digits are only judged where length and alphabet allow it.
    """
    found = []
    if unicodedata.normalize("NFKC", text) != text:
        found.append("full_width")
        text = unicodedata.normalize("NFKC", text)
    if text != text.upper():
        found.append("lower_case")
        text = text.upper()
    if len(text) != 18:
        found.append("length")
    if set(text) - set(USCC_ALPHABET):
        found.append("alphabet")
    if "length" in found or "alphabet" in found:
        return found
    if not re.fullmatch(r"\d{6}", text[2:8]):
        found.append("region")
    if organisation_check_character(text[8:16]) != text[16]:
        found.append("organisation_check")
    if check_character(text[:17]) != text[17]:
        found.append("check")
    return found


def consortium_faults(
    form: dict[str, Any], uscc: str, file_names: Iterable[str]
) -> Iterator[tuple[str, str, dict[str, str]]]:
    """(path within the business form, code, values) of each fault; none where it bids alone.

    What no schema can say of a consortium; the door, the opener and this tool hold it alike.
    form: what does not fit bid-1.json is passed over, the schema tells of it. uscc: of the bidder,
    who leads; file_names: of the files in the same envelope. Codes: named_twice, shares_sum (of the
    whole consortium, in exact hundredths of a percent; `sum` is what they add up to),
    agreement_file.
    """
    partners = plain_rows(form.get("consortium"))
    met = {uscc}
    for place, partner in enumerate(partners):
        named = str(partner.get("uscc"))
        if named in met:
            yield f"consortium.{place}.uscc", "named_twice", {"uscc": named}
        met.add(named)
    if not partners:
        return
    given = [form.get("lead_share_percent"), *(row.get("share_percent") for row in partners)]
    shares = [share for share in given if isinstance(share, str) and SHARE.fullmatch(share)]
    if len(shares) == len(given):
        whole = sum(map(Decimal, shares), Decimal(0))
        if whole != 100:
            yield "lead_share_percent", "shares_sum", {"sum": f"{whole:.2f}"}
    if str(form.get("consortium_agreement")) not in file_names:
        yield "consortium_agreement", "agreement_file", {}


def price_faults(price: Any, rules: dict[str, Any]) -> Iterator[Finding]:
    try:
        total = Decimal(price["total_cny"])
        nodes = sum((Decimal(node["amount_cny"]) for node in price["nodes"]), Decimal(0))
        if not 0 < total <= Decimal(rules["budget_cny"]):
            yield Finding("price.total", {"budget": rules["budget_cny"]})
    except (LookupError, TypeError, InvalidOperation):
        return  # the schema says what is wrong
    if nodes != total:
        yield Finding("price.nodes", {"sum": nodes, "total": total})


def anonymity(bid: Bid) -> Iterator[Finding]:
    """Where the technical envelope tells who bids, as far as a plain look goes."""
    names = list(dict.fromkeys([*bid.sheet["names"], *names_told(bid.forms.get("business"))]))
    for path, text in leaves("technical", bid.forms.get("technical")):
        for name in names_found(text, names):
            yield Finding("names.form", {"path": path, "name": name})
    for file in bid.files["technical"]:
        if file.is_file() and not file.is_symlink():
            yield from look_at(file, names)


# -- Are these the announced recipients? -----------------------------------------------------------
def check_recipients(sheet: dict[str, Any], log_key: str, mirror: Path | None = None) -> Finding:
    """By the leaf that published the demand, under a checkpoint of the log's key. Raises Refused.

    mirror: a folder of `jiebang_verify.py fetch`; then no other entry of it may publish the demand.
    """
    publication = sheet.get("publication")
    if not publication:
        raise Refused("recipients.absent", 2)
    verify = _verifier()
    with suppress(OSError):
        log_key = Path(log_key).read_text("utf-8")
    try:
        keys = [verify.parse_vkey(line) for line in log_key.split("\n") if line.strip()]
    except verify.NotValid as error:
        raise Refused("recipients.key") from error
    try:
        checkpoint = verify.open_checkpoint(publication["checkpoint"], keys)
        leaf = verify.unbase64(publication["leaf"])
        path = [verify.unbase64(item) for item in publication["hashes"]]
        place = publication["index"]
        verify.verify_inclusion(
            verify.leaf_hash(leaf), place, checkpoint.size, path, checkpoint.root
        )
        said = json.loads(leaf)
        kind, subject, announced = said["kind"], said["subjects"][-1], said["data"]["recipients"]
    except (verify.NotValid, LookupError, TypeError, ValueError) as error:
        raise Refused("recipients.proof", why=error) from error
    if kind != "scenario.published" or subject != sheet["scenario"]:
        raise Refused("recipients.scenario")
    for envelope in ENVELOPES:
        shown = sheet["recipients"][envelope]
        if announced.get(envelope) != shown:
            raise Refused(
                "recipients.other",
                envelope=envelope,
                shown=shown,
                announced=announced.get(envelope),
            )
    if mirror is not None:
        return published_once(sheet, mirror, keys, place)
    return Finding("recipients.held", {"index": place, "size": checkpoint.size})


def published_once(sheet: dict[str, Any], mirror: Path, keys: list[Any], place: int) -> Finding:
    """No other entry of the whole mirror publishes the demand. Raises Refused."""
    verify = _verifier()
    try:
        size, places = verify.publications(mirror, keys, sheet["scenario"])
    except (verify.NotValid, OSError) as error:
        raise Refused("recipients.mirror", why=error) from error
    if place >= size:
        raise Refused("recipients.mirror_old", 2, index=place, size=size)
    if places != [place]:
        raise Refused("recipients.twice", places=", ".join(map(str, places)))
    return Finding("recipients.only", {"index": place, "size": size})


def _verifier() -> Any:
    """jiebang_verify.py (or verify.py) beside this file."""
    here = Path(__file__).resolve().parent
    for name in ("jiebang_verify", "verify"):
        if (here / f"{name}.py").is_file():
            sys.path.insert(0, str(here))
            try:
                return importlib.import_module(name)
            except ImportError as error:
                raise Refused("recipients.tool", 2, error=error) from error
            finally:
                sys.path.remove(str(here))
    raise Refused("recipients.tool", 2, error="jiebang_verify.py")


# -- Sealing ---------------------------------------------------------------------------------------
def parts_of(bid: Bid, envelope: str) -> list[Part]:
    form = part_of(FORM, canonical(bid.forms[envelope]))
    return [form, *(part_of_file(path.name, path) for path in bid.files[envelope])]


class Pieces(io.RawIOBase):
    """Pieces as a file that is read from its beginning to its end."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces, self.rest = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        self.rest = self.rest or next(self.pieces, b"")
        size = min(len(into), len(self.rest))
        into[:size], self.rest = self.rest[:size], self.rest[size:]
        return size


def seal(pieces: Iterator[bytes], recipient: str, out: Path) -> None:
    """Encrypt to one recipient with `age -r RECIPIENT -o OUT`, or with pyrage. Raises Refused."""
    command = shutil.which("age")
    if command is None:
        pyrage = _pyrage()
        with out.open("xb") as file:
            key = pyrage.x25519.Recipient.from_str(recipient)
            pyrage.encrypt_io(io.BufferedReader(Pieces(pieces), PIECE), file, [key])
        return
    with tempfile.TemporaryFile() as said:
        run = [command, "-r", recipient, "-o", str(out)]
        with subprocess.Popen(run, stdin=subprocess.PIPE, stderr=said) as age:
            assert age.stdin is not None
            try:
                for piece in pieces:
                    age.stdin.write(piece)
                age.stdin.close()
            except BrokenPipeError:
                pass  # it says why
            except BaseException:
                age.kill()
                raise
        if age.returncode:
            said.seek(0)
            raise Refused("age", error=said.read(2000).decode("utf-8", "replace").strip())


def _pyrage() -> Any:
    try:
        return importlib.import_module("pyrage")
    except ImportError as error:
        raise Refused("tool", 2) from error


@contextmanager
def throwaway(folder: Path) -> Iterator[tuple[str, Callable[[Path], IO[bytes]]]]:
    """(recipient, how to open what was sealed to it) of a key that nobody keeps."""
    age, keygen = shutil.which("age"), shutil.which("age-keygen")
    with ExitStack() as stack:
        if not (age and keygen):
            pyrage = _pyrage()
            key = pyrage.x25519.Identity.generate()

            def unsealed(sealed: Path) -> IO[bytes]:
                plain = stack.enter_context(tempfile.TemporaryFile(dir=folder))
                with sealed.open("rb") as file:
                    pyrage.decrypt_io(file, plain, [key])
                plain.seek(0)
                return plain

            yield str(key.to_public()), unsealed
            return
        identity = str(folder / "identity.txt")
        subprocess.run([keygen, "-o", identity], check=True, capture_output=True)
        shown = subprocess.run([keygen, "-y", identity], check=True, capture_output=True)

        def opened(sealed: Path) -> IO[bytes]:
            run = [age, "-d", "-i", identity, str(sealed)]
            made = stack.enter_context(subprocess.Popen(run, stdout=subprocess.PIPE))
            assert made.stdout is not None
            return made.stdout

        yield shown.stdout.decode().strip(), opened


def hash_of(path: Path) -> tuple[str, int]:
    running, size = hashlib.sha256(), 0
    for piece in pieces_of(path):
        running.update(piece)
        size += len(piece)
    return running.hexdigest(), size


# -- The command line ------------------------------------------------------------------------------
class Speaker:
    """Says sentences in the languages that were asked for."""

    def __init__(self, lang: str, out: Any = None) -> None:
        self.langs = [place for place, one in enumerate(("zh", "en")) if lang in {one, "both"}]
        self.out = out or sys.stdout
        if isinstance(self.out, io.TextIOWrapper):
            self.out.reconfigure(errors="replace")  # a console without Chinese shows ?

    def say(self, mark: str, code: str, values: dict[str, Any]) -> None:
        texts = [SAYS[code][place].format(**values) for place in self.langs]
        print(mark, "\n  ".join(dict.fromkeys(texts)), file=self.out)


# Codes of findings that tell and stop nothing.
TELLING = {
    "looked": "√",
    "schema.held": "√",
    "recipients.held": "√",
    "recipients.only": "√",
    "schema.unchecked": "－",
    "recipients.unchecked": "－",
    "looked.limits": "－",
}


def examined(given: argparse.Namespace, speaker: Speaker) -> Bid:
    """The bid, when nothing speaks against sealing it. Raises Refused."""
    sheet = read_sheet(given.sheet)
    if given.log_key:
        found = check_recipients(sheet, given.log_key, given.mirror)
    else:
        found = Finding("recipients.unchecked", {})
    speaker.say(TELLING[found.code], found.code, found.values)
    bid, faults = read_bid(sheet, given.folder)
    wrong = 0
    for fault in [*faults, *form_faults(bid)]:
        wrong += fault.code not in TELLING
        speaker.say(TELLING.get(fault.code, "×"), fault.code, fault.values)
    telling = 0
    for finding in [*anonymity(bid), Finding("looked.limits", {})]:
        telling += finding.code not in TELLING
        speaker.say(TELLING.get(finding.code, "？"), finding.code, finding.values)
    if wrong:
        raise Stopped
    if telling and not given.confirm_anonymous:
        raise Refused("confirm", count=telling)
    return bid


class Stopped(Exception):
    """What is wrong has been said already."""


def envelope_of(bid: Bid, envelope: str) -> tuple[list[Part], bytes]:
    parts = parts_of(bid, envelope)
    manifest = manifest_of(
        parts,
        scenario=bid.sheet["scenario"],
        organisation=bid.sheet["organisation"],
        envelope=envelope,
    )
    size, most = packed_size(parts, manifest), bid.sheet["limits"]["envelope_bytes"]
    # age adds a header and 16 bytes to each 64 KiB.
    size += 1024 + size // 4096
    if size > most:
        raise Refused("size", name=envelope, size=size, most=most)
    return parts, manifest


def check(given: argparse.Namespace, speaker: Speaker) -> None:
    bid = examined(given, speaker)
    for envelope in ENVELOPES:
        envelope_of(bid, envelope)
    require_schema_held()
    speaker.say("√", "checked", {})


def require_schema_held() -> None:
    """What was not held against the schema is not called checked. Raises Refused."""
    if _validator() is None:
        raise Refused("schema.not_held", 3)


def pack(given: argparse.Namespace, speaker: Speaker) -> None:
    bid = examined(given, speaker)
    given.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for envelope in ENVELOPES:
        target, draft = given.out / f"{envelope}.age", given.out / f"{envelope}.age.part"
        if target.exists():
            raise Refused("exists", name=target)
        draft.unlink(missing_ok=True)
        try:
            seal(package(*envelope_of(bid, envelope)), bid.sheet["recipients"][envelope], draft)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
        rows.append(told(target, envelope, speaker))
    write_hashes(given.out, bid.sheet["scenario"], rows)
    speaker.say("√", "packed", {"folder": given.out})


def told(path: Path, envelope: str, speaker: Speaker) -> dict[str, Any]:
    sha256, size = hash_of(path)
    speaker.say("√", "sealed", {"name": path.name, "sha256": sha256, "size": size})
    return {"envelope": envelope, "sha256": sha256, "size": size}


def write_hashes(folder: Path, scenario: str | None, rows: list[dict[str, Any]]) -> None:
    """hashes.json: `envelopes` is what a commitment before the deadline names."""
    made = {"scenario": scenario, "envelopes": rows} if scenario else {"envelopes": rows}
    (folder / "hashes.json").write_text(json.dumps(made, indent=2) + "\n", "utf-8")


def hashes(given: argparse.Namespace, speaker: Speaker) -> None:
    for envelope in ENVELOPES:
        path = given.out / f"{envelope}.age"
        if not path.is_file():
            raise Refused("missing", name=path)
        told(path, envelope, speaker)


# -- Handing in ------------------------------------------------------------------------------------
CHUNK = 8 * 1024 * 1024
TRIES = 6


class Stay(urllib.request.HTTPRedirectHandler):
    """No redirect is followed: a token goes to the address that was given and nowhere else."""

    def redirect_request(self, *_given: Any) -> None:
        return None


class Server:
    """The platform, as a program with a token of its own speaks to it. Raises Refused."""

    def __init__(self, url: str, token: str) -> None:
        parts = urllib.parse.urlsplit(url)
        local = parts.hostname in {"localhost", "127.0.0.1", "::1"}
        if parts.scheme != "https" and not (local and parts.scheme == "http"):
            raise Refused("upload.url")
        self.url, self.token = url.rstrip("/"), token
        self.opener = urllib.request.build_opener(Stay)

    def ask(self, method: str, path: str, body: bytes | None, **headers: str) -> Any:
        """(headers, body). A connection that breaks is tried again, with growing pauses."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["Authorization"] = f"Bearer {self.token}"
        # Of a Location only the path counts: the token stays with the address that was given.
        place = self.url + "/" + urllib.parse.urlsplit(path).path.lstrip("/")
        request = urllib.request.Request(place, body, named, method=method)  # noqa: S310
        try:
            with self.opener.open(request, timeout=120) as answer:
                return answer.headers, answer.read(JSON_MOST)
        except urllib.error.HTTPError as error:
            if error.code in {429, 502, 503, 504}:
                raise ConnectionError(f"HTTP {error.code}") from error
            said = error.read(2000).decode("utf-8", "replace")
            raise Refused("upload.answer", status=error.code, said=said) from error

    def post(self, path: str, body: Any, key: str) -> Any:
        raw = json.dumps(body).encode()
        kind = {"Content_Type": "application/json", "Idempotency_Key": key}
        return json.loads(patiently(lambda: self.ask("POST", path, raw, **kind))[1])

    def upload(self, path: Path, row: dict[str, Any], again: str = "") -> str:
        """The uid of an upload that is whole; goes on where an earlier one of the same ended."""
        told = {"filename": path.name, "purpose": "sealed", "sha256": row["sha256"]}
        metadata = ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in told.items())
        tus = {"Tus_Resumable": "1.0.0"}
        more = {"Upload_Length": str(row["size"]), "Upload_Metadata": metadata}
        key = {"Idempotency_Key": again + row["sha256"][:40]}
        begun = patiently(lambda: self.ask("POST", "api/v1/uploads/", b"", **tus, **more, **key))
        place = begun[0]["Location"]

        def send_rest() -> None:
            offset = int(self.ask("HEAD", place, None, **tus)[0]["Upload-Offset"])
            with path.open("rb") as file:
                file.seek(offset)
                while piece := file.read(CHUNK):
                    at = {"Upload_Offset": str(offset), "Content_Type": OFFSET_STREAM}
                    self.ask("PATCH", place, piece, **tus, **at)
                    offset += len(piece)

        patiently(send_rest)
        return str(place).rstrip("/").rpartition("/")[2]


OFFSET_STREAM = "application/offset+octet-stream"


def patiently(deed: Callable[[], Any]) -> Any:
    for pause in range(TRIES):
        try:
            return deed()
        except OSError as error:
            if pause == TRIES - 1:
                raise Refused("upload.away", error=error) from error
            time.sleep(2**pause)
    return None


def server_of(given: argparse.Namespace) -> Server:
    return Server(given.url, given.token_file.read_text("ascii").strip())


def written_hashes(folder: Path) -> Any:
    """hashes.json, when the three files are what it says. Raises Refused."""
    said = json.loads((folder / "hashes.json").read_text("utf-8"))
    for row in said["envelopes"]:
        path = folder / f"{row['envelope']}.age"
        if hash_of(path) != (row["sha256"], row["size"]):
            raise Refused("upload.other", name=path)
    return said


def commit(given: argparse.Namespace, speaker: Speaker) -> None:
    """先存哈希，后传文件: promise exactly these three files before the deadline; keep the receipt."""
    server, said = server_of(given), written_hashes(given.out)
    # Once more makes another commitment: only the last one counts, and another may lie between.
    key, body = secrets.token_hex(16), {"envelopes": said["envelopes"]}
    receipt = server.post(f"api/v1/scenarios/{said['scenario']}/commitments/", body, key)
    name = given.out / "commitment.json"
    name.write_text(json.dumps(receipt, ensure_ascii=False, indent=2) + "\n", "utf-8")
    until = in_beijing(receipt["receipt"]["bytes_until"])
    speaker.say("√", "committed", {"name": name, "until": until})


def in_beijing(stamp: str) -> str:
    at = datetime.fromisoformat(stamp.replace("Z", "+00:00"))  # noqa: FURB162  # 3.9 reads no Z
    return f"{at.astimezone(timezone(timedelta(hours=8))):%Y-%m-%d %H:%M:%S}"


def hand_in(given: argparse.Namespace, speaker: Speaker) -> None:
    """Upload the three envelopes, make a package of them and submit it; keep the receipt."""
    server, said = server_of(given), written_hashes(given.out)
    again = secrets.token_hex(8) if given.again else ""
    uploads = {}
    for row in said["envelopes"]:
        path = given.out / f"{row['envelope']}.age"
        uploads[row["envelope"]] = server.upload(path, row, again)
        speaker.say("√", "uploaded", {"name": path.name, "size": row["size"]})
    key = again + hashlib.sha256(canonical(said)).hexdigest()[:40]
    made = server.post(f"api/v1/scenarios/{said['scenario']}/packages/", {"uploads": uploads}, key)
    receipt = server.post(f"api/v1/packages/{made['uid']}/submit/", {}, key)
    name, text = given.out / "receipt.json", signed_text_of(receipt)
    before = name.is_file() and signed_text_of(json.loads(name.read_text("utf-8"))) == text
    name.write_text(json.dumps(receipt, ensure_ascii=False, indent=2) + "\n", "utf-8")
    speaker.say("√", "submitted.before" if before else "submitted", {"name": name})


def signed_text_of(receipt: Any) -> Any:
    """What tells two receipts apart; a proof may be added to one later."""
    return receipt.get("signed_text") if isinstance(receipt, dict) else None


def attempt(given: argparse.Namespace, speaker: Speaker) -> None:
    """试封试解: the whole way there and back with a key that is thrown away."""
    bid = examined(given, speaker)
    with tempfile.TemporaryDirectory(prefix="jiebang-try-") as made:
        folder = Path(made)
        with throwaway(folder) as (recipient, opened):
            for envelope in ENVELOPES:
                parts, manifest = envelope_of(bid, envelope)
                sealed = folder / f"{envelope}.age"
                seal(package(parts, manifest), recipient, sealed)
                with opened(sealed) as stream:
                    compare(stream, envelope, manifest)
                sealed.unlink()
                speaker.say("√", "tried", {"envelope": envelope, "count": len(parts)})
    require_schema_held()


def compare(stream: IO[bytes], envelope: str, manifest: bytes) -> None:
    try:
        found = read_package(stream)
    except NotAPackage as error:
        raise Refused("tried.other", envelope=envelope, why=error.reason) from error
    for _piece in blocks(stream.read):
        pass  # the zeros behind
    if canonical(found) != manifest:
        raise Refused("tried.other", envelope=envelope, why=MANIFEST)


COMMANDS: dict[str, Callable[[argparse.Namespace, Speaker], None]] = {
    "check": check,
    "pack": pack,
    "try": attempt,
    "hash": hashes,
    "commit": commit,
    "upload": hand_in,
}


def arguments(argv: list[str]) -> argparse.Namespace:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--lang", choices=["zh", "en", "both"], default="both")
    looking = argparse.ArgumentParser(add_help=False, parents=[common])
    looking.add_argument("sheet", type=Path, help="sealing.json of the demand 封装信息")
    looking.add_argument("folder", type=Path, help="forms and files 表单与附件")
    looking.add_argument("--log-key", default="", help="the log's vkey, or a file 日志验证公钥")
    looking.add_argument("--mirror", type=Path, help="folder of a mirror of the log 日志镜像")
    looking.add_argument("--confirm-anonymous", action="store_true", help="确认技术标不暴露身份")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check", parents=[looking], help="look, seal nothing 检查")
    commands.add_parser("try", parents=[looking], help="seal and open again 试封试解")
    one = commands.add_parser("pack", parents=[looking], help="pack and seal 打包并密封")
    one.add_argument("-o", "--out", type=Path, required=True)
    one = commands.add_parser("hash", parents=[common], help="SHA-256 and size 散列值")
    one.add_argument("out", type=Path)
    serving = argparse.ArgumentParser(add_help=False, parents=[common])
    serving.add_argument("out", type=Path)
    serving.add_argument("--url", required=True, help="of the platform 平台网址")
    serving.add_argument("--token-file", type=Path, required=True, help="an API token 接口令牌")
    commands.add_parser("commit", parents=[serving], help="hashes first 先存哈希，后传文件")
    one = commands.add_parser("upload", parents=[serving], help="hand in 提交")
    one.add_argument("--again", action="store_true", help="submit once more 再次提交")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    given = arguments(sys.argv[1:] if argv is None else argv)
    speaker = Speaker(given.lang)
    try:
        COMMANDS[given.command](given, speaker)
    except Refused as refused:
        speaker.say("×", refused.code, refused.values)
        return refused.exit_code
    except Stopped:
        return 1
    except OSError as error:
        values = {"name": error.filename, "error": error.strerror or type(error).__name__}
        speaker.say("×", "unreadable", values)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
