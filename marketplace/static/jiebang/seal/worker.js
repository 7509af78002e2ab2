// The work of sealing, off the page: it stays alive while gigabytes are read. It is asked
// {id, deed, …} and answers {id, progress} on its way and {id, done} or {id, failed} at its end.
import { ENVELOPES } from "./check.js";
import { scanned } from "./scan.js";
import { copied, prepared, rehearse, seal } from "./sealing.js";
import { sink } from "./shelf.js";

const PAUSE = 200;
const AGE = "age-encryption.org/v1\n";

// The bytes of what was chosen are read twice: for their hashes, then for the package.
function counter(id, plan) {
  const sizes = Object.values(plan.files).flat().map((file) => file.size);
  const whole = 2 * sizes.reduce((sum, size) => sum + size, 0) + 1;
  let [done, toldAt] = [0, 0];
  return (envelope) => (bytes) => {
    done += bytes;
    if (performance.now() - toldAt < PAUSE) return;
    toldAt = performance.now();
    postMessage({ id, progress: { envelope, share: Math.min(done / whole, 1) } });
  };
}

async function readied(plan, envelope, onRead) {
  const files = (plan.files[envelope] ?? []).map((file) => ({ name: file.name, blob: file }));
  const { scenario, organisation } = plan;
  return prepared(plan.forms[envelope], files, { scenario, organisation, envelope }, onRead);
}

const DEEDS = {
  // [{envelope, files: [{name, size, sha256, same}], whole}]
  async rehearse(id, { plan }) {
    const count = counter(id, plan);
    const told = [];
    for (const envelope of ENVELOPES) {
      const ready = await readied(plan, envelope, count(envelope));
      told.push({ envelope, ...await rehearse(ready, count(envelope)) });
    }
    return told;
  },

  // [{envelope, sha256, size, files: [{name, size, sha256}]}] of what now lies on the shelf.
  async seal(id, { plan, key }) {
    const count = counter(id, plan);
    const told = [];
    for (const envelope of ENVELOPES) {
      const ready = await readied(plan, envelope, count(envelope));
      const file = await sink(key, `${envelope}.age`);
      try {
        const write = (piece) => file.write(piece);
        const sealed = await seal(ready, plan.recipients[envelope], write, count(envelope));
        const files = ready.entries.map(({ name, size, sha256 }) => ({ name, size, sha256 }));
        told.push({ envelope, ...sealed, files });
      } finally {
        await file.close();
      }
    }
    return told;
  },

  // The same of envelopes that were sealed elsewhere: copied to the shelf, their files unknown.
  async adopt(id, { files, key }) {
    const count = counter(id, { files });
    const told = [];
    for (const envelope of ENVELOPES) {
      const head = await files[envelope].slice(0, AGE.length).text();
      if (head !== AGE) throw new Error("not_age");
      const file = await sink(key, `${envelope}.age`);
      try {
        told.push({ envelope, ...await copied(files[envelope], file, count(envelope)), files: [] });
      } finally {
        await file.close();
      }
    }
    return told;
  },

  // What each file tells of its maker, in the order of the files.
  async scan(_id, { files, names }) {
    const told = [];
    for (const file of files) told.push({ name: file.name, ...await scanned(file, names) });
    return told;
  },
};

onmessage = async ({ data: { id, deed, ...given } }) => {
  try {
    postMessage({ id, done: await DEEDS[deed](id, given) });
  } catch (error) {
    postMessage({ id, failed: { name: error.name, message: error.message } });
  }
};
