// Handing in what is sealed: three uploads piece by piece (tus), a package made of them, the
// submission. What goes over the wire here is ciphertext and its hashes, nothing else.
const DELAYS = [0, 1000, 3000, 5000, 10000, 20000, 30000];

export class Refused extends Error {
  constructor(status, body) {
    super(body?.detail ?? "");
    Object.assign(this, { status, code: body?.code ?? "", body });
  }
}

export async function asked(address, { method = "POST", body, key, token }) {
  const answer = await fetch(address, {
    method,
    credentials: "same-origin",
    headers: {
      Accept: "application/json",
      "X-CSRFToken": token,
      ...(body && { "Content-Type": "application/json" }),
      ...(key && { "Idempotency-Key": key }),
    },
    body: body && JSON.stringify(body),
  });
  const told = await answer.json().catch(() => null);
  if (!answer.ok) throw new Refused(answer.status, told);
  return told;
}

// One upload that can be paused: {done, pause, resume}. `done` resolves to the upload's uid. What an
// earlier window began with the same bytes goes on where it stopped.
export function upload(file, { endpoint, chunkSize, token, sha256, name, onProgress, onBroken }) {
  let sending = null;
  let paused = false;
  const done = new Promise((resolve, reject) => {
    sending = new window.tus.Upload(file, {
      endpoint,
      chunkSize,
      retryDelays: DELAYS,
      removeFingerprintOnSuccess: true,
      metadata: { filename: name, purpose: "sealed", sha256 },
      headers: { "X-CSRFToken": token },
      fingerprint: () => Promise.resolve(`jiebang-sealed-${sha256}`),
      onProgress,
      onShouldRetry(error) {
        const status = error.originalResponse?.getStatus() ?? 0;
        const again = [0, 409, 423, 460].includes(status) || status >= 500;
        if (again && !paused) onBroken();
        return again;
      },
      onError(error) {
        let told = null;
        try {
          told = JSON.parse(error.originalResponse.getBody());
        } catch { /* no answer, or none of ours */ }
        reject(new Refused(error.originalResponse?.getStatus() ?? 0, told));
      },
      onSuccess: () => resolve(sending.url.split("/").filter(Boolean).pop()),
    });
    sending.findPreviousUploads().then((earlier) => {
      if (earlier.length) sending.resumeFromPreviousUpload(earlier[0]);
      if (!paused) sending.start();
    });
  });
  return {
    done,
    pause() {
      paused = true;
      sending.abort();
    },
    resume() {
      paused = false;
      sending.start();
    },
  };
}
