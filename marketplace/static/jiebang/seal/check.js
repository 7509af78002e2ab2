// What a bid must be: bidding/forms_schema.py in the browser, by the same paths with the same
// sentences. Faults are a Map: path → list of {code, values}; `said` puts them into words.
import { Validator } from "../../vendor/json-schema/json-schema.js";
import {
  casefold, fen, halfWidth, isObject, isText, lengthOf, namesFound, nfkc, rowsOf, strip, tellingNames, yuan,
} from "./text.js";
import { usccFaults } from "./uscc.js";

export const ENVELOPES = ["business", "technical", "price"];
const RESERVED = ["manifest.json", "form.json"];
const FORBIDDEN_IN_NAMES = /[/\\:*?"<>|]/;
const CONSORTIUM_ROWS = 10;
// Parts whose names are the demand's own codes.
const ANSWERS = ["condition_statements", "commitments"];

class Found {
  faults = new Map();

  add(path, code, values = {}) {
    const told = this.faults.get(path) ?? [];
    const fault = { code, values };
    if (!told.some((one) => JSON.stringify(one) === JSON.stringify(fault))) told.push(fault);
    this.faults.set(path, told);
  }
}

// `sheet` is what the server tells of the demand; `forms` as `normalised` gives them; `files` maps
// an envelope to [{name, size}]. Every fault at once.
export function check(sheet, forms, files = {}) {
  const found = new Found();
  for (const envelope of ENVELOPES) {
    const names = (files[envelope] ?? []).map((file) => file.name);
    checkEnvelope(found, sheet, envelope, forms[envelope], names);
    checkFiles(found, sheet, envelope, files[envelope] ?? []);
  }
  checkAnonymity(found, sheet, forms, (files.technical ?? []).map((file) => file.name));
  return found.faults;
}

// A fault in the reader's words; `sentences` are the page's, from the server's own list.
export function said(sentences, { code, values }) {
  let pattern = sentences[code];
  if (Array.isArray(pattern)) pattern = pattern[values.limit === 1 ? 0 : 1];
  return pattern.replace(/%\((\w+)\)s|%%/g, (whole, name) => (whole === "%%" ? "%" : values[name]));
}

// -- Normalising ----------------------------------------------------------------------------------
function stripped(value) {
  if (isText(value)) return strip(value.replaceAll("\r\n", "\n"));
  if (Array.isArray(value)) return value.map(stripped);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, stripped(item)]));
}

function whole(value) {
  const text = halfWidth(value);
  return /^[0-9]{1,6}$/.test(text) ? Number(text) : value;
}

function amount(value) {
  const text = halfWidth(value);
  return fen(text) === null ? text : yuan(fen(text));
}

function apply(row, name, change) {
  if (isText(row?.[name]) || typeof row?.[name] === "number") row[name] = change(row[name]);
}

// A copy with texts stripped and figures in half width. Wrong shapes are left as they are.
export function normalised(forms) {
  const clean = stripped(forms);
  const { business, technical, price } = clean;
  for (const name of ["contact_phone", "contact_email"]) {
    if (isText(business?.[name])) business[name] = nfkc(business[name]);
  }
  for (const person of rowsOf(business, "team")) apply(person, "years", whole);
  for (const partner of rowsOf(business, "consortium")) {
    apply(partner, "uscc", halfWidth);
    apply(partner, "share_percent", halfWidth);
  }
  apply(business, "lead_share_percent", halfWidth);
  const promised = isObject(technical?.commitments) ? technical.commitments : {};
  for (const code of Object.keys(promised)) apply(promised, code, halfWidth);
  for (const step of rowsOf(technical, "plan")) apply(step, "month", whole);
  apply(price, "total_cny", amount);
  apply(price, "tax_rate_percent", halfWidth);
  for (const node of rowsOf(price, "nodes")) apply(node, "amount_cny", amount);
  if (isObject(price) && !("note" in price)) price.note = "";
  return clean;
}

