// What is typed is not lost: drafts save as one types, and a sign-in on the way gives all back.
"use strict";

(() => {
  const PAUSE = 1500;
  const AGAIN = 10000;
  const SLOT = "jiebang-typed";
  const notices = document.getElementById("notices");

  // --- drafts that save themselves: form[data-autosave=id of the place that posts and tells] ----

  function wakeAutosave(form) {
    let timer = 0;
    let running = false;
    let dirty = false;
    let waiting = null;
    const box = () => document.getElementById(form.dataset.autosave);
    const later = (pause) => { clearTimeout(timer); timer = setTimeout(send, pause); };

    function send() {
      if (!dirty || running) return;
      // The form itself is on its way (app.js): a draft saved beside it would be a second one.
      if (Date.now() - (form.sentAt || 0) < AGAIN) {
        later(AGAIN);
        return;
      }
      dirty = false;
      running = true;
      htmx.trigger(box(), "autosave");
    }

    form.addEventListener("input", () => { dirty = true; later(PAUSE); });
    // Sent while a save is under way, the form would meet its own newer version.
    form.addEventListener("submit", (event) => {
      clearTimeout(timer);
      if (!running) return;
      event.preventDefault();
      waiting = { submitter: event.submitter };
    });
    // Whatever was answered with 401 first (the meter asks too) offers the sign-in: from then on,
    // and once more as one leaves for it, what is typed is kept.
    const keepTyped = () => { if (form.dataset.changed) keep(form); };
    document.addEventListener("htmx:afterRequest", (event) => {
      if (event.detail.xhr?.status === 401) keepTyped();
    });
    notices?.addEventListener("click", (event) => {
      if (event.target.closest("[data-failure] a")) keepTyped();
    });
    document.addEventListener("htmx:afterRequest", (event) => {
      // The place itself may be replaced by then, and the event comes from what stood around it.
      if (event.detail.requestConfig?.elt.id !== form.dataset.autosave) return;
      const status = event.detail.xhr.status;
      running = false;
      if (waiting) {
        const { submitter } = waiting;
        waiting = null;
        // What somebody else wrote meanwhile is read before it is written over.
        if (status === 409) box().scrollIntoView({ block: "center" });
        else form.requestSubmit(submitter);
      } else if (status === 200) {
        if (dirty) later(PAUSE);
        else delete form.dataset.changed;
      } else if (status === 0 || status >= 500) {
        dirty = true;
        box().textContent = box().dataset.failed;
        later(AGAIN);
      }
    });
  }

  // --- a form that meets a sign-in on its way ---------------------------------------------------

  function read() {
    try { return JSON.parse(sessionStorage.getItem(SLOT)); } catch { return null; }
  }

  function keep(form) {
    const values = [...new FormData(form)].filter(
      ([name, value]) => typeof value === "string" && name !== "csrfmiddlewaretoken");
    const place = [...document.forms].indexOf(form);
    const record = { user: document.body.dataset.user, path: location.pathname, place, values };
    try { sessionStorage.setItem(SLOT, JSON.stringify(record)); } catch { /* no room: as before */ }
  }

  function giveBack(form, values) {
    const given = new Map();
    for (const [name, value] of values) given.set(name, [...(given.get(name) || []), value]);
    for (const box of form.querySelectorAll("[data-formset]")) {
      const total = `${box.dataset.formset}-TOTAL_FORMS`;
      const most = Math.min(Number(given.get(total)?.[0] || 0), 200);
      while (Number(form.elements[total].value) < most) box.querySelector("[data-formset-add]").click();
    }
    for (const control of form.elements) {
      if (!control.name || control.type === "file" || control.name === "csrfmiddlewaretoken") continue;
      const mine = given.get(control.name) || [];
      if (control.type === "checkbox" || control.type === "radio") {
        control.checked = mine.includes(control.value);
      } else if (control.type !== "submit" && mine.length) {
        control.value = mine[0];
      }
    }
    form.dispatchEvent(new Event("input", { bubbles: true }));
    const notice = document.createElement("div");
    notice.className = "jb-notice jb-info";
    notice.setAttribute("role", "status");
    notice.textContent = notices.dataset.restored;
    notices.append(notice);
  }

  function afterSignIn() {
    const record = read();
    if (!record) return;
    const way = /^(?:\/en)?\/accounts\/(login\/|2fa\/authenticate\/)?/.exec(location.pathname);
    if (way) {
      if (way[1]) sessionStorage.setItem(SLOT, JSON.stringify({ ...record, signedIn: true }));
      return;
    }
    const here = record.path === location.pathname && record.user === document.body.dataset.user;
    const form = document.forms[record.place];
    const answered = document.querySelector("form[data-posted], .jb-summary");
    if (here && form && record.signedIn && !answered) giveBack(form, record.values);
    if (here || !record.signedIn) sessionStorage.removeItem(SLOT);
  }

  document.addEventListener("submit", (event) => {
    if (!event.defaultPrevented && event.target.matches("form[data-guard]")) keep(event.target);
  });
  for (const form of document.querySelectorAll("form[data-autosave]")) wakeAutosave(form);
  afterSignIn();
})();
