// Large files in forms: sent piece by piece (tus), so that a broken connection loses nothing.
// Without this file the form sends small ones by itself.
"use strict";

(() => {
  const CHUNK = 8 * 1024 * 1024;
  const DELAYS = [0, 1000, 3000, 5000, 10000, 20000, 30000];

  function wake(box) {
    const form = box.closest("form");
    const part = (name) => box.querySelector(`[data-upload-${name}]`);
    const input = box.querySelector("input[type=file]");
    const uid = form.querySelector("input[name=upload]");
    const words = box.dataset;
    let upload = null;
    let sent = 0;
    let saidAt = -1;
    let state = "idle";
    let dropped = null;

    part("large").hidden = false;
    part("plain").hidden = true;

    const percent = () => `${Math.floor(sent * 100)}%`;
    const fill = (text, values) => text.replace(/%\((\w+)\)s/g, (_whole, name) => values[name]);

    function say(text, aloud = true) {
      part("now").hidden = false;
      part("words").textContent = text;
      if (aloud) part("said").textContent = text;
    }

    function show(next) {
      state = next;
      box.dataset.state = next;
      part("pause").hidden = next !== "sending";
      part("resume").hidden = !["paused", "failed"].includes(next);
      part("drop").hidden = next === "idle";
    }

    function progress(done, whole) {
      sent = whole ? done / whole : 0;
      part("bar").setAttribute("width", `${sent * 100}%`);
      const mega = (bytes) => (bytes / 1e6).toFixed(1);
      const text = fill(words.textDone, { done: mega(done), whole: mega(whole), percent: percent() });
      // Spoken at every tenth only.
      const tenth = Math.floor(sent * 10);
      say(text, tenth !== saidAt);
      saidAt = tenth;
    }

    function sentence(error) {
      try {
        return JSON.parse(error.originalResponse.getBody()).detail || words.textFailed;
      } catch {
        return words.textFailed;
      }
    }

    function forget() {
      upload = null;
      uid.value = "";
      input.value = "";
      input.disabled = false;
      part("now").hidden = true;
      show("idle");
    }

    function begin(file) {
      if (file.size > Number(words.most)) {
        input.value = "";
        show("idle");
        say(words.textLarge);
        return;
      }
      upload = new tus.Upload(file, {
        endpoint: words.endpoint,
        chunkSize: CHUNK,
        retryDelays: DELAYS,
        removeFingerprintOnSuccess: true,
        metadata: { filename: file.name, purpose: words.purpose },
        headers: { "X-CSRFToken": form.querySelector("[name=csrfmiddlewaretoken]").value },
        onProgress(done, whole) {
          if (own === upload && state === "sending") progress(done, whole);
        },
        onUploadUrlAvailable() {
          // Given up before the server had told its address.
          if (own === dropped) own.abort(true).catch(() => {});
        },
        onShouldRetry(error) {
          const status = error.originalResponse ? error.originalResponse.getStatus() : 0;
          const again = status === 0 || status === 409 || status === 423 || status === 460 || status >= 500;
          if (again && state === "sending") say(words.textBroken);
          return again;
        },
        onError(error) {
          if (own !== upload) return;
          show("failed");
          say(sentence(error));
        },
        onSuccess() {
          if (own !== upload) return;
          uid.value = upload.url.split("/").filter(Boolean).pop();
          // The bytes are there already: the form must not send them once more.
          input.disabled = true;
          show("done");
          part("bar").setAttribute("width", "100%");
          say(words.textChecked);
        },
      });
      const own = upload;
      show("sending");
      progress(0, file.size);
      upload.findPreviousUploads().then((earlier) => {
        if (earlier.length) upload.resumeFromPreviousUpload(earlier[0]);
        upload.start();
      });
    }

    input.addEventListener("change", () => {
      uid.value = "";
      if (upload) upload.abort();
      if (input.files.length) begin(input.files[0]);
    });
    part("pause").addEventListener("click", () => {
      upload.abort();
      show("paused");
      say(fill(words.textPaused, { percent: percent() }));
      part("resume").focus();
    });
    part("resume").addEventListener("click", () => {
      show("sending");
      upload.start();
      part("pause").focus();
    });
    part("drop").addEventListener("click", () => {
      if (upload.url) upload.abort(true).catch(() => {});
      else dropped = upload;
      forget();
      input.focus();
    });
    form.addEventListener("submit", (event) => {
      if (["sending", "paused", "failed"].includes(state)) {
        event.preventDefault();
        say(words.textWait);
      }
    });
    form.addEventListener("reset", forget);
    window.addEventListener("pageshow", () => { if (!upload) forget(); });
    show("idle");

    tus.defaultOptions.urlStorage.findAllUploads().then((earlier) => {
      const same = earlier.filter((row) => row.metadata && row.metadata.purpose === words.purpose);
      const last = same.sort((a, b) => new Date(b.creationTime) - new Date(a.creationTime))[0];
      if (last && !upload) {
        say(fill(words.textKnown, { name: last.metadata.filename }));
        part("pause").hidden = true;
      }
    });
  }

  document.addEventListener("DOMContentLoaded", () => {
    if (!window.tus || !tus.isSupported) return;
    document.querySelectorAll("[data-upload]").forEach(wake);
  });
})();
