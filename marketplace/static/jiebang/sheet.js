// A score sheet by keyboard: one criterion at a time, levels by number. Without this file all
// criteria stand below one another and are saved as a whole.
"use strict";

(() => {
  const form = document.getElementById("scores");
  const boxes = form ? Array.from(form.querySelectorAll(".jb-criterion")) : [];
  if (!boxes.length) return;
  let at = 0;

  const points = (box) => box.querySelector("[data-points]");
  const typing = (target) => target.closest("input[type=text], textarea, select");

  // The list above is replaced whenever something is saved.
  function mark() {
    for (const link of document.querySelectorAll("#criteria a")) {
      if (link.hash === `#${boxes[at].id}`) link.setAttribute("aria-current", "step");
      else link.removeAttribute("aria-current");
    }
  }

  function press(box) {
    const given = points(box).value.trim();
    for (const level of box.querySelectorAll("[data-level]")) {
      const same = given !== "" && Number(given) === Number(level.dataset.level);
      level.setAttribute("aria-pressed", String(same));
    }
  }

  function show(next, focus = true) {
    // A field that is hidden while somebody types in it would not tell that it changed.
    if (boxes[at].contains(document.activeElement)) document.activeElement.blur();
    at = Math.min(Math.max(next, 0), boxes.length - 1);
    boxes.forEach((box, place) => { box.hidden = place !== at; });
    mark();
    if (focus) points(boxes[at]).focus();
  }

  function choose(level) {
    const field = points(level.closest(".jb-criterion"));
    field.value = level.dataset.level;
    press(level.closest(".jb-criterion"));
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }

  for (const box of boxes) {
    for (const level of box.querySelectorAll("[data-level]")) {
      level.disabled = false;
      level.addEventListener("click", () => choose(level));
    }
    points(box).addEventListener("input", () => press(box));
    press(box);
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("#criteria a");
    const place = link ? boxes.findIndex((box) => `#${box.id}` === link.hash) : -1;
    if (place < 0) return;
    event.preventDefault();
    show(place);
  });
  document.addEventListener("keydown", (event) => {
    if (event.altKey && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      show(at + (event.key === "ArrowDown" ? 1 : -1));
    } else if (/^[1-9]$/.test(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey
      && !typing(event.target)) {
      const level = boxes[at].querySelectorAll("[data-level]")[Number(event.key) - 1];
      if (level) choose(level);
    }
  });
  document.body.addEventListener("htmx:oobAfterSwap", mark);

  for (const part of document.querySelectorAll("[data-by-keyboard]")) part.hidden = false;
  const asked = boxes.findIndex((box) => `#${box.id}` === location.hash);
  const open = boxes.findIndex((box) => points(box).value.trim() === "");
  show(asked >= 0 ? asked : Math.max(open, 0), false);
})();
