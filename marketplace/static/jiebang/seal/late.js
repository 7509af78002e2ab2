// After the deadline: the files whose hashes were committed before it, and nothing else, from this
// browser's private files or chosen anew.
import { areCommitted } from "./commitment.js";
import { Deeds } from "./deeds.js";
import { adopted } from "./ready.js";
import { clearShelf, newNote, noteOf } from "./shelf.js";
import { submission } from "./submission.js";
import { Teller } from "./teller.js";
import { workshop } from "./work.js";

const data = JSON.parse(document.getElementById("seal-data").textContent);
const { words, key } = data;
const form = document.querySelector("form[data-seal]");
const part = (name) => document.querySelector(`[data-seal-${name}]`);
const work = workshop(form.dataset.worker);
const tell = new Teller(words);
let note = null;

const isRight = () => note && areCommitted(note.envelopes, data.committed);
const settle = () => deeds.allow((name) => name !== "submit" || isRight());
const deeds = new Deeds(part, tell, settle);

const forget = async () => {
  note = null;
  await clearShelf(key);
};

deeds.add("adopt", "adopted", async (place) => {
  const before = async () => {
    await forget();
    tell.clear(part("sealed"));
  };
  const envelopes = await adopted({ part, tell, words, work, key, place, before });
  if (!envelopes) return;
  if (areCommitted(envelopes, data.committed)) {
    note = newNote(key, envelopes);
    tell.sealed(place, note, words.taken);
  } else {
    await forget();
    tell.bad(place, words.other_files);
  }
});

deeds.add("submit", "submitted", async (place) => {
  const answer = await submission({ data, note, place, part, tell });
  if (!answer) return;
  await forget();
  location.assign(answer);
});

async function wake() {
  form.addEventListener("submit", (event) => event.preventDefault());
  part("scripts").hidden = true;
  if (!(window.isSecureContext && window.tus?.isSupported && navigator.storage?.getDirectory)) {
    part("cannot").hidden = false;
    return;
  }
  form.hidden = false;
  note = await noteOf(key);
  if (isRight()) tell.sealed(part("sealed"), note, words.committed_here);
  else if (note) tell.bad(part("sealed"), words.other_files);
  part("elsewhere").open = !isRight();
  settle();
  form.dataset.awake = "";
}

wake();
