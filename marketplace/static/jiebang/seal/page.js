// The page that bids: fill, check, try, seal, upload, submit. What is typed and chosen stays in this
// browser; only the sealed envelopes leave it.
import { ENVELOPES, check, normalised } from "./check.js";
import { dropOthersDrafts, keepDraft } from "./drafts.js";
import { Faults, typed } from "./form.js";
import { padme } from "./pack.js";
import { announced } from "./publication.js";
import { clearShelf, noteOf, putNote } from "./shelf.js";
import { submission } from "./submission.js";
import { tellingNames } from "./text.js";
import { Teller, filled } from "./teller.js";
import { workshop } from "./work.js";

const data = JSON.parse(document.getElementById("seal-data").textContent);
const { sheet, words, key } = data;
const form = document.querySelector("form[data-seal]");
const part = (name) => document.querySelector(`[data-seal-${name}]`);
const work = workshop(form.dataset.worker);
const tell = new Teller(words);
const faults = new Faults(form, part("summary"), data.sentences);
const deeds = {};
let draft = null;
let sealedNote = null;
let busy = false;
// What the last look into the technical files was about, so that nobody confirms the unseen.
let lookedAt = null;
// The form in which nothing was missing, as long as it stands unchanged.
let passed = null;
const STEPS = { fill: 0, seal: 2, submit: 3 };

const canSeal = () => window.isSecureContext && window.Worker && navigator.storage?.getDirectory
  && window.tus?.isSupported && window.crypto?.subtle;

// -- One deed at a time ---------------------------------------------------------------------------
function deed(name, place, work_of) {
  const button = document.querySelector(`[data-seal-do="${name}"]`);
  deeds[name] = button;
  button.addEventListener("click", async () => {
    if (busy) return;
    busy = true;
    for (const other of Object.values(deeds)) other.disabled = true;
    try {
      await work_of(part(place));
    } catch (error) {
      tell.failed(part(place), error);
    } finally {
      busy = false;
      onChange();
      settle();
    }
  });
}

// Which buttons may be pressed now.
function settle() {
  for (const button of Object.values(deeds)) button.disabled = false;
  deeds.submit.disabled = !sealedNote;
  part("kept").hidden = !sealedNote;
  const reached = STEPS[sealedNote ? "submit" : passed ? "seal" : "fill"];
  for (const [at, label] of form.querySelectorAll(".jb-step").entries()) {
    label.classList.toggle("jb-step-now", at === reached);
    label.classList.toggle("jb-step-done", at < reached);
    label.classList.toggle("jb-step-next", at > reached);
    label.toggleAttribute("aria-current", false);
    if (at === reached) label.setAttribute("aria-current", "step");
    const state = label.querySelector(".visually-hidden");
    state.textContent = words[at < reached ? "step_done" : at === reached ? "step_now" : "step_next"];
  }
}

// -- Check ----------------------------------------------------------------------------------------
// The clean forms and the chosen files, or null with every fault shown.
async function checked(place) {
  const about = fingerprint();
  const { forms, files, places } = typed(form, data.nodes);
  const clean = normalised(forms);
  const found = check(sheet, clean, files);
  for (const envelope of ENVELOPES) {
    if (sealedAtMost(files[envelope]) > sheet.limits.envelope_bytes) {
      const most = tell.size(sheet.limits.envelope_bytes);
      found.set(`files.${envelope}`, [filled(words.envelope_large, { most })]);
    }
  }
  const names = tellingNames(sheet.names, clean.business);
  for (const [at, told] of (await looked(files.technical, names)).entries()) {
    for (const name of told.names) {
      const path = `files.technical.${at}`;
      const sentence = filled(words.file_names_bidder, { file: told.name, name });
      found.set(path, [...(found.get(path) ?? []), sentence]);
    }
  }
  if (found.size) {
    passed = null;
    tell.clear(part("checked"));
    faults.show(found, places);
    return null;
  }
  faults.clear();
  passed = about;
  tell.good(place, words.nothing_missing);
  return { forms: clean, files };
}

// With room for the form, the tar and age around the files.
function sealedAtMost(files) {
  const size = files.reduce((sum, file) => sum + file.size, 2 ** 20);
  return padme(size) * (1 + 16 / 65536) + 4096;
}

const nameOf = (files) => JSON.stringify(files.map((f) => [f.name, f.size, f.lastModified]));

async function looked(files, names) {
  const told = await work("scan", { files, names });
  const about = nameOf(files);
  if (lookedAt !== about) part("confirm").checked = false;
  lookedAt = about;
  tell.findings(part("findings"), told);
  return told;
}

