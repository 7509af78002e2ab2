// What is kept in this browser for one person alone, encrypted: AES-GCM under a key of the person's
// own that the browser gives out to no script and writes into no file that a person reads. Key and
// contents lie in one IndexedDB; whoever signs out deletes it (app.js). What this does not prove:
// somebody who runs this browser as this user, on this site, reads what the person reads.
const NAME = "jiebang-drafts";
const encoder = new TextEncoder();

let opening = null;
let over = false;

const answered = (asked) => new Promise((resolve, reject) => {
  asked.onsuccess = () => resolve(asked.result);
  asked.onerror = () => reject(asked.error);
});

function database() {
  opening ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("keys");
      asked.result.createObjectStore("kept");
    };
    asked.onerror = () => reject(asked.error);
    asked.onsuccess = () => {
      // A sign-out, in whatever window: from now on this page keeps nothing.
      asked.result.onversionchange = () => {
        over = true;
        asked.result.close();
      };
      resolve(asked.result);
    };
  });
  return opening;
}

async function store(name, mode = "readonly") {
  if (over) throw new Error("over");
  return (await database()).transaction(name, mode).objectStore(name);
}

async function keyOf(person) {
  const found = await answered((await store("keys")).get(person));
  if (found) return found;
  const made = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  // Of two windows that begin together, the first one's key is everybody's.
  const keys = await store("keys", "readwrite");
  const other = await answered(keys.get(person));
  if (!other) await answered(keys.put(made, person));
  return other ?? made;
}

const method = (iv, name) => ({ name: "AES-GCM", iv, additionalData: encoder.encode(name) });

export async function keep(person, name, value) {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const plain = encoder.encode(JSON.stringify(value));
  const body = await crypto.subtle.encrypt(method(iv, name), await keyOf(person), plain);
  await answered((await store("kept", "readwrite")).put({ iv, body }, name));
}

// Null where nothing is kept, or nothing that this person's key opens.
export async function kept(person, name) {
  try {
    const { iv, body } = await answered((await store("kept")).get(name));
    const plain = await crypto.subtle.decrypt(method(iv, name), await keyOf(person), body);
    return JSON.parse(new TextDecoder().decode(plain));
  } catch {
    return null;
  }
}

export async function drop(name) {
  await answered((await store("kept", "readwrite")).delete(name));
}

// Names of what is kept begin with the person's; so nobody finds what another one left.
export async function dropOthers(person) {
  for (const [where, isOwn] of [
    ["keys", (name) => name === person],
    ["kept", (name) => name.startsWith(`${person}-`)],
  ]) {
    const all = await store(where, "readwrite");
    for (const name of await answered(all.getAllKeys())) if (!isOwn(name)) await answered(all.delete(name));
  }
}
