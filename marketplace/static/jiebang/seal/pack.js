// The package of one envelope, byte for byte as base/sealing.py packs it: an uncompressed tar whose
// manifest comes first, with a tail of zeros up to a Padmé size of at least 64 KiB.
import { sha256 } from "../../vendor/noble/hashes/sha2.js";

export const MANIFEST = "manifest.json";
export const FORM = "form.json";
const FORMAT = "jiebang-bid/1";
const SMALLEST = 64 * 1024;
const BLOCK = 512;
const RECORD = 20 * BLOCK;

const encoder = new TextEncoder();
export const hex = (raw) => Array.from(raw, (byte) => byte.toString(16).padStart(2, "0")).join("");

// RFC 8785 JSON of objects, lists, texts, whole numbers, true, false, null.
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const names = Object.keys(value).sort();
    return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
  }
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new TypeError("no whole number");
  if (typeof value === "string" && !value.isWellFormed()) throw new TypeError("no text");
  return JSON.stringify(value);
}

// The least Padmé size that holds so many bytes, at least 64 KiB; whole up to 2^53.
export function padme(size) {
  if (size <= SMALLEST) return SMALLEST;
  const exponent = size.toString(2).length - 1;
  const step = 2 ** (exponent - exponent.toString(2).length);
  return Math.ceil(size / step) * step;
}

// -- Tar (POSIX pax, as Python's tarfile writes it) -----------------------------------------------
const octal = (number, width) => `${number.toString(8).padStart(width - 1, "0")}\0`;

// `name` in ASCII: what else it holds is told by a pax record before it.
function header(name, { size, type, mode }) {
  const block = new Uint8Array(BLOCK);
  const put = (at, text) => block.set(encoder.encode(text), at);
  put(0, name.slice(0, 100));
  put(100, octal(mode, 8));
  put(108, octal(0, 8));
  put(116, octal(0, 8));
  put(124, octal(size, 12));
  put(136, octal(0, 12));
  put(148, "        ");
  put(156, type);
  put(257, "ustar\x0000");
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0`);
  return block;
}

// "27 path=…\n" begins with its own length in bytes.
function paxRecord(keyword, value) {
  const rest = encoder.encode(` ${keyword}=${value}\n`);
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return encoder.encode(`${length} ${keyword}=${value}\n`);
}

const tail = (size) => new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);

function* headers(name, size) {
  const plain = Array.from(name, (sign) => (sign < "\x80" ? sign : "?")).join("");
  if (plain !== name || name.length > 100) {
    const record = paxRecord("path", name);
    yield header("././@PaxHeader", { size: record.length, type: "x", mode: 0 });
    yield record;
    yield tail(record.length);
  }
  yield header(plain, { size, type: "0", mode: 0o600 });
}

// -- Packages -------------------------------------------------------------------------------------
export async function* bytesOf(blob) {
  const reader = blob.stream().getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    yield value;
  }
}

// [{name, blob}] with sha256 and size of each, its form first. `onRead(bytes)` as they are read.
export async function digested(form, files, onRead = () => {}) {
  const entries = [{ name: FORM, blob: new Blob([canonical(form)]) }, ...files];
  for (const entry of entries) {
    const hash = sha256.create();
    for await (const chunk of bytesOf(entry.blob)) {
      hash.update(chunk);
      onRead(chunk.length);
    }
    Object.assign(entry, { sha256: hex(hash.digest()), size: entry.blob.size });
  }
  return entries;
}

export function manifestOf(entries, { scenario, organisation, envelope, nonce }) {
  const named = entries.map(({ name, sha256: hash, size }) => [name, { sha256: hash, size }]);
  return {
    ...{ format: FORMAT, scenario, organisation, envelope },
    nonce: nonce || hex(crypto.getRandomValues(new Uint8Array(16))),
    files: Object.fromEntries(named),
  };
}

// How many bytes the package of these entries will have.
export function packedSize(manifest, entries) {
  const sizes = [[MANIFEST, canonicalSize(manifest)], ...entries.map((one) => [one.name, one.size])];
  const content = sizes.reduce((total, [name, size]) => {
    const heads = [...headers(name, size)].reduce((sum, part) => sum + part.length, 0);
    return total + heads + Math.ceil(size / BLOCK) * BLOCK;
  }, 0);
  return padme(Math.ceil((content + 2 * BLOCK) / RECORD) * RECORD);
}

const canonicalSize = (value) => encoder.encode(canonical(value)).length;

// The bytes of the package, piece by piece. Throws "changed" where a file is no longer what it was
// when its hash was taken.
export async function* packed(manifest, entries) {
  const manifestBlob = new Blob([canonical(manifest)]);
  let written = 0;
  const counted = (piece) => {
    written += piece.length;
    return piece;
  };
  for (const { name, blob, sha256: promised } of [{ name: MANIFEST, blob: manifestBlob }, ...entries]) {
    const hash = sha256.create();
    let read = 0;
    for (const piece of headers(name, blob.size)) yield counted(piece);
    for await (const chunk of bytesOf(blob)) {
      hash.update(chunk);
      read += chunk.length;
      yield counted(chunk);
    }
    if (read !== blob.size || (promised && hex(hash.digest()) !== promised)) throw new Error("changed");
    yield counted(tail(read));
  }
  const whole = packedSize(manifest, entries);
  for (let left = whole - written; left > 0; left -= SMALLEST) {
    yield new Uint8Array(Math.min(left, SMALLEST));
  }
}

// -- Reading a package back, for the try-run ------------------------------------------------------
// {name: sha256} of what a stream of package bytes holds, the manifest parsed beside it.
export async function unpacked(chunks) {
  const read = reader(chunks);
  const hashes = {};
  let manifest = null;
  let longName = null;
  for (;;) {
    const head = await read.exactly(BLOCK);
    if (head.every((byte) => byte === 0)) break;
    const [name, type] = [textOf(head, 0, 100), String.fromCharCode(head[156])];
    const size = parseInt(textOf(head, 124, 12), 8);
    if (type === "x") {
      const record = new TextDecoder().decode(await read.exactly(size));
      longName = record.match(/^\d+ path=([^]*)\n$/)[1];
    } else {
      const hash = sha256.create();
      const kept = [];
      await read.each(size, (piece) => {
        hash.update(piece);
        if (!manifest) kept.push(piece.slice());
      });
      if (manifest) hashes[longName ?? name] = hex(hash.digest());
      else manifest = JSON.parse(await new Blob(kept).text());
      longName = null;
    }
    await read.each(tail(size).length, () => {});
  }
  await read.rest();
  return { manifest, hashes };
}

const textOf = (block, at, length) =>
  new TextDecoder().decode(block.subarray(at, at + length)).replace(/\0[^]*$/, "");

function reader(chunks) {
  const source = chunks[Symbol.asyncIterator]();
  let piece = new Uint8Array();
  async function each(size, take) {
    for (let left = size; left > 0;) {
      if (!piece.length) {
        const { done, value } = await source.next();
        if (done) throw new Error("short");
        piece = value;
      }
      const part = piece.subarray(0, left);
      take(part);
      left -= part.length;
      piece = piece.subarray(part.length);
    }
  }
  async function exactly(size) {
    const whole = new Uint8Array(size);
    let at = 0;
    await each(size, (part) => {
      whole.set(part, at);
      at += part.length;
    });
    return whole;
  }
  async function rest() {
    while (!(await source.next()).done);
  }
  return { each, exactly, rest };
}