// -- Shape ----------------------------------------------------------------------------------------
const unpointed = (text) => text.split("/").slice(1)
  .map((step) => decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~"));

// The schema that a keyword stands in, going through its references.
function schemaAt(root, location) {
  let at = root;
  for (const step of unpointed(location).slice(0, -1)) {
    at = step === "$ref" ? unpointed(at.$ref).reduce((part, name) => part[name], root) : at[step];
  }
  return at;
}

function checkEnvelope(found, sheet, envelope, form, fileNames) {
  if (!isObject(form)) return found.add(envelope, "envelope_missing");
  const schema = sheet.schema[envelope];
  // It marks what it is given, and is asked for every fault, not for the first.
  const { errors } = new Validator(structuredClone(schema), "2020-12", false).validate(form);
  let sound = true;
  for (const { keyword, instanceLocation, keywordLocation } of errors) {
    if (keyword === "false") continue; // told by the keyword that forbids
    const steps = unpointed(instanceLocation);
    const value = steps.reduce((part, step) => part?.[step], form);
    const fault = { keyword, value, steps, schema: schemaAt(schema, keywordLocation) };
    const answers = steps.length === 1 && ANSWERS.includes(steps[0]);
    for (const [further, code, values] of meant(fault)) {
      // A code that is missing or not asked for leaves the rest to be checked.
      if (!answers || !further.length) sound = false;
      found.add([envelope, ...steps, ...further].join("."), code, values);
    }
  }
  if (sound) CHECKS[envelope](found, form, sheet, fileNames);
}

// What a schema fault means for who fills the form: [further path, code, values]. Keywords that
// only carry the faults of what is inside mean nothing by themselves.
function meant({ keyword, value, steps, schema }) {
  const limit = schema[keyword];
  const empty = value === "" || value === null || value === undefined;
  switch (keyword) {
    case "required":
      return limit.filter((name) => !Object.hasOwn(value, name)).map((name) => [[name], "fill_in"]);
    case "additionalProperties":
      if (limit !== false) return [];
      return Object.keys(value).filter((name) => !Object.hasOwn(schema.properties ?? {}, name))
        .map((name) => [[name], "nothing_asked"]);
    case "minLength":
      return [[[], "fill_in"]];
    case "maxLength":
      return [[[], "too_long", { limit, length: lengthOf(value) }]];
    case "minItems":
      return [[[], "row_needed"]];
    case "maxItems":
      if (steps.join(".") !== "consortium") return [[[], "rows_most", { limit }]];
      // What the demand allows is told once the rest is right, as the server does.
      if (value.length <= CONSORTIUM_ROWS) return [];
      return [[[], "rows_most", { limit: CONSORTIUM_ROWS }]];
    case "maxProperties":
      return [[[], "rows_most", { limit }]];
    case "minimum": case "maximum": case "type":
      if (keyword === "type" && empty) return [[[], "fill_in"]];
      if (!("minimum" in schema && "maximum" in schema)) return [[[], "other_kind"]];
      return [[[], "whole_number", { least: schema.minimum, most: schema.maximum }]];
    case "const":
      return [[[], "agreement"]];
    case "pattern":
      return [[[], empty ? "fill_in" : patternFault(steps.at(-1) ?? "")]];
    default:
      return [];
  }
}

function patternFault(name) {
  if (name.endsWith("_cny")) return "amount";
  if (name === "tax_rate_percent") return "percentage";
  if (name.endsWith("share_percent")) return "share";
  if (name === "contact_phone") return "telephone";
  if (name === "contact_email") return "email";
  return /^[A-Z][0-9]{1,3}$/.test(name) ? "number" : "characters";
}

// -- Against the demand ---------------------------------------------------------------------------
function checkBusiness(found, form, sheet, fileNames) {
  const partners = sheet.schema.business.properties.consortium.maxItems;
  if (form.consortium.length > partners) {
    if (partners) found.add("business.consortium", "consortium_most", { most: partners + 1 });
    else found.add("business.consortium", "consortium_none");
  }
  const met = new Set([sheet.rules.uscc]);
  for (const [place, partner] of form.consortium.entries()) {
    const path = `business.consortium.${place}.uscc`;
    for (const fault of usccFaults(partner.uscc)) found.add(path, `uscc_${fault}`);
    if (met.has(partner.uscc)) found.add(path, "named_twice");
    met.add(partner.uscc);
  }
  if (!form.consortium.length) return;
  const shares = [form, ...form.consortium].map((one) => fen(one.lead_share_percent ?? one.share_percent));
  const whole = shares.reduce((sum, share) => sum + share, 0n);
  if (whole !== 10000n) found.add("business.lead_share_percent", "shares_sum", { sum: yuan(whole) });
  if (!fileNames.includes(form.consortium_agreement)) {
    found.add("business.consortium_agreement", "agreement_file");
  }
}

function checkPrice(found, form, sheet) {
  const [total, budget] = [fen(form.total_cny), fen(sheet.rules.budget_cny)];
  if (total <= 0n) found.add("price.total_cny", "price_zero");
  if (total > budget) found.add("price.total_cny", "above_budget", { budget: yuan(budget, true) });
  const sum = form.nodes.reduce((so_far, node) => so_far + fen(node.amount_cny), 0n);
  if (sum !== total) {
    found.add("price.nodes", "nodes_sum", { sum: yuan(sum, true), total: yuan(total, true) });
  }
}

const CHECKS = { business: checkBusiness, technical: () => {}, price: checkPrice };

// -- Files ----------------------------------------------------------------------------------------
function checkFiles(found, sheet, envelope, files) {
  if (files.length > sheet.limits.files) found.add(`files.${envelope}`, "files_most");
  const met = new Set();
  for (const [place, { name, size }] of files.entries()) {
    const path = `files.${envelope}.${place}`;
    if (!safeName(name, sheet.limits.file_name)) found.add(path, "file_name", { name });
    if (met.has(casefold(name))) found.add(path, "file_twice", { name });
    if (size === 0) found.add(path, "file_empty", { name });
    met.add(casefold(name));
  }
}

// A plain name: no path, no hidden file, no control or direction marks, nothing reserved.
export function safeName(name, most) {
  if (!name || lengthOf(name) > most || name !== strip(name) || name.startsWith(".")) return false;
  if (RESERVED.includes(casefold(name)) || FORBIDDEN_IN_NAMES.test(name)) return false;
  return !/\p{C}/u.test(name);
}

// -- Anonymity ------------------------------------------------------------------------------------
function checkAnonymity(found, sheet, forms, fileNames) {
  const names = tellingNames(sheet.names, isObject(forms.business) ? forms.business : {});
  const texts = fileNames.map((name, place) => [`files.technical.${place}`, name]);
  for (const [path, text] of [...leaves("technical", forms.technical), ...texts]) {
    for (const name of namesFound(text, names)) found.add(path, "names_bidder", { name });
  }
}

function* leaves(path, value) {
  if (isText(value)) yield [path, value];
  else if (Array.isArray(value)) {
    for (const [place, item] of value.entries()) yield* leaves(`${path}.${place}`, item);
  } else if (isObject(value)) {
    for (const [name, item] of Object.entries(value)) yield* leaves(`${path}.${name}`, item);
  }
}
