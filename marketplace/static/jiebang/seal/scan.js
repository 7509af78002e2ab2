// What an attached file tells of its maker: who is named in its properties, and whether its own
// text or properties name the bidder. Looked at here, in the browser; only what is easily read is
// read, so a file in which nothing is found may still tell.
import { namesFound } from "./text.js";
import { deflated, inflatedRaw, zipEntries } from "./zip.js";

const TEXT_MOST = 16 * 1024 * 1024;
const PDF_STREAM_MOST = 4 * 1024 * 1024;
const PDF_TELLS = ["Author", "Creator", "Producer", "Company", "Manager", "LastModifiedBy"];
const XMP_TELLS = [
  "dc:creator", "dc:publisher", "pdf:Producer", "xmp:CreatorTool", "pdfx:Company", "xmpRights:Owner",
  "photoshop:AuthorsPosition", "photoshop:Credit",
];
const OFFICE_TELLS = [
  "dc:creator", "cp:lastModifiedBy", "Company", "Manager", "Application", "dc:publisher",
];
// EXIF tags that hold a person, a machine or a place.
const EXIF_TELLS = { 0x010f: "Make", 0x0110: "Model", 0x0131: "Software", 0x013b: "Artist",
  0x8298: "Copyright", 0x8825: "GPS", 0x9c9d: "Author", 0xa430: "Owner" };

const PIECE = 8192;
const utf8 = (bytes) => new TextDecoder("utf-8").decode(bytes);

// One sign for each byte. What browsers call latin1 is windows-1252 and maps 0x80 to 0x9f elsewhere.
function latin(bytes) {
  const pieces = [];
  for (let at = 0; at < bytes.length; at += PIECE) {
    pieces.push(String.fromCharCode(...bytes.subarray(at, at + PIECE)));
  }
  return pieces.join("");
}

// {properties: [[name, value]], names: [those of `names` that text, properties or name hold]}.
export async function scanned(file, names) {
  const head = new Uint8Array(await file.slice(0, 16).arrayBuffer());
  const kind = kindOf(head);
  let found;
  try {
    found = await (READERS[kind] ?? plainText)(file);
  } catch {
    // Broken or cut short: told as a file that was not read.
    return { properties: [], names: namesFound(file.name, names), read: false };
  }
  const { properties, texts } = found;
  const told = [...new Map(properties.filter(([, value]) => value.trim())
    .map((pair) => [pair.join("\n"), pair])).values()];
  const all = [file.name, ...told.map(([, value]) => value), ...texts].join("\n");
  return { properties: told, names: namesFound(all, names), read: kind !== "" || texts.length > 0 };
}

function kindOf(head) {
  const text = latin(head);
  if (text.startsWith("%PDF-")) return "pdf";
  if (text.startsWith("PK\x03\x04")) return "zip";
  if (text.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  return text.startsWith("\xff\xd8\xff") ? "jpeg" : "";
}

// -- Plain text -----------------------------------------------------------------------------------
async function plainText(file) {
  const bytes = new Uint8Array(await file.slice(0, TEXT_MOST).arrayBuffer());
  if (bytes.subarray(0, 4096).includes(0)) return { properties: [], texts: [] };
  const texts = [utf8(bytes)];
  if (texts[0].includes("\ufffd")) texts.push(new TextDecoder("gb18030").decode(bytes));
  return { properties: [], texts };
}

// -- OOXML and other zips -------------------------------------------------------------------------
async function zip(file) {
  const properties = [];
  const texts = [];
  let room = TEXT_MOST;
  for (const entry of await zipEntries(file)) {
    texts.push(entry.name);
    if (!/\.(xml|rels|txt|html?|csv|json|md)$/i.test(entry.name) || entry.size > room) continue;
    room -= entry.size;
    const text = utf8(await inflatedRaw(file, entry));
    if (/^docProps\/|^meta\.xml$/.test(entry.name)) properties.push(...elements(text, OFFICE_TELLS));
    texts.push(text.replace(/<[^>]*>/g, ""));
  }
  return { properties, texts };
}

function elements(text, names) {
  return names.flatMap((name) => {
    const pattern = new RegExp(`<${name}(?:\\s[^>]*)?>([^]*?)</${name}>`, "g");
    return [...text.matchAll(pattern)].map((one) => [name, unmarked(one[1])]);
  });
}

function unmarked(text) {
  const signs = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/<[^>]*>/g, " ").replace(/&(lt|gt|quot|apos|amp);/g, (_whole, n) => signs[n])
    .replace(/&#(x?)([0-9a-f]+);/gi, (whole, x, digits) => {
      const code = parseInt(digits, x ? 16 : 10);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    }).trim();
}

// -- PDF ------------------------------------------------------------------------------------------
// The bytes as they are and its deflated streams (object streams hold the properties of newer
// files, page contents hold text in simple encodings).
async function pdf(file) {
  const raw = latin(new Uint8Array(await file.slice(0, 4 * TEXT_MOST).arrayBuffer()));
  const parts = [raw];
  let room = TEXT_MOST;
  for (const match of raw.matchAll(/FlateDecode[^]{0,400}?stream\r?\n/g)) {
    const at = match.index + match[0].length;
    const end = raw.indexOf("endstream", at);
    if (end < 0 || end - at > PDF_STREAM_MOST || room <= 0) continue;
    const text = latin(await deflated(Uint8Array.from(raw.slice(at, end), (s) => s.charCodeAt(0))));
    room -= text.length;
    parts.push(text);
  }
  const properties = parts.flatMap((part) => [...pdfProperties(part), ...xmpProperties(part)]);
  return { properties, texts: parts.flatMap((part) => [part, pdfWords(part)]) };
}

