// Envelopes that another program sealed: copied to the shelf, from here on like those of this page.
import { ENVELOPES } from "./check.js";

// What now lies on the shelf, or null where not all three were chosen. `before` makes room.
export async function adopted({ part, tell, words, work, key, place, before }) {
  const files = Object.fromEntries(ENVELOPES.map((one) => [one, part(`ready-${one}`).files[0]]));
  if (!Object.values(files).every(Boolean)) {
    tell.bad(place, words.three_files);
    return null;
  }
  await before();
  tell.progress(place, words.taking, 0);
  return work("adopt", { files, key }, ({ share }) => tell.progress(place, words.taking, share));
}
