// The page that bids: fill, check, try, seal, upload, submit. What is typed and chosen stays in this
// browser; only the sealed envelopes leave it.
import { ENVELOPES, check, normalised } from "./check.js";
import { areCommitted, commitment } from "./commitment.js";
import { Deeds } from "./deeds.js";
import { Draft } from "./drafts.js";
import { Faults, typed } from "./form.js";
import { padme } from "./pack.js";
import { announced } from "./publication.js";
import { adopted } from "./ready.js";
import { clearShelf, newNote, noteOf } from "./shelf.js";
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
const draft = new Draft(form, {
  person: data.person,
  key,
  onKept() {
    if (saidOfDraft !== "draft_kept") sayOfDraft("draft_kept");
  },
});
let saidOfDraft = "";
// What the sealed envelopes were made of, where it is known.
let sealedForm = null;
let sealedNote = null;
// Whether the envelopes were sealed on an earlier visit.
let found = false;
let { committed } = data;
// What the last look into the technical files was about, so that nobody confirms the unseen.
let lookedAt = null;
// The form in which nothing was missing, as long as it stands unchanged.
let passed = null;
const STEPS = { fill: 0, seal: 2, submit: 3 };

const canSeal = () => window.isSecureContext && window.Worker && navigator.storage?.getDirectory
  && window.tus?.isSupported && window.crypto?.subtle;

const deeds = new Deeds(part, tell, () => {
  onChange();
  settle();
});

// Which buttons may be pressed now.
function settle() {
  const sent = sealedNote && areCommitted(sealedNote.envelopes, committed);
  const may = { submit: sealedNote, commit: sealedNote && !sent };
  deeds.allow((name) => !(name in may) || may[name]);
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

deeds.add("check", "checked", checked);

deeds.add("rehearse", "rehearsed", async (place) => {
  const given = await checked(place);
  if (!given) return tell.clear(place);
  tell.progress(place, words.rehearsing, 0);
  const results = await work("rehearse", { plan: plan(given) }, onShare(place));
  return tell.rehearsal(place, results);
});

// -- Seal -----------------------------------------------------------------------------------------
deeds.add("seal", "sealed", async (place) => {
  const about = fingerprint();
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
  sealedForm = about;
  await draft.sealedAs(about);
  tell.sealed(place, sealedNote);
  return document.querySelector('[data-seal-do="submit"]').scrollIntoView({ block: "nearest" });
});

function hold(envelopes) {
  found = false;
  sealedNote = newNote(key, envelopes);
  tellCommitted();
}

deeds.add("adopt", "adopted", async (place) => {
  const before = async () => {
    await forget();
    tell.clear(part("sealed"));
    tell.clear(part("changed"));
  };
  const envelopes = await adopted({ part, tell, words, work, key, place, before });
  if (!envelopes) return;
  await draft.sealedAs(null);
  hold(envelopes);
  tell.sealed(place, sealedNote, words.taken);
});

const plainFile = ({ name, size, lastModified }) => [name, size, lastModified];

function fingerprint() {
  const { forms, files } = typed(form, data.nodes);
  const plain = Object.entries(files).map(([envelope, chosen]) => [envelope, chosen.map(plainFile)]);
  return JSON.stringify({ forms, files: Object.fromEntries(plain) });
}

async function forget() {
  sealedNote = null;
  sealedForm = null;
  await clearShelf(key);
}

// What is sealed is older than what stands in the form. Files that were chosen before the page was
// left cannot stand there any more: none of them says nothing.
function isOlder(now) {
  const [was, is] = [JSON.parse(sealedForm), JSON.parse(now)];
  const none = Object.values(is.files).every((files) => !files.length);
  const parts = found && none ? ["forms"] : ["forms", "files"];
  return parts.some((one) => JSON.stringify(was[one]) !== JSON.stringify(is[one]));
}

// -- Submit ---------------------------------------------------------------------------------------
deeds.add("submit", "submitted", async (place) => {
  const answer = await submission({ data, note: sealedNote, place, part, tell });
  if (!answer) return;
  await draft.submitted();
  await forget();
  location.assign(answer);
});

// -- Commit to the hashes first -------------------------------------------------------------------
// Where the rules grant no time after the deadline, there is no place for it on the page.
function tellCommitted() {
  const place = part("committed");
  if (!sealedNote || !committed) tell.clear(place);
  else if (!areCommitted(sealedNote.envelopes, committed)) tell.bad(place, words.committed_other);
  else tell.good(place, filled(words.committed, { until: data.bytes_until }));
}

deeds.add("commit", "committed", async (place) => {
  const hashes = await commitment({ data, note: sealedNote, place, tell });
  if (!hashes) return;
  committed = hashes;
  tellCommitted();
  const card = "#commitments-card";
  await window.htmx.ajax("GET", location.pathname, { target: card, select: card, swap: "outerHTML" });
});

part("discard").addEventListener("click", async () => {
  if (deeds.busy) return;
  await forget();
  tell.clear(part("changed"));
  tell.clear(part("submitted"));
  tell.clear(part("committed"));
  tell.say(part("sealed"), words.discarded);
  settle();
});

part("forget-draft").addEventListener("click", async () => {
  await draft.forget();
  form.reset();
  faults.clear();
  onChange();
  sayOfDraft("draft_forgotten");
});

// What was said of the form before it changed is not said of it any more.
function onChange() {
  const now = fingerprint();
  if (sealedNote && sealedForm) {
    if (isOlder(now)) tell.bad(part("changed"), words.changed);
    else tell.clear(part("changed"));
  }
  if (deeds.busy || passed === null || passed === now) return;
  passed = null;
  tell.clear(part("checked"));
  tell.clear(part("rehearsed"));
  settle();
}

function sayOfDraft(what, values = {}) {
  saidOfDraft = what;
  tell.say(part("draft"), filled(words[what], values));
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
  const given = await draft.wake();
  if (given) {
    const files = given.files?.join(words.between) || words.no_files;
    sayOfDraft(given.submitted ? "draft_submitted" : "draft_back", { files });
  }
  tell.publication(part("publication"), announced(sheet));
  sealedNote = await noteOf(key);
  if (sealedNote) {
    found = true;
    sealedForm = draft.sealed?.about ?? null;
    tell.sealed(part("sealed"), sealedNote, words.sealed_before);
    onChange();
  }
  tellCommitted();
  form.addEventListener("input", onChange);
  settle();
  form.dataset.awake = "";
}

wake();
