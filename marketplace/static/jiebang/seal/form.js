// The form of a bid: what stands in it, in the shape that is sealed, and faults beside its fields.
import { said } from "./check.js";
import { isText } from "./text.js";

// Rows of the formsets and the fields of each; the rest of the form is named as the sealed form.
const PARTS = {
  team: ["name", "role", "years"],
  consortium: ["name", "uscc", "work", "share_percent"],
  challenges: ["who", "reason"],
  plan: ["month", "result"],
};
// Asked of a consortium alone: left out of the form of who bids alone, unless something is typed.
const TOGETHER = ["lead_work", "lead_share_percent", "consortium_agreement"];

const pick = (given, ...names) => Object.fromEntries(names.map((name) => [name, given.get(name) ?? ""]));

// The shown rows in which something stands, with the number that each has on the page.
function rowsIn(form, given, part) {
  const total = Number(form.elements[`${part}-TOTAL_FORMS`]?.value ?? 0);
  const rows = [];
  for (let place = 0; place < total; place += 1) {
    const row = pick(given, ...PARTS[part].map((name) => `${part}-${place}-${name}`));
    const values = Object.values(row);
    if (form.elements[`${part}-${place}-DELETE`]?.checked || !values.some((text) => text.trim())) continue;
    const named = PARTS[part].map((name, at) => [name, values[at]]);
    rows.push({ place, row: Object.fromEntries(named) });
  }
  return rows;
}

function coded(given, prefix) {
  const names = [...given.keys()].filter((name) => name.startsWith(prefix));
  return Object.fromEntries(names.map((name) => [name.slice(prefix.length), given.get(name)]));
}

function together(given, several) {
  const texts = Object.entries(pick(given, ...TOGETHER)).filter(([, text]) => several || text.trim());
  const liable = given.has("joint_liability");
  return { ...Object.fromEntries(texts), ...((several || liable) && { joint_liability: liable }) };
}

// {forms, files, places}: `places` maps a row of the sealed form to that of the page.
export function typed(form, nodeNames) {
  const given = new FormData(form);
  const rows = Object.fromEntries(Object.keys(PARTS).map((part) => [part, rowsIn(form, given, part)]));
  const values = (part) => rows[part].map(({ row }) => row);
  const forms = {
    business: {
      ...pick(given, "legal_representative", "contact_name", "contact_phone", "contact_email"),
      ...pick(given, "project_leader", "related_parties"),
      team: values("team"),
      consortium: values("consortium"),
      condition_statements: coded(given, "statement_"),
      accepts_terms: given.has("accepts_terms"),
      ...together(given, rows.consortium.length > 0),
      ...(rows.challenges.length && { challenges: values("challenges") }),
    },
    technical: {
      ...pick(given, "approach", "risks", "resources"),
      commitments: coded(given, "commitment_"),
      plan: values("plan"),
    },
    price: {
      ...pick(given, "total_cny", "tax_rate_percent", "note"),
      nodes: nodeNames.map((name, place) => ({ name, amount_cny: given.get(`node_${place}`) ?? "" })),
    },
  };
  const chosen = (envelope) => [...(form.elements[`files_${envelope}`]?.files ?? [])];
  const files = { business: chosen("business"), technical: chosen("technical"), price: chosen("price") };
  const places = Object.fromEntries(
    Object.keys(PARTS).map((part) => [part, rows[part].map(({ place }) => place)]),
  );
  return { forms, files, places };
}

// -- Faults ---------------------------------------------------------------------------------------
const PATHS = [
  [/^business\.condition_statements\.(\w+)$/, (code) => `statement_${code}`],
  [/^technical\.commitments\.(\w+)$/, (code) => `commitment_${code}`],
  [/^price\.nodes\.(\d+)(?:\.\w+)?$/, (place) => `node_${place}`],
  [/^price\.nodes$/, () => "total_cny"],
  [/^files\.(\w+?)(?:\.\d+)?$/, (envelope) => `files_${envelope}`],
  [/^(?:business|technical|price)\.(\w+)$/, (name) => name],
];
const ROW = /^(?:business|technical)\.(team|consortium|challenges|plan)\.(\d+)(?:\.(\w+))?$/;

