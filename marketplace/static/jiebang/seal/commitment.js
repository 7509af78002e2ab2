// Hashes first, bytes later: a promise before the deadline to hand in exactly these three files.
import { Refused, asked } from "./handing.js";
import { putNote } from "./shelf.js";

const hashesOf = (envelopes) => envelopes.map(({ envelope, sha256, size }) => ({ envelope, sha256, size }));

// Whether the envelopes are those that were committed last; `committed` may be null.
export function areCommitted(envelopes, committed) {
  const said = (list) => JSON.stringify(hashesOf(list).sort((one, other) => (one.envelope < other.envelope ? -1 : 1)));
  return Boolean(committed) && said(envelopes) === said(committed);
}

// The hashes that are committed now, or null where it was refused and told so.
export async function commitment({ data, note, place, tell }) {
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  const envelopes = hashesOf(note.envelopes);
  tell.say(place, data.words.committing);
  // The same until it is answered, so that a broken connection commits once.
  note.committing ||= crypto.randomUUID();
  putNote(data.key, note);
  try {
    await asked(data.addresses.commitments, { body: { envelopes }, token, key: note.committing });
    note.committing = "";
    putNote(data.key, note);
    return envelopes;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    tell.refused(place, error);
    return null;
  }
}
