// Where sealed envelopes lie until the server has them: the browser's own private files. Readable
// content never comes here. Beside them a note (localStorage) of hashes and sizes, without names.
const FOLDER = "jiebang-sealed";

async function folderOf(key, create = true) {
  const root = await navigator.storage.getDirectory();
  const all = await root.getDirectoryHandle(FOLDER, { create });
  return all.getDirectoryHandle(key, { create });
}

// Something to write pieces into; closes when it is told so. In a worker.
export async function sink(key, name) {
  const folder = await folderOf(key);
  const handle = await folder.getFileHandle(name, { create: true });
  if (handle.createSyncAccessHandle) {
    const open = await handle.createSyncAccessHandle();
    open.truncate(0);
    let at = 0;
    return {
      write(piece) {
        at += open.write(piece, { at });
      },
      close() {
        open.flush();
        open.close();
      },
    };
  }
  const open = await handle.createWritable();
  return { write: (piece) => open.write(piece), close: () => open.close() };
}

export async function sealedFile(key, name) {
  const folder = await folderOf(key, false);
  return (await folder.getFileHandle(name)).getFile();
}

export async function clearShelf(key) {
  localStorage.removeItem(noteName(key));
  try {
    const root = await navigator.storage.getDirectory();
    const all = await root.getDirectoryHandle(FOLDER);
    await all.removeEntry(key, { recursive: true });
  } catch { /* nothing lay there */ }
}

const noteName = (key) => `jiebang-sealed:${key}`;

export function putNote(key, note) {
  const envelopes = note.envelopes.map(({ envelope, sha256, size }) => ({ envelope, sha256, size, files: [] }));
  localStorage.setItem(noteName(key), JSON.stringify({ ...note, envelopes }));
}

// Of what has just been laid on the shelf.
export function newNote(key, envelopes) {
  const note = { envelopes, once: crypto.randomUUID(), uploads: {}, sealed_at: new Date().toISOString() };
  putNote(key, note);
  return note;
}

// The note, if the envelopes that it names still lie there with their sizes; else null.
export async function noteOf(key) {
  try {
    const note = JSON.parse(localStorage.getItem(noteName(key)));
    for (const { envelope, size } of note.envelopes) {
      if ((await sealedFile(key, `${envelope}.age`)).size !== size) return null;
    }
    return note;
  } catch {
    return null;
  }
}
