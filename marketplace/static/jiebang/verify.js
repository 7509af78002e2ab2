// The checks of marketplace/ledger/verify.py for one receipt, in the browser: the same questions in
// the same order with the same codes. What they say is the page's, from the same list of sentences.
// Nothing here asks a server. Names follow the Python file, which is the one to read first.
import { hashes, verify as signedBy } from "../vendor/noble/ed25519.js";
import { hmac } from "../vendor/noble/hashes/hmac.js";
import { sha256, sha512 } from "../vendor/noble/hashes/sha2.js";

hashes.sha512 = sha512;

const CHECKS = [
  "format", "key", "signature", "reading", "event", "inclusion", "checkpoint", "witness",
];
const SIGNED_AT = ["received_at", "committed_at", "finished_at", "certified_at"];
const HASH = 32;
const LARGEST_SIZE = 2n ** 63n - 1n;
const SIGNATURES_IN_A_NOTE = 100;
const LOG_SIGNATURE = 0x01;
const COSIGNATURE = 0x04;

class NotValid extends Error {
  constructor(code, check = "", values = {}) {
    super(code);
    Object.assign(this, { code, check: check || code.split(".")[0], values });
  }
}

class CannotCheck extends NotValid {}

// -- Bytes and texts ------------------------------------------------------------------------------
const encoder = new TextEncoder();
const utf8 = (text) => encoder.encode(text);
const hex = (raw) => Array.from(raw, (byte) => byte.toString(16).padStart(2, "0")).join("");
const same = (one, other) => one.length === other.length && one.every((b, i) => b === other[i]);

