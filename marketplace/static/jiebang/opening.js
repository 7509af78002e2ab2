// A key holder confirms an opening with a security key: form[data-challenge] is sent once the key
// has signed, with its answer in the field `assertion`.
"use strict";

(() => {
  const raw = (text) => Uint8Array.from(
    atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  async function signed(form) {
    const allowed = form.dataset.credentials.split(" ").filter(Boolean);
    const answer = await navigator.credentials.get({
      publicKey: {
        challenge: raw(form.dataset.challenge),
        allowCredentials: allowed.map((id) => ({ type: "public-key", id: raw(id) })),
        userVerification: "required",
        timeout: 120000,
      },
    });
    return JSON.stringify({
      id: text(answer.rawId),
      type: answer.type,
      response: {
        clientDataJSON: text(answer.response.clientDataJSON),
        authenticatorData: text(answer.response.authenticatorData),
        signature: text(answer.response.signature),
      },
    });
  }

  for (const form of document.querySelectorAll("form[data-challenge]")) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const told = form.querySelector("[data-refused]");
      told.hidden = true;
      try {
        form.elements.assertion.value = await signed(form);
      } catch (error) {
        // Cancelled, timed out, or no such key at hand: nothing was sent.
        told.hidden = false;
        form.querySelector("button").disabled = false;
        return;
      }
      form.submit();
    });
  }
})();
