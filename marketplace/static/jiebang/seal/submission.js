// From sealed envelopes to the receipt: what an earlier attempt has done is not done again.
import { ENVELOPES } from "./check.js";
import { Refused, asked, upload } from "./handing.js";
import { putNote, sealedFile } from "./shelf.js";
import { filled } from "./teller.js";

// The address of the receipt's page, or null where it was refused and told so.
export async function submission({ data, note, place, part, tell }) {
  const { words, key, addresses } = data;
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  try {
    await uploaded({ data, note, place, part, tell, token });
    tell.progress(place, words.submitting, 1);
    if (!note.package) {
      const body = { uploads: note.uploads };
      const made = await asked(addresses.packages, { body, token, key: `${note.once}-package` });
      note.package = made.uid;
      putNote(key, note);
    }
    const one = addresses.package.replace(data.blank, note.package);
    await asked(`${one}submit/`, { body: {}, token, key: note.once });
    const { bid } = await asked(one, { method: "GET", token });
    return addresses.bid.replace(data.blank, bid.split("/").filter(Boolean).pop());
  } catch (error) {
    part("pausing").hidden = true;
    if (!(error instanceof Refused)) throw error;
    // Uploads and packages end after a day: the sealed bytes are still here and go once more.
    // Under another key: the server answers the old one as it answered before.
    if ([404, 410, 422].includes(error.status)) {
      Object.assign(note, { uploads: {}, package: "", once: crypto.randomUUID() });
      putNote(key, note);
    }
    tell.refused(place, error);
    return null;
  }
}

async function uploaded({ data, note, place, part, tell, token }) {
  const { words, key, addresses, sheet } = data;
  const whole = note.envelopes.reduce((sum, one) => sum + one.size, 0);
  let before = 0;
  for (const { envelope, sha256, size } of note.envelopes) {
    if (!ENVELOPES.includes(envelope)) continue;
    if (!note.uploads[envelope]) {
      const base = before;
      const show = (sent) => {
        const values = { done: tell.size(base + sent), whole: tell.size(whole) };
        tell.progress(place, filled(words.uploading, values), (base + sent) / whole);
      };
      show(0);
      const name = `${envelope}.age`;
      const sending = upload(await sealedFile(key, name), {
        endpoint: addresses.uploads,
        chunkSize: sheet.limits.chunk_bytes,
        ...{ token, sha256, name },
        onProgress: show,
        onBroken: () => tell.say(place, words.broken),
      });
      const quiet = pausing(part, tell, place, words, sending);
      note.uploads[envelope] = await sending.done.finally(quiet);
      putNote(key, note);
    }
    before += size;
  }
}

// The two buttons while something is sent. Returns what takes them away.
function pausing(part, tell, place, words, sending) {
  const [box, pause, resume] = [part("pausing"), part("pause"), part("resume")];
  const onPause = () => {
    sending.pause();
    [pause.hidden, resume.hidden] = [true, false];
    tell.say(place, words.paused);
    resume.focus();
  };
  const onResume = () => {
    [pause.hidden, resume.hidden] = [false, true];
    sending.resume();
    pause.focus();
  };
  pause.addEventListener("click", onPause);
  resume.addEventListener("click", onResume);
  [box.hidden, pause.hidden, resume.hidden] = [false, false, true];
  return () => {
    pause.removeEventListener("click", onPause);
    resume.removeEventListener("click", onResume);
    box.hidden = true;
  };
}
