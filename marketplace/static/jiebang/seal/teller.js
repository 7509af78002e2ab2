// What the page says while it works, in the words that it was given. A place is an element with a
// live region of its own: [data-seal-words], and where there is something to show, a bar or a list.
export const filled = (text, values) => text.replace(/%\((\w+)\)s/g, (_whole, name) => values[name]);

const mark = (name) => document.querySelector(`[data-seal-mark="${name}"]`).content.cloneNode(true);

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (className) made.className = className;
  return made;
}

export class Teller {
  constructor(words) {
    this.words = words;
    this.numbers = new Intl.NumberFormat(document.documentElement.lang, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  }

  // As the server's pages write sizes.
  size(bytes) {
    const place = bytes < 2 ** 20 ? 0 : bytes < 2 ** 30 ? 1 : 2;
    return `${this.numbers.format(bytes / 1024 ** (place + 1))} ${["KB", "MB", "GB"][place]}`;
  }

  clear(place) {
    place.replaceChildren();
    place.hidden = true;
  }

  // A notice in place of whatever stood there; it is read aloud.
  #notice(place, tone, icon, ...inside) {
    const box = element("div", "", `jb-notice jb-${tone}`);
    box.setAttribute("role", tone === "bad" ? "alert" : "status");
    const words = element("div");
    words.append(...inside);
    box.append(mark(icon), words);
    place.replaceChildren(box);
    place.hidden = false;
  }

  say(place, text) { this.#notice(place, "info", "info", element("p", text)); }

  good(place, text) { this.#notice(place, "good", "check", element("p", text)); }

  bad(place, text) { this.#notice(place, "bad", "warn", element("p", text)); }

  // Spoken at every quarter only: a screen reader should not talk without end.
  progress(place, text, share) {
    let box = place.querySelector("[data-seal-progress]");
    if (!box) {
      box = document.querySelector("[data-seal-bar]").content.firstElementChild.cloneNode(true);
      place.replaceChildren(box);
      place.hidden = false;
    }
    const percent = `${Math.floor(share * 100)}%`;
    box.querySelector("[data-seal-text]").textContent = `${text} ${percent}`;
    box.querySelector("[data-seal-done]").setAttribute("width", percent);
    const quarter = String(Math.floor(share * 4));
    if (box.dataset.quarter !== quarter) {
      box.dataset.quarter = quarter;
      box.querySelector("[data-seal-said]").textContent = `${text} ${percent}`;
    }
  }

  failed(place, error) {
    const changed = error.message === "changed" || error.name === "NotReadableError";
    const full = error.name === "QuotaExceededError";
    const { words } = this;
    const told = changed ? words.file_changed : full ? words.no_room : words.failed;
    this.bad(place, error.message === "not_age" ? words.not_age : told);
  }

  refused(place, error) {
    const { words } = this;
    if (error.status === 401) {
      const link = element("a", words.sign_in);
      link.href = document.getElementById("notices").dataset.signIn;
      this.#notice(place, "bad", "warn", element("p", words.signed_out), link);
    } else {
      const told = [error.message || words.no_answer, words.sealed_stay];
      this.#notice(place, "bad", "warn", ...told.map((text) => element("p", text)));
    }
  }

  publication(place, { state, size }) {
    const text = filled(this.words[`recipients_${state}`], { size });
    if (state === "held") this.good(place, text);
    else if (state === "other") this.bad(place, text);
    else this.say(place, text);
  }

  // What the technical files tell of their maker, to be looked at by who sends them.
  findings(place, told) {
    const { words } = this;
    if (!told.length) return this.clear(place);
    const list = element("ul");
    for (const { name, properties, read } of told) {
      const item = element("li", "", "jb-break");
      item.append(element("strong", name));
      if (properties.length) {
        const inside = element("ul");
        inside.append(...properties.map(([what, value]) => element("li", `${what}: ${value.slice(0, 300)}`)));
        item.append(inside);
      } else {
        item.append(` — ${read ? words.no_properties : words.unread}`);
      }
      list.append(item);
    }
    const any = told.some(({ properties, read }) => properties.length || !read);
    return this.#notice(place, any ? "warn" : "info", any ? "warn" : "info",
      element("p", words.properties_found), list);
  }

  #files(list, envelope, files, after = () => []) {
    for (const one of files) {
      const item = element("li", "", "jb-break");
      item.append(`${this.words[envelope]} · ${one.name} · ${this.size(one.size)} · SHA-256 `);
      item.append(element("code", one.sha256), ...after(one));
      list.append(item);
    }
  }

  rehearsal(place, results) {
    const { words } = this;
    const whole = results.every((one) => one.whole);
    const list = element("ul");
    for (const { envelope, files } of results) {
      this.#files(list, envelope, files, ({ same }) => [` · ${same ? words.same : words.not_same}`]);
    }
    this.#notice(place, whole ? "good" : "bad", whole ? "check" : "warn",
      element("p", whole ? words.rehearsed : words.rehearsal_failed), list);
  }

  sealed(place, note, first = this.words.sealed) {
    const { words } = this;
    const list = element("ul");
    for (const { envelope, sha256, size, files } of note.envelopes) {
      const item = element("li", "", "jb-break");
      item.append(`${words[envelope]} · ${envelope}.age · ${this.size(size)} · SHA-256 `, element("code", sha256));
      if (files.length) {
        const inside = element("ul");
        this.#files(inside, envelope, files);
        item.append(inside);
      }
      list.append(item);
    }
    this.#notice(place, "good", "check", element("p", first), list);
  }
}
