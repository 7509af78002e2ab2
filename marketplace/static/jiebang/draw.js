// A nonce for a draw: 32 random bytes made here, encrypted with age to the opener, and their hash.
// Only the sealed bytes and the hash are sent; the nonce itself is forgotten with the page.
import { Encrypter } from "../vendor/age/age.js";

const form = document.querySelector("form[data-nonce]");
const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const base64 = (bytes) => btoa(String.fromCharCode(...bytes));

async function deposited() {
  const { draw, role, recipient } = form.dataset;
  const nonce = crypto.getRandomValues(new Uint8Array(32));
  const bound = new TextEncoder().encode(draw + role);
  const hashed = new Uint8Array(nonce.length + bound.length);
  hashed.set(nonce);
  hashed.set(bound, nonce.length);
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  form.elements.nonce_hash.value = hex(new Uint8Array(await crypto.subtle.digest("SHA-256", hashed)));
  form.elements.sealed.value = base64(await encrypter.encrypt(nonce));
}

if (form && window.isSecureContext && window.crypto?.subtle) {
  form.querySelector("button").disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    form.querySelector("button").disabled = true;
    try {
      await deposited();
    } catch {
      form.querySelector("[data-refused]").hidden = false;
      form.querySelector("button").disabled = false;
      return;
    }
    form.submit();
  });
}
