// What was typed so far, kept in this browser for this person and this demand and nowhere else:
// never sent. Chosen files cannot be kept. Signing out throws every draft away (app.js), and so does
// somebody else who comes to a page that bids.
const PAUSE = 400;
const nameOf = (key) => `jiebang-draft:${key}`;
const UNKEPT = new Set(["csrfmiddlewaretoken"]);

export function clearDraft(key) {
  localStorage.removeItem(nameOf(key));
}

export function dropOthersDrafts(person) {
  for (const name of Object.keys(localStorage)) {
    if (name.startsWith(nameOf("")) && !name.startsWith(nameOf(`${person}-`))) localStorage.removeItem(name);
  }
}

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(nameOf(key)));
  } catch {
    return null;
  }
}

function write(form, key) {
  const values = [...new FormData(form)].filter(
    ([name, value]) => typeof value === "string" && !UNKEPT.has(name),
  );
  try {
    localStorage.setItem(nameOf(key), JSON.stringify({ at: new Date().toISOString(), values }));
    return true;
  } catch {
    return false; // no room: as without drafts
  }
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

// Gives the draft back, then keeps what is typed. Returns {had, forget, stop}.
export function keepDraft(form, key, onKept) {
  const draft = read(key);
  if (draft) giveBack(form, draft.values);
  let timer = 0;
  let alive = true;
  const now = () => {
    clearTimeout(timer);
    timer = 0;
    if (alive && write(form, key)) onKept();
  };
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(now, PAUSE);
  });
  // Left at once after the last letter.
  window.addEventListener("pagehide", () => { if (timer) now(); });
  const forget = () => {
    clearTimeout(timer);
    timer = 0;
    clearDraft(key);
  };
  const stop = () => {
    alive = false;
    forget();
  };
  return { had: Boolean(draft), forget, stop };
}
