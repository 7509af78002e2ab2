// Sealing one envelope piece by piece: packed, encrypted with age to its one recipient, hashed.
// Nothing is ever whole in memory.
import {
  Decrypter, Encrypter, generateX25519Identity, identityToRecipient,
} from "../../vendor/age/age.js";
import { sha256 } from "../../vendor/noble/hashes/sha2.js";
import { bytesOf, canonical, digested, hex, manifestOf, packed, packedSize, unpacked } from "./pack.js";

function streamOf(pieces, onPiece = () => {}) {
  const source = pieces[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await source.next();
      if (done) return controller.close();
      onPiece(value.length);
      return controller.enqueue(value);
    },
    cancel: () => source.return?.(),
  });
}

async function* piecesOf(stream) {
  const reader = stream.getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    yield value;
  }
}

// The package of one envelope ready to be read: its manifest, its files with their hashes, its size.
// `told` names scenario, organisation and envelope; `onRead(bytes)` counts what is read.
export async function prepared(form, files, told, onRead) {
  const entries = await digested(form, files, onRead);
  const manifest = manifestOf(entries, told);
  return { entries, manifest, size: packedSize(manifest, entries) };
}

async function encrypted({ manifest, entries }, recipient, onRead) {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return encrypter.encrypt(streamOf(packed(manifest, entries), onRead));
}

// Seals a prepared package; `write(piece)` takes each piece. Returns {sha256, size} of the whole.
export async function seal(ready, recipient, write, onRead) {
  const hash = sha256.create();
  let size = 0;
  for await (const piece of piecesOf(await encrypted(ready, recipient, onRead))) {
    hash.update(piece);
    size += piece.length;
    await write(piece);
  }
  return { sha256: hex(hash.digest()), size };
}

// What is sealed already, read once and written on: {sha256, size}.
export async function copied(blob, into, onRead) {
  const hash = sha256.create();
  for await (const piece of bytesOf(blob)) {
    hash.update(piece);
    await into.write(piece);
    onRead(2 * piece.length);
  }
  return { sha256: hex(hash.digest()), size: blob.size };
}

// Seals to a key of the moment and opens again at once: whether every hash came back. Kept nowhere.
export async function rehearse(ready, onRead) {
  const identity = await generateX25519Identity();
  const stream = await encrypted(ready, await identityToRecipient(identity), onRead);
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  const { manifest, hashes } = await unpacked(piecesOf(await decrypter.decrypt(stream)));
  const same = ready.entries.map(({ name, sha256: wanted, size }) => ({
    name, size, sha256: wanted, same: hashes[name] === wanted,
  }));
  const alike = canonical(manifest) === canonical(ready.manifest);
  const asMany = Object.keys(hashes).length === same.length;
  return { files: same, whole: alike && asMany && same.every((one) => one.same) };
}
