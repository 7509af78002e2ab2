// What pages gain when scripts run. Every page works without this file.
"use strict";

(() => {
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));

  // --- countdowns: the server's clock, carried on by the monotonic one ------------------

  function fill(pattern, values) {
    return pattern.replace(/%\((\w+)\)s/g, (_whole, name) => values[name]);
  }

  function leftText(box, left) {
    const seconds = Math.floor(left / 1000);
    const values = {
      days: Math.floor(seconds / 86400),
      hours: Math.floor((seconds % 86400) / 3600),
      minutes: Math.floor((seconds % 3600) / 60),
      seconds: seconds % 60,
    };
    if (values.days) return fill(box.dataset.textDays, values);
    if (values.hours) return fill(box.dataset.textHours, values);
    return fill(box.dataset.textMinutes, values);
  }

  // A page that the browser had already (304) says when it was made; the answer says what time it is.
  const came = performance.getEntriesByType("navigation")[0];
  const told = Date.parse(came?.serverTiming?.find(({ name }) => name === "now")?.description);

  function serverTime(box) {
    const made = Date.parse(box.dataset.now);
    const since = performance.now() - (came?.responseStart || 0);
    return box.isFirst && told ? Math.max(made, told + since) : made;
  }

  for (const box of all("[data-countdown]")) box.isFirst = true;

  function tick() {
    for (const box of all("[data-countdown]")) {
      if (box.started === undefined) {
        box.started = performance.now();
        box.left = Date.parse(box.dataset.deadline) - serverTime(box);
        box.over = box.left <= 0;
      }
      if (box.over) continue;
      const left = box.left - (performance.now() - box.started);
      const words = box.querySelector("[data-left]");
      if (left > 0) {
        words.textContent = leftText(box, left);
        box.classList.toggle("jb-countdown-urgent", left < 86400000);
      } else {
        box.over = true;
        words.textContent = box.dataset.over;
        box.querySelector(".jb-countdown-label")?.remove();
        box.classList.remove("jb-countdown-urgent");
        box.classList.add("jb-countdown-over");
        // A part of the page may listen: hx-trigger="jb:deadline from:body".
        box.dispatchEvent(new CustomEvent("jb:deadline", { bubbles: true }));
      }
    }
  }

  // --- forms ----------------------------------------------------------------------------

  let leaving = false;

  function wakeForms(root) {
    for (const form of all("form[data-guard]", root)) {
      if (form.guarded) continue;
      form.guarded = true;
      form.addEventListener("input", () => { form.dataset.changed = "yes"; });
    }
    for (const button of all("[data-copy], [data-close-details]", root)) button.hidden = false;
    for (const box of all("[data-formset]", root)) wakeFormset(box);
  }

  window.addEventListener("beforeunload", (event) => {
    if (leaving || !document.querySelector("form[data-guard][data-changed]")) return;
    event.preventDefault();
    event.returnValue = "";
  });
  // Pressed twice, a form is sent once; what is sent and unanswered for long may be sent again.
  const UNANSWERED = 10000;
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || !form.matches("form[data-guard]")) return;
    if (Date.now() - (form.sentAt || 0) < UNANSWERED) {
      event.preventDefault();
      return;
    }
    form.sentAt = Date.now();
    leaving = true;
  });
  window.addEventListener("pageshow", () => {
    leaving = false;
    for (const form of all("form[data-guard]", document)) delete form.sentAt;
  });

  // A formset: data-formset="prefix", rows in [data-formset-rows], one <template> with
  // __prefix__, buttons [data-formset-add] and, in a row, [data-formset-remove].
  // The buttons take the place of the check boxes that serve without scripts.
  function readyRows(box) {
    for (const button of all("[data-formset-add], [data-formset-remove]", box)) button.hidden = false;
    for (const mark of all('[data-formset-row] [name$="-DELETE"]', box)) {
      const field = mark.closest(".jb-field");
      if (field) field.hidden = true;
    }
  }

  function wakeFormset(box) {
    if (box.awake) return;
    box.awake = true;
    const total = box.querySelector(`[name="${box.dataset.formset}-TOTAL_FORMS"]`);
    const rows = box.querySelector("[data-formset-rows]");
    const blank = box.querySelector("template");
    readyRows(box);
    box.addEventListener("click", (event) => {
      if (event.target.closest("[data-formset-add]")) {
        const holder = document.createElement("template");
        holder.innerHTML = blank.innerHTML.replaceAll("__prefix__", total.value);
        rows.append(holder.content);
        readyRows(box);
        total.value = Number(total.value) + 1;
        const row = rows.lastElementChild;
        wakeForms(row);
        row.querySelector("input:not([type=hidden]), select, textarea")?.focus();
      }
      const remove = event.target.closest("[data-formset-remove]");
      if (remove) {
        const row = remove.closest("[data-formset-row]");
        const mark = row.querySelector('[name$="-DELETE"]');
        if (mark) {
          mark.checked = true;
          if (mark.type === "hidden") mark.value = "on";
          row.hidden = true;
        } else {
          for (const control of all("input, select, textarea", row)) control.value = "";
          row.hidden = true;
        }
        box.dispatchEvent(new Event("input", { bubbles: true }));
        box.querySelector("[data-formset-add]")?.focus();
      }
    });
  }

  // --- clicks ---------------------------------------------------------------------------

  // Whoever signs out leaves no draft of a bid (seal/vault.js) behind in this browser: key and
  // contents go first, then the session.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-signs-out]") || "cleared" in form.dataset || !window.indexedDB) return;
    event.preventDefault();
    const goOn = () => {
      if ("cleared" in form.dataset) return;
      form.dataset.cleared = "";
      form.requestSubmit(event.submitter);
    };
    const asked = indexedDB.deleteDatabase("jiebang-drafts");
    asked.onsuccess = goOn;
    asked.onerror = goOn;
    setTimeout(goOn, 3000);
  });

  document.addEventListener("click", async (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      await navigator.clipboard.writeText(copy.dataset.copy);
      const before = copy.textContent;
      copy.textContent = copy.dataset.copied;
      setTimeout(() => { copy.textContent = before; }, 1500);
    }
    const close = event.target.closest("[data-close-details]");
    if (close) {
      const details = close.closest("details");
      details.open = false;
      details.querySelector("summary").focus();
    }
    for (const menu of all("details.jb-account[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.querySelector("details.jb-account[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
    const sheet = document.querySelector(".jb-rail-toggle:checked");
    if (sheet) { sheet.checked = false; sheet.focus(); }
  });
  // One press is one request.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("hx-post")) return;
    if (form.sent) { event.preventDefault(); return; }
    form.sent = true;
    setTimeout(() => { form.sent = false; }, 4000);
  });

  // --- htmx -----------------------------------------------------------------------------

  // The counter in the header asks by itself: whether it got an answer concerns nobody.
  const byItself = (event) => event.detail.elt?.id === "unread";

  function failed(event) {
    if (byItself(event)) return;
    const place = document.getElementById("notices");
    place.querySelector("[data-failure]")?.remove();
    const signedOut = event.detail.xhr?.status === 401;
    // A draft that saves itself tells in its own place, and tries again.
    if (!signedOut && event.detail.elt.dataset.failed) return;
    const notice = document.createElement("div");
    notice.className = "jb-notice jb-bad";
    notice.dataset.failure = "";
    notice.setAttribute("role", "alert");
    const words = document.createElement("div");
    words.textContent = signedOut ? place.dataset.signedOut : place.dataset.failed;
    if (signedOut) {
      const link = document.createElement("a");
      link.href = place.dataset.signIn;
      link.textContent = place.dataset.signInWords;
      link.addEventListener("click", () => { leaving = true; });
      words.append(" ", link);
    }
    notice.append(words);
    place.append(notice);
    notice.scrollIntoView({ block: "nearest" });
  }
  document.addEventListener("htmx:sendError", failed);
  document.addEventListener("htmx:timeout", failed);
  document.addEventListener("htmx:responseError", failed);
  // A form that was refused in place is still full of what was typed: guard it again.
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!byItself(event) && !event.detail.xhr?.getResponseHeader("HX-Redirect")) leaving = false;
  });
  document.addEventListener("htmx:load", (event) => {
    wakeForms(event.detail.elt);
    const arrived = event.detail.elt;
    if (arrived !== document.body) arrived.querySelector?.("[data-focus]")?.focus();
  });

  wakeForms(document);
  // On a phone the strip of tabs is longer than the screen: begin where the reader is.
  document.querySelector(".jb-tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  document.querySelector("[data-focus]:not([data-quiet] *)")?.focus();
  tick();
  setInterval(tick, 1000);
})();