function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function unbase64(text) {
  if (typeof text !== "string" || btoa(atob(text)) !== text) throw new TypeError("not base64");
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

const base64Of = (raw) => btoa(String.fromCharCode(...raw));

function unhex(text) {
  if (!/^(?:[0-9a-f]{2})*$/i.test(text)) throw new TypeError("not hex");
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

// A number that is written with a point or an exponent: other than a whole one, as in Python.
class Float {
  constructor(text) {
    this.number = Number(text);
  }
}

// JSON with 1 and 1.0 told apart, and whole numbers of any size.
const TOKEN = /"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/g;
const PLAIN = /^"|^-?(?:0|[1-9][0-9]{0,14})$/;
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
const MARK = "\u0000number";

function parse(text) {
  const kept = text.replace(TOKEN, (found) =>
    PLAIN.test(found) || !NUMBER.test(found) ? found : JSON.stringify({ [MARK]: found }));
  return JSON.parse(kept, (_name, value) => {
    const found = isObject(value) ? value[MARK] : undefined;
    if (typeof found !== "string") return value;
    return /[.eE]/.test(found) ? new Float(found) : whole(BigInt(found));
  });
}

const whole = (big) => (Number.isSafeInteger(Number(big)) ? Number(big) : big);
const parseBytes = (raw) => parse(new TextDecoder("utf-8", { fatal: true }).decode(raw));

function isObject(value) {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function object(value) {
  if (!isObject(value)) throw new TypeError("no object");
  return value;
}

// What Python goes through item by item: of a text its letters, of an object its names.
function list(value) {
  if (isObject(value)) return Object.keys(value);
  if (typeof value !== "string" && !Array.isArray(value)) throw new TypeError("no list");
  return [...value];
}

// As Python takes it: what is empty is not there.
function there(value) {
  if (value instanceof Float) return value.number !== 0;
  return isObject(value) ? Object.keys(value).length > 0 : Boolean(value?.length ?? value);
}

function need(value, name) {
  if (!Object.hasOwn(object(value), name)) throw new TypeError(`no ${name}`);
  return value[name];
}

// RFC 8785 JSON of objects, lists, texts, whole numbers, true, false, null. `loose`: for comparing.
function written(value, loose = false) {
  if (Array.isArray(value)) return `[${value.map((item) => written(item, loose)).join(",")}]`;
  if (isObject(value)) {
    const names = Object.keys(value).sort();
    return `{${names.map((n) => `${written(n, loose)}:${written(value[n], loose)}`).join(",")}}`;
  }
  if (value instanceof Float || typeof value === "bigint") {
    if (!loose) throw new TypeError("only whole numbers below 2^53");
    return value instanceof Float ? `float ${value.number}` : String(value);
  }
  if (!loose && typeof value === "string" && /\p{Surrogate}/u.test(value)) throw new TypeError("no text");
  return JSON.stringify(value) ?? "null";
}

const alike = (one, other) => written(one, true) === written(other, true);

// -- The tree (RFC 9162 §2.1) ---------------------------------------------------------------------
const leafHash = (data) => sha256(joined(Uint8Array.of(0), data));
const nodeHash = (left, right) => sha256(joined(Uint8Array.of(1), left, right));

function siblings(node, last) {
  const sides = [];
  for (; last; node >>= 1n, last >>= 1n) if (node & 1n || node < last) sides.push(Boolean(node & 1n));
  return sides;
}

function inclusionRoot(leaf, index, size, hashList) {
  const isWhole = Number.isSafeInteger(index) || typeof index === "bigint";
  if (!isWhole || index < 0 || BigInt(index) >= size) {
    throw new NotValid("proof.index", "inclusion", { index, size });
  }
  const sides = siblings(BigInt(index), size - 1n);
  if (hashList.length !== sides.length) {
    const values = { wanted: sides.length, found: hashList.length };
    throw new NotValid("proof.length", "inclusion", values);
  }
  if (hashList.some((item) => item.length !== HASH)) throw new NotValid("proof.hash", "inclusion");
  return sides.reduce(
    (root, left, at) => (left ? nodeHash(hashList[at], root) : nodeHash(root, hashList[at])), leaf,
  );
}

// -- Signed notes, checkpoints, cosignatures ------------------------------------------------------
function named(name, publicKey, kind = LOG_SIGNATURE) {
  if (!name || /[+\s]/.test(name) || publicKey.length !== HASH) {
    throw new NotValid("vkey", "", { vkey: name });
  }
  const id = sha256(joined(utf8(`${name}\n`), Uint8Array.of(kind), publicKey)).slice(0, 4);
  const text = `${name}+${hex(id)}+${base64Of(joined(Uint8Array.of(kind), publicKey))}`;
  return { name, id: hex(id), kind, publicKey, text };
}

function parseVkey(text) {
  const [, name, , encoded] = String(text).match(/^([^+]*)\+([^+]*)\+([^]*)$/) ?? [];
  let raw;
  try {
    raw = unbase64(encoded);
  } catch {
    throw new NotValid("vkey", "", { vkey: text });
  }
  if (raw.length && ![LOG_SIGNATURE, COSIGNATURE].includes(raw[0])) {
    throw new CannotCheck("algorithm", "", { name: `0x${hex(raw.slice(0, 1))} (${name})` });
  }
  const key = named(name, raw.slice(1), raw[0] ?? 0);
  if (key.text !== text) throw new NotValid("vkey", "", { vkey: text });
  return key;
}

function parseNote(note) {
  const malformed = () => new NotValid("checkpoint.format");
  const at = note.lastIndexOf("\n\n");
  const lines = note.slice(at + 2);
  // eslint-disable-next-line no-control-regex
  if (at < 0 || !lines.endsWith("\n") || /[\x00-\x09\x0b-\x1f]/.test(note)) throw malformed();
  const signatures = lines.slice(0, -1).split("\n").slice(0, SIGNATURES_IN_A_NOTE).map((line) => {
    const found = line.match(/^— ([^\s+]+) (\S+)$/u);
    let raw = new Uint8Array();
    try {
      raw = unbase64(found[2]);
    } catch { /* too short below */ }
    if (raw.length < 5) throw malformed();
    return { name: found[1], id: hex(raw.slice(0, 4)), raw: raw.slice(4) };
  });
  return { text: `${note.slice(0, at)}\n`, signatures };
}

function parseCheckpoint(text) {
  const lines = text.split("\n");
  const [origin, size, encoded] = lines;
  let root = new Uint8Array();
  try {
    root = unbase64(encoded);
  } catch { /* too short below */ }
  const good = /^(?:0|[1-9][0-9]{0,18})$/.test(size ?? "") && BigInt(size) <= LARGEST_SIZE;
  const rest = lines.slice(3, -1);
  if (!origin || !good || root.length !== HASH || rest.includes("") || lines.at(-1) !== "") {
    throw new NotValid("checkpoint.format");
  }
  return { origin, size: BigInt(size), root };
}

function fits(signature, signed, publicKey) {
  return signature.length === 64 && signedBy(signature, signed, publicKey, { zip215: false });
}

function verifyLine(line, key, text) {
  let [signed, raw] = [utf8(text), line.raw];
  if (key.kind === COSIGNATURE) {
    const at = raw.slice(0, 8).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    raw = at <= LARGEST_SIZE ? raw.slice(8) : new Uint8Array();
    signed = utf8(`cosignature/v1\ntime ${at}\n${text}`);
  }
  if (!fits(raw, signed, key.publicKey)) {
    const code = key.kind === LOG_SIGNATURE ? "checkpoint" : "witness";
    throw new NotValid(code, "", { name: key.name });
  }
  return { ...line, kind: key.kind };
}

function openCheckpoint(note, known) {
  const { text, signatures } = parseNote(note);
  const checkpoint = parseCheckpoint(text);
  const verified = [];
  for (const line of signatures) {
    const key = known.find((one) => one.name === line.name && one.id === line.id);
    if (key) verified.push(verifyLine(line, key, text));
  }
  const { origin } = checkpoint;
  if (!verified.some((line) => line.kind === LOG_SIGNATURE && line.name === origin)) {
    throw new NotValid("checkpoint.unsigned");
  }
  return { ...checkpoint, signatures: verified };
}

// A readable leaf with its proof {leaf, index, checkpoint, hashes}, under a checkpoint that the log's
// verifier key signed: {leaf: what it says, size}. Raises NotValid, or TypeError for other shapes.
export function leafInLog({ leaf, index, checkpoint, hashes }, vkey) {
  const { size, root } = openCheckpoint(checkpoint, [parseVkey(vkey)]);
  const data = unbase64(leaf);
  const found = inclusionRoot(leafHash(data), index, size, list(hashes).map(unbase64));
  if (!same(found, root)) throw new NotValid("inclusion");
  return { leaf: object(parseBytes(data)), size };
}

// -- Leaves and receipts --------------------------------------------------------------------------
const keyId = (publicKey) => hex(sha256(publicKey)).slice(0, 16);
const commitment = (body, salt) => sha256(joined(utf8("jiebang-leaf/1\n"), salt, body));
const inputOf = (statement, salt) =>
  hex(hmac(sha256, salt, utf8(hex(sha256(utf8(written(statement)))))));

function leafCommitment(data) {
  return data.length === HASH ? data : unhex(need(parseBytes(data), "commitment"));
}

function instant(text) {
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new TypeError("no time");
  return at;
}

// The text of keys.json. Raises an error when it is not one.
export function publishedKeys(text) {
  const document = parse(text);
  const keys = { receipts: new Map(), unknown: new Map(), log: [], witnesses: [] };
  keys.origins = [need(document, "origin")];
  keys.mergeDelay = Number(need(document, "merge_delay_seconds"));
  for (const entry of list(need(document, "keys"))) {
    const [id, algorithm] = [need(entry, "key_id"), need(entry, "algorithm")];
    if (algorithm !== "Ed25519") keys.unknown.set(id, algorithm);
    else if (entry.use === "checkpoint") keys.log.push(parseVkey(need(entry, "vkey")));
    else if (entry.use === "receipt") {
      const publicKey = unbase64(need(entry, "public_key"));
      keys.receipts.set(keyId(publicKey), { publicKey, until: entry.until });
    }
  }
  for (const former of list(document.former ?? [])) {
    keys.origins.push(need(former, "origin"));
    keys.log.push(...list(need(former, "vkeys")).map(parseVkey));
  }
  for (const one of document.witnesses ?? []) {
    try {
      keys.witnesses.push(parseVkey(one));
    } catch (error) {
      if (!(error instanceof CannotCheck)) throw error;
    }
  }
  return keys;
}

function openNote(keys, note) {
  const { origin } = parseCheckpoint(parseNote(note).text);
  if (!keys.origins.includes(origin)) {
    throw new NotValid("inclusion.origin", "", { origin });
  }
  try {
    return openCheckpoint(note, [...keys.log, ...keys.witnesses]);
  } catch (error) {
    if (error.code === "checkpoint.unsigned" && keys.unknown.size) {
      const name = [...new Set(keys.unknown.values())].sort().join(", ");
      throw new CannotCheck("algorithm", "checkpoint", { name });
    }
    throw error;
  }
}

const held = (check, values = {}) => ({ check, state: "held", code: `${check}.held`, values });
const told = (check, state, code, values = {}) => ({ check, state, code, values });

class Receipt {
  constructor(document, keys) {
    Object.assign(this, { document, keys, opened: null });
  }

  format() {
    const document = object(this.document);
    const algorithm = document.algorithm ?? "Ed25519";
    if (document.algorithm === null || algorithm !== "Ed25519") {
      throw new CannotCheck("algorithm", "format", { name: document.algorithm });
    }
    this.said = unbase64(document.signed_text);
    this.signatureBytes = unbase64(document.signature);
    this.signed = object(parseBytes(this.said));
    this.log = this.signed.log;
    const { type: _type, log: _log, ...statement } = this.signed;
    this.statement = statement;
    this.eventBody = this.salt = new Uint8Array();
    this.recorded = {};
    if (!this.keys) this.publicKey = unbase64(document.public_key);
    if (this.publicKey && this.publicKey.length !== HASH) throw new TypeError("no key");
    if (there(document.event)) {
      this.eventBody = unbase64(need(document.event, "body"));
      this.salt = unbase64(need(document.event, "salt"));
      this.recorded = object(parseBytes(this.eventBody));
    }
    if (there(this.log)) this.leaf = unhex(need(this.log, "leaf"));
    const proof = document.inclusion;
    this.proved = there(proof);
    if (this.proved) {
      this.proof = list(need(proof, "hashes")).map(unbase64);
      this.note = String(need(proof, "checkpoint"));
      [this.index, this.size] = [need(proof, "index"), need(proof, "size")];
      this.readable = there(proof.leaf) ? unbase64(proof.leaf) : new Uint8Array();
    }
    return held("format");
  }

  key() {
    const name = this.document.key_id;
    if (typeof name === "object" && name !== null && !(name instanceof Float)) throw new TypeError("no id");
    if (!this.keys) {
      if (keyId(this.publicKey) !== name) throw new NotValid("key");
      return told("key", "unchecked", "key.unchecked");
    }
    if (this.keys.unknown.has(name)) {
      throw new CannotCheck("algorithm", "key", { name: this.keys.unknown.get(name) });
    }
    if (!this.keys.receipts.has(name)) throw new NotValid("key");
    const { publicKey, until } = this.keys.receipts.get(name);
    this.publicKey = publicKey;
    const stated = this.statedAt();
    if (there(until) && there(stated) && instant(stated) >= instant(until) + this.keys.mergeDelay * 1000) {
      throw new NotValid("key.retired", "", { until });
    }
    return held("key");
  }

  // When it was made, by its own word: its first time of SIGNED_AT, or the event's.
  statedAt() {
    return SIGNED_AT.map((name) => this.statement[name]).find(there) ?? this.recorded.at;
  }

  signature() {
    if (!fits(this.signatureBytes, this.said, this.publicKey)) throw new NotValid("signature");
    return held("signature");
  }

  reading() {
    if (!alike(this.signed, this.document.receipt ?? null)) throw new NotValid("reading");
    return held("reading");
  }

  event() {
    if (!there(this.log) || !this.eventBody.length) return told("event", "absent", "event.absent");
    if (this.salt.length !== HASH || !same(commitment(this.eventBody, this.salt), this.leaf)) {
      throw new NotValid("event.leaf");
    }
    if (this.recorded.input !== inputOf(this.statement, this.salt)) throw new NotValid("event.input");
    return held("event");
  }

  inclusion() {
    if (!there(this.log)) return told("inclusion", "absent", "inclusion.old");
    if (!this.proved) {
      const delay = need(this.log, "merge_delay_seconds");
      return told("inclusion", "absent", "inclusion.absent", { delay });
    }
    const { origin, size, root } = parseCheckpoint(parseNote(this.note).text);
    if (origin !== need(this.log, "origin")) throw new NotValid("inclusion.origin", "", { origin });
    const said = this.size instanceof Float ? this.size.number : this.size;
    if (!["number", "bigint"].includes(typeof said) || !(said == size)) throw new NotValid("inclusion");
    const data = this.readable.length ? this.readable : this.leaf;
    if (this.readable.length && !same(leafCommitment(this.readable), this.leaf)) {
      throw new NotValid("inclusion.leaf");
    }
    if (this.readable.length && this.eventBody.length) {
      const shown = object(parseBytes(this.readable));
      for (const name of Object.keys(shown)) {
        const both = Object.hasOwn(this.recorded, name);
        if (both && !alike(shown[name], this.recorded[name])) throw new NotValid("inclusion.readable");
      }
    }
    if (!same(inclusionRoot(leafHash(data), this.index, size, this.proof), root)) {
      throw new NotValid("inclusion");
    }
    return held("inclusion", { index: this.index, size });
  }

  checkpoint() {
    if (!there(this.log) || !this.proved) return told("checkpoint", "absent", "checkpoint.absent");
    if (!this.keys) return told("checkpoint", "unchecked", "checkpoint.unchecked");
    this.opened = openNote(this.keys, this.note);
    return held("checkpoint", { origin: this.opened.origin, size: this.opened.size });
  }

  witness() {
    const lines = this.opened?.signatures.filter((line) => line.kind === COSIGNATURE) ?? [];
    const names = [...new Set(lines.map((line) => line.name))].sort();
    if (!names.length) return told("witness", "absent", "witness.absent");
    return held("witness", { names: names.join(", ") });
  }
}

// A finding {check, state, code, values} for each check, in order, and the verdict: holds, inside
// (for the key inside it only), fails or unknown. `signed`: what was signed, if nothing failed.
export function examine(text, keys) {
  let document;
  try {
    document = parse(text);
  } catch {
    return { findings: [told("format", "failed", "format")], verdict: "fails", signed: null };
  }
  const receipt = new Receipt(document, keys);
  const findings = [];
  for (const check of CHECKS) {
    try {
      findings.push(receipt[check]());
    } catch (error) {
      if (error instanceof CannotCheck) {
        const finding = told(error.check, "unknown", error.code, error.values);
        return { findings: [finding], verdict: "unknown", signed: null };
      }
      const valid = error instanceof NotValid;
      findings.push(told(check, "failed", valid ? error.code : "format", valid ? error.values : {}));
      return { findings, verdict: "fails", signed: null };
    }
  }
  const inside = findings.some((one) => one.check === "key" && one.state === "unchecked");
  return { findings, verdict: inside ? "inside" : "holds", signed: receipt.signed };
}

// A value as the sentences of verify.py write it.
export function spelled(value, inside = false) {
  const within = (item) => spelled(item, true);
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (value instanceof Float) {
    return Number.isInteger(value.number) ? value.number.toFixed(1) : String(value.number);
  }
  if (Array.isArray(value)) return `[${value.map(within).join(", ")}]`;
  if (isObject(value)) {
    return `{${Object.entries(value).map((pair) => pair.map(within).join(": ")).join(", ")}}`;
  }
  return inside && typeof value === "string" ? `'${value}'` : String(value);
}
