// Reading zips and deflated bytes with what the browser brings (DecompressionStream).
const END = 0x06054b50;
const ENTRY = 0x02014b50;
const END_MOST = 22 + 65535;

async function through(bytes, format) {
  const kept = [];
  try {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream(format));
    const reader = stream.getReader();
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      kept.push(value);
    }
  } catch { /* broken off, or bytes behind its end: what came before counts */ }
  return new Uint8Array(await new Blob(kept).arrayBuffer());
}

// As much as can be inflated of bytes with a zlib head.
export const deflated = (bytes) => through(bytes, "deflate");

// [{name, method, packed, size, at}] of the central directory; empty where there is none.
export async function zipEntries(file) {
  const start = Math.max(0, file.size - END_MOST);
  const tail = new DataView(await file.slice(start).arrayBuffer());
  let end = tail.byteLength - 22;
  while (end >= 0 && tail.getUint32(end, true) !== END) end -= 1;
  if (end < 0) return [];
  const [size, at] = [tail.getUint32(end + 12, true), tail.getUint32(end + 16, true)];
  const view = new DataView(await file.slice(at, at + size).arrayBuffer());
  const entries = [];
  for (let here = 0; here + 46 <= view.byteLength && view.getUint32(here, true) === ENTRY;) {
    const lengths = [28, 30, 32].map((place) => view.getUint16(here + place, true));
    const name = new Uint8Array(view.buffer, here + 46, lengths[0]);
    entries.push({
      name: new TextDecoder().decode(name),
      method: view.getUint16(here + 10, true),
      packed: view.getUint32(here + 20, true),
      size: view.getUint32(here + 24, true),
      at: view.getUint32(here + 42, true),
    });
    here += 46 + lengths[0] + lengths[1] + lengths[2];
  }
  return entries;
}

export async function inflatedRaw(file, { method, packed, at }) {
  const head = new DataView(await file.slice(at, at + 30).arrayBuffer());
  if (head.byteLength < 30) return new Uint8Array();
  const start = at + 30 + head.getUint16(26, true) + head.getUint16(28, true);
  const bytes = new Uint8Array(await file.slice(start, start + packed).arrayBuffer());
  return method === 0 ? bytes : through(bytes, "deflate-raw");
}