// The name of the control in which a path of the sealed form is typed.
export function placeOf(path, places) {
  const [, part, number, name] = path.match(ROW) ?? [];
  if (part) return `${part}-${places[part][number] ?? number}-${name ?? PARTS[part][0]}`;
  for (const [pattern, place] of PATHS) {
    const found = path.match(pattern);
    if (found) return place(...found.slice(1));
  }
  return path;
}

export class Faults {
  constructor(form, summary, sentences) {
    Object.assign(this, { form, summary, sentences });
  }

  clear() {
    for (const list of this.form.querySelectorAll("[data-seal-fault]")) list.remove();
    for (const field of this.form.querySelectorAll(".jb-field-wrong")) field.classList.remove("jb-field-wrong");
    for (const control of this.form.querySelectorAll("[aria-invalid]")) {
      control.removeAttribute("aria-invalid");
      const described = (control.getAttribute("aria-describedby") ?? "").split(" ");
      const kept = described.filter((id) => id && !id.endsWith("_error")).join(" ");
      if (kept) control.setAttribute("aria-describedby", kept);
      else control.removeAttribute("aria-describedby");
    }
    this.summary.hidden = true;
  }

  // All at once: in the order of the page, each beside its field and in the summary with a link.
  show(faults, places) {
    this.clear();
    const told = [...faults].flatMap(([path, list]) => list.map((fault) => {
      const text = isText(fault) ? fault : said(this.sentences, fault);
      return { target: this.#target(placeOf(path, places)), text };
    }));
    const order = [...this.form.querySelectorAll("input, textarea, [data-formset]")];
    const nth = ({ target }) => (target ? order.indexOf(target) : -1);
    told.sort((one, other) => nth(one) - nth(other));
    for (const one of told) this.#beside(one);
    const lines = this.summary.querySelector("ul");
    lines.replaceChildren(...told.map((one) => this.#line(one)));
    const title = this.summary.querySelector("[data-seal-many]");
    const { one, many } = title.dataset;
    title.textContent = told.length === 1 ? one : many.replace("%(n)s", told.length);
    this.summary.hidden = false;
    this.summary.focus();
  }

  #target(name) {
    return this.form.elements[name] ?? this.form.querySelector(`[data-formset="${CSS.escape(name)}"]`);
  }

  #label(target) {
    if (target.dataset.formset) return target.dataset.label ?? "";
    const label = target.labels?.[0]?.cloneNode(true);
    label?.querySelector(".jb-optional")?.remove();
    const row = target.closest("[data-formset-row]");
    const rows = row ? [...row.parentElement.children].filter((one) => !one.hidden) : [];
    const number = row ? `${rows.indexOf(row) + 1} · ` : "";
    return number + (label?.textContent.trim().replace(/[.。]$/, "") ?? "");
  }

  #line({ target, text }) {
    const item = document.createElement("li");
    if (!target) {
      item.textContent = text;
      return item;
    }
    const link = document.createElement("a");
    link.href = `#${target.id}`;
    link.textContent = [this.#label(target), text].filter(Boolean).join(this.summary.dataset.colon);
    link.addEventListener("click", (event) => {
      event.preventDefault();
      (target.dataset.formset ? target.querySelector("button:not([hidden])") : target)?.focus();
      target.scrollIntoView({ block: "center" });
    });
    item.append(link);
    return item;
  }

  #beside({ target, text }) {
    if (!target) return;
    const field = target.closest(".jb-field") ?? target;
    const id = `${target.id}_error`;
    let list = document.getElementById(id);
    if (!list) {
      list = document.createElement("ul");
      Object.assign(list, { id, className: "jb-field-errors" });
      list.dataset.sealFault = "";
      const before = target.dataset.formset ? target.firstElementChild : field.querySelector(".jb-check")
        ?? field.querySelector(".jb-with-unit") ?? target;
      before.before(list);
      field.classList.add("jb-field-wrong");
      target.setAttribute("aria-invalid", "true");
      const described = target.getAttribute("aria-describedby");
      target.setAttribute("aria-describedby", [described, id].filter(Boolean).join(" "));
    }
    const item = document.createElement("li");
    const words = document.createElement("span");
    words.textContent = text;
    item.append(document.querySelector('[data-seal-mark="warn"]').content.cloneNode(true), words);
    list.append(item);
  }
}
