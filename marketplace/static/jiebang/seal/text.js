// Texts as Python takes them, so that the browser finds what the server would find.
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const BLANK = new RegExp(`[${SPACE}]`, "u");
const WORD = /[a-z0-9]/;
const SPACES = new RegExp(`[${SPACE}]+`, "gu");
const AROUND = new RegExp(`^[${SPACE}]+|[${SPACE}]+$`, "gu");
const BLANKS_AND_COMMAS = new RegExp(`[${SPACE},]`, "gu");
// Where folding is not lower case of upper case: ı stays, ẞ is ss, Cherokee folds upwards.
const FOLDS_ALONE = { "ı": "ı", "ẞ": "ss" };
const CHEROKEE = /[\u13a0-\u13fd\uab70-\uabbf]/u;

export const strip = (text) => text.replace(AROUND, "");
export const lengthOf = (text) => [...text].length;
export const nfkc = (text) => text.normalize("NFKC");

function foldedSign(sign) {
  if (CHEROKEE.test(sign)) return sign.toUpperCase();
  return FOLDS_ALONE[sign] ?? sign.toUpperCase().toLowerCase();
}

export const casefold = (text) => Array.from(text, foldedSign).join("");

// Half width, lower case, no blanks: how somebody would hide a name in plain sight.
export const folded = (text) => casefold(nfkc(text)).replace(SPACES, "");

// Figures and codes as typed on any keyboard: half width, no blanks, no thousands commas.
export const halfWidth = (text) => nfkc(String(text)).replace(BLANKS_AND_COMMAS, "");

// -- Names of the bidder (bidding/anonymity.py) ---------------------------------------------------
const LEGAL_FORMS = new RegExp(
  "(股份有限公司|有限责任公司|有限公司|集团"
  + `|,?[${SPACE}]*(co\\.?,?[${SPACE}]*ltd\\.?|inc\\.?|ltd\\.?|llc|corp\\.?))[${SPACE}]*$`,
  "iu",
);
const BRACKETED = /[（(][^）)]*[）)]/gu;
const ASCII = /^[\x00-\x7f]*$/; // eslint-disable-line no-control-regex

const core = (firm) => strip(strip(firm.replace(BRACKETED, "")).replace(LEGAL_FORMS, ""));

// Every name by which a reader could know the bidder. `own`: those of the organisation itself.
export function tellingNames(own, business) {
  const partners = rowsOf(business, "consortium");
  const firms = partners.map((row) => row.name).filter(isText);
  const people = ["legal_representative", "contact_name", "project_leader"].map((n) => business[n]);
  const codes = [business.contact_email, business.contact_phone, ...partners.map((row) => row.uscc)];
  const team = rowsOf(business, "team").map((row) => row.name);
  const found = [...own, ...firms, ...firms.map(core), ...codes, ...people, ...team];
  const texts = found.filter(isText).map(strip).filter((text) => lengthOf(folded(text)) > 1);
  return [...new Set(texts)];
}

// Those of the names that the text contains, the longest reading of each place first. Latin names
// must stand as words; Chinese ones may stand anywhere, blanks ignored.
export function namesFound(text, names) {
  const spaced = casefold(nfkc(text));
  const compact = folded(text);
  const found = [];
  for (const name of [...names].sort((one, other) => lengthOf(other) - lengthOf(one))) {
    if (!standsIn(name, spaced, compact)) continue;
    if (!found.some((longer) => folded(longer).includes(folded(name)))) found.push(name);
  }
  return found;
}

function standsIn(name, spaced, compact) {
  const needle = folded(name);
  if (!ASCII.test(needle)) return compact.includes(needle);
  const places = [];
  for (let at = 0; at < spaced.length; at += 1) if (!BLANK.test(spaced[at])) places.push(at);
  const inWord = (at) => WORD.test(spaced[at] ?? "");
  for (let at = compact.indexOf(needle); at >= 0; at = compact.indexOf(needle, at + 1)) {
    const [first, last] = [places[at], places[at + needle.length - 1]];
    if (!inWord(first - 1) && !inWord(last + 1)) return true;
  }
  return false;
}

// -- Shapes ---------------------------------------------------------------------------------------
export const isText = (value) => typeof value === "string";

export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export const rowsOf = (form, name) =>
  (Array.isArray(form?.[name]) ? form[name].filter(isObject) : []);

// -- Money: whole fen in a BigInt, never a float --------------------------------------------------
const MONEY = /^([0-9]{1,12})(?:\.([0-9]{1,2}))?$/;

// Fen, or null where it is no amount in yuan with at most two decimals.
export function fen(text) {
  const [, yuan, cents = ""] = String(text).match(MONEY) ?? [];
  return yuan === undefined ? null : BigInt(yuan) * 100n + BigInt(cents.padEnd(2, "0"));
}

export function yuan(amount, grouped = false) {
  const [whole, cents] = [String(amount / 100n), String(amount % 100n).padStart(2, "0")];
  return `${grouped ? whole.replace(/\B(?=(\d{3})+$)/g, ",") : whole}.${cents}`;
}
