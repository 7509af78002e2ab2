// Asking the worker for a deed: a promise of its result, with progress on the way.
export class Failed extends Error {
  constructor({ name, message }) {
    super(message);
    this.name = name;
  }
}

export function workshop(address) {
  const waiting = new Map();
  let worker = null;
  let count = 0;

  function start() {
    worker = new Worker(address, { type: "module" });
    worker.onmessage = ({ data: { id, progress, done, failed } }) => {
      const asked = waiting.get(id);
      if (progress) return asked?.onProgress(progress);
      waiting.delete(id);
      if (failed) asked?.reject(new Failed(failed));
      else asked?.resolve(done);
      return undefined;
    };
    worker.onerror = (event) => {
      event.preventDefault();
      for (const { reject } of waiting.values()) reject(new Failed({ name: "Error", message: event.message }));
      waiting.clear();
      worker = null;
    };
  }

  return (deed, given, onProgress = () => {}) => new Promise((resolve, reject) => {
    if (!worker) start();
    count += 1;
    waiting.set(count, { resolve, reject, onProgress });
    worker.postMessage({ id: count, deed, ...given });
  });
}
