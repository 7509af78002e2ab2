// The buttons of the page: one deed at a time, each telling in its own place.
export class Deeds {
  #buttons = {};

  busy = false;

  // `after` says, once a deed is over, what may be done next.
  constructor(part, tell, after) {
    Object.assign(this, { part, tell, after });
  }

  add(name, place, deed) {
    const button = document.querySelector(`[data-seal-do="${name}"]`);
    if (!button) return;
    this.#buttons[name] = button;
    button.addEventListener("click", async () => {
      if (this.busy) return;
      this.busy = true;
      this.allow(() => false);
      try {
        await deed(this.part(place));
      } catch (error) {
        this.tell.failed(this.part(place), error);
      } finally {
        this.busy = false;
        this.after();
      }
    });
  }

  allow(may) {
    for (const [name, button] of Object.entries(this.#buttons)) button.disabled = !may(name);
  }
}