function pdfProperties(part) {
  const names = PDF_TELLS.join("|");
  const found = [];
  const literal = new RegExp(`/(${names})\\s*\\(((?:\\\\[^]|[^\\\\)])*)\\)`, "g");
  for (const [, name, value] of part.matchAll(literal)) found.push([name, pdfText(unescaped(value))]);
  const coded = new RegExp(`/(${names})\\s*<([0-9A-Fa-f\\s]*)>`, "g");
  for (const [, name, value] of part.matchAll(coded)) {
    const pairs = value.replace(/\s/g, "").match(/../g) ?? [];
    found.push([name, pdfText(pairs.map((pair) => String.fromCharCode(parseInt(pair, 16))).join(""))]);
  }
  return found;
}

function unescaped(text) {
  const signs = { n: "\n", r: "\r", t: "\t", b: "\b", f: "\f" };
  return text.replace(/\\([0-7]{1,3}|[^])/g, (_whole, mark) =>
    (/[0-7]/.test(mark) ? String.fromCharCode(parseInt(mark, 8) & 255) : signs[mark] ?? mark));
}

function pdfText(text) {
  const bytes = Uint8Array.from(text, (sign) => sign.charCodeAt(0));
  if (text.startsWith("\xfe\xff")) return new TextDecoder("utf-16be").decode(bytes.subarray(2));
  return text.startsWith("\xef\xbb\xbf") ? utf8(bytes) : text;
}

// What stands in brackets of a page's contents, joined: words are often cut between letters.
const pdfWords = (part) =>
  [...part.matchAll(/\(((?:\\[^]|[^\\()])*)\)/g)].map((one) => pdfText(unescaped(one[1]))).join("");

function xmpProperties(part) {
  if (!part.includes("<x:xmpmeta") && !part.includes("<rdf:RDF")) return [];
  const text = utf8(Uint8Array.from(part, (sign) => sign.charCodeAt(0)));
  const marks = XMP_TELLS.flatMap((name) =>
    [...text.matchAll(new RegExp(`${name}="([^"]*)"`, "g"))].map((one) => [name, unmarked(one[1])]));
  return [...elements(text, XMP_TELLS), ...marks];
}

// -- Pictures -------------------------------------------------------------------------------------
async function png(file) {
  const bytes = new Uint8Array(await file.slice(0, 4 * TEXT_MOST).arrayBuffer());
  const view = new DataView(bytes.buffer);
  const properties = [];
  for (let at = 8; at + 12 <= bytes.length;) {
    const [size, kind] = [view.getUint32(at), latin(bytes.subarray(at + 4, at + 8))];
    const body = bytes.subarray(at + 8, at + 8 + size);
    if (kind === "tEXt") properties.push(latin(body).split("\0", 2));
    if (kind === "iTXt" || kind === "zTXt") properties.push(await pngText(kind, body));
    if (kind === "eXIf") properties.push(...exif(body));
    at += 12 + size;
  }
  return { properties: properties.map(([name, value = ""]) => [name, value]), texts: [] };
}

async function pngText(kind, body) {
  const at = body.indexOf(0);
  const name = latin(body.subarray(0, at));
  if (kind === "zTXt") return [name, latin(await deflated(body.subarray(at + 2)))];
  let start = at + 3;
  for (let zeros = 0; zeros < 2 && start < body.length; start += 1) zeros += body[start] === 0;
  const rest = body.subarray(start);
  return [name, utf8(body[at + 1] ? await deflated(rest) : rest)];
}

async function jpeg(file) {
  const bytes = new Uint8Array(await file.slice(0, TEXT_MOST).arrayBuffer());
  const view = new DataView(bytes.buffer);
  const properties = [];
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0xda;) {
    const size = view.getUint16(at + 2);
    const body = bytes.subarray(at + 4, at + 2 + size);
    if (bytes[at + 1] === 0xfe) properties.push(["Comment", utf8(body)]);
    if (bytes[at + 1] === 0xe1) {
      if (latin(body.subarray(0, 6)) === "Exif\0\0") properties.push(...exif(body.subarray(6)));
      else properties.push(...xmpProperties(latin(body)));
    }
    at += 2 + Math.max(size, 2);
  }
  return { properties, texts: [] };
}

function exif(body) {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const little = latin(body.subarray(0, 2)) === "II";
  const found = [];
  const seen = new Set();
  const folders = [view.getUint32(4, little)];
  for (const start of folders) {
    if (seen.has(start) || start + 2 > body.length) continue;
    seen.add(start);
    const many = view.getUint16(start, little);
    for (let at = start + 2; at < start + 2 + many * 12 && at + 12 <= body.length; at += 12) {
      const tag = view.getUint16(at, little);
      const size = view.getUint32(at + 4, little);
      const value = view.getUint32(at + 8, little);
      if (tag === 0x8769) folders.push(value);
      const name = EXIF_TELLS[tag];
      if (!name) continue;
      const from = size > 4 ? value : at + 8;
      const bytes = body.subarray(from, from + size);
      const text = tag === 0x9c9d ? new TextDecoder("utf-16le").decode(bytes) : utf8(bytes);
      found.push([name, name === "GPS" ? "GPS" : text.replaceAll("\0", "")]);
    }
  }
  return found;
}

const READERS = { pdf, zip, png, jpeg };