function plan({ forms, files }) {
  const { scenario, organisation, recipients } = sheet;
  return { forms, files, scenario, organisation, recipients };
}

const onShare = (place) => ({ envelope, share }) => tell.progress(place, words[`doing_${envelope}`], share);

deed("check", "checked", checked);

deed("rehearse", "rehearsed", async (place) => {
  const given = await checked(place);
  if (!given) return tell.clear(place);
  tell.progress(place, words.rehearsing, 0);
  const results = await work("rehearse", { plan: plan(given) }, onShare(place));
  return tell.rehearsal(place, results);
});

// -- Seal -----------------------------------------------------------------------------------------
deed("seal", "sealed", async (place) => {
  const given = await checked(place);
  if (!given) return tell.clear(place);
  const held = announced(sheet);
  tell.publication(part("publication"), held);
  if (held.state === "other") return tell.bad(place, words.recipients_other);
  if (!part("confirm").checked) {
    part("confirm").focus();
    return tell.bad(place, words.confirm_first);
  }
  await forget();
  tell.progress(place, words.sealing, 0);
  // Asked for once: a browser that is short of room may otherwise throw it away.
  await navigator.storage.persist?.();
  const envelopes = await work("seal", { plan: plan(given), key }, onShare(place));
  hold(envelopes);
  tell.clear(part("changed"));
  form.dataset.sealedForm = fingerprint();
  tell.sealed(place, sealedNote);
  return deeds.submit.scrollIntoView({ block: "nearest" });
});

function hold(envelopes) {
  const sealedAt = new Date().toISOString();
  sealedNote = { envelopes, once: crypto.randomUUID(), uploads: {}, sealed_at: sealedAt };
  putNote(key, sealedNote);
}

// Envelopes that another program sealed: from here on like those of this page.
deed("adopt", "adopted", async (place) => {
  const files = Object.fromEntries(ENVELOPES.map((one) => [one, part(`ready-${one}`).files[0]]));
  if (!Object.values(files).every(Boolean)) return tell.bad(place, words.three_files);
  await forget();
  tell.clear(part("sealed"));
  tell.clear(part("changed"));
  delete form.dataset.sealedForm;
  tell.progress(place, words.taking, 0);
  const envelopes = await work("adopt", { files, key }, ({ share }) => tell.progress(place, words.taking, share));
  hold(envelopes);
  return tell.sealed(place, sealedNote, words.taken);
});

const fingerprint = () => JSON.stringify(typed(form, data.nodes), (_name, value) =>
  (value instanceof File ? [value.name, value.size, value.lastModified] : value));

async function forget() {
  sealedNote = null;
  await clearShelf(key);
}

// -- Submit ---------------------------------------------------------------------------------------
deed("submit", "submitted", async (place) => {
  const answer = await submission({ data, note: sealedNote, place, part, tell });
  if (!answer) return;
  await forget();
  draft.stop();
  location.assign(answer);
});

part("discard").addEventListener("click", async () => {
  if (busy) return;
  await forget();
  tell.clear(part("changed"));
  tell.clear(part("submitted"));
  tell.say(part("sealed"), words.discarded);
  settle();
});

part("forget-draft").addEventListener("click", () => {
  draft.forget();
  form.reset();
  faults.clear();
  onChange();
  tell.say(part("draft"), words.draft_forgotten);
});

// What was said of the form before it changed is not said of it any more.
function onChange() {
  const now = fingerprint();
  const sealedForm = form.dataset.sealedForm;
  if (sealedNote && sealedForm && sealedForm !== now) tell.bad(part("changed"), words.changed);
  if (busy || passed === null || passed === now) return;
  passed = null;
  tell.clear(part("checked"));
  tell.clear(part("rehearsed"));
  settle();
}

// -- Waking ---------------------------------------------------------------------------------------
async function wake() {
  form.addEventListener("submit", (event) => event.preventDefault());
  part("scripts").hidden = true;
  if (!canSeal()) {
    part("cannot").hidden = false;
    return;
  }
  form.hidden = false;
  part("jumps").hidden = false;
  dropOthersDrafts(data.person);
  draft = keepDraft(form, key, () => tell.say(part("draft"), words.draft_kept));
  if (draft.had) tell.say(part("draft"), words.draft_back);
  tell.publication(part("publication"), announced(sheet));
  sealedNote = await noteOf(key);
  if (sealedNote) tell.sealed(part("sealed"), sealedNote, words.sealed_before);
  form.addEventListener("input", onChange);
  settle();
  form.dataset.awake = "";
}

wake();
