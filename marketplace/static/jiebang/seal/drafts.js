// What was typed, and the answers of the last submission, kept encrypted in this browser for this
// person and this demand (vault.js): never sent. Of chosen files only the names can be kept.
import { drop, dropOthers, keep, kept } from "./vault.js";

const UNKEPT = new Set(["csrfmiddlewaretoken"]);
const OLD = "jiebang-draft:"; // readable ones, of before

function valuesOf(form) {
  return [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !UNKEPT.has(name));
}

function filesOf(form) {
  const chosen = [...form.elements].filter((control) => control.type === "file" && control.name);
  return chosen.flatMap((control) => [...control.files].map((file) => file.name));
}

function giveBack(form, values) {
  const given = new Map(values);
  for (const box of form.querySelectorAll("[data-formset]")) {
    const total = `${box.dataset.formset}-TOTAL_FORMS`;
    const most = Math.min(Number(given.get(total) ?? 0), 200);
    while (Number(form.elements[total].value) < most) box.querySelector("[data-formset-add]").click();
  }
  for (const control of form.elements) {
    if (!control.name || control.type === "file" || UNKEPT.has(control.name)) continue;
    if (control.type === "checkbox") control.checked = given.has(control.name);
    else if (given.has(control.name)) control.value = given.get(control.name);
  }
  for (const mark of form.querySelectorAll("[name$=-DELETE]:checked")) {
    mark.closest("[data-formset-row]").hidden = true;
  }
}

// The draft of one form. `kept` is what was found and given back: {values, files, sealed, submitted}
// or null. While all that was typed is kept, the form bears data-kept.
export class Draft {
  #wanted = false;

  #writing = null;

  #alive = true;

  // What the sealed envelopes were made of, as long as they wait: {about, values, files}.
  sealed = null;

  constructor(form, { person, key, onKept }) {
    Object.assign(this, { form, person, key, onKept });
  }

  async wake() {
    for (const name of Object.keys(localStorage)) if (name.startsWith(OLD)) localStorage.removeItem(name);
    try {
      await dropOthers(this.person);
      this.kept = await kept(this.person, this.key);
    } catch {
      this.kept = null; // a browser that keeps nothing
    }
    if (this.kept) {
      giveBack(this.form, this.kept.values);
      this.sealed = this.kept.sealed;
    }
    this.form.addEventListener("input", () => this.note());
    return this.kept;
  }

  // Written at once; what is typed meanwhile is written after that.
  note() {
    delete this.form.dataset.kept;
    this.#wanted = true;
    this.#writing ??= this.#write();
    return this.#writing;
  }

  async #write() {
    try {
      while (this.#wanted && this.#alive) {
        this.#wanted = false;
        const { form, sealed } = this;
        // Until files are chosen anew, those of before are to be told.
        const chosen = filesOf(form);
        const files = chosen.length ? chosen : this.kept?.files ?? [];
        await keep(this.person, this.key, { values: valuesOf(form), files, sealed });
      }
      if (this.#alive) {
        this.form.dataset.kept = "";
        this.onKept();
      }
    } catch { /* no room, or signed out: as without drafts */ } finally {
      this.#writing = null;
    }
  }

  // `about` tells the form that was sealed from one that was changed since.
  async sealedAs(about) {
    this.sealed = about && { about, values: valuesOf(this.form), files: filesOf(this.form) };
    await this.note();
  }

  // What was submitted is where the next version begins; nothing is written after it.
  async submitted() {
    this.#alive = false;
    await this.#writing;
    if (!this.sealed) return;
    const { values, files } = this.sealed;
    await keep(this.person, this.key, { values, files, sealed: null, submitted: true }).catch(() => {});
  }

  async forget() {
    this.#wanted = false;
    await this.#writing;
    this.sealed = null;
    this.kept = null;
    delete this.form.dataset.kept;
    await drop(this.key).catch(() => {});
  }
}
