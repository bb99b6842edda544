// Passkeys: asks the panel what it needs, has the browser ask the person, and sends the answer in the form.
"use strict";

const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

function withBytes(options) {
  options.challenge = toBytes(options.challenge);
  if (options.user) options.user.id = toBytes(options.user.id);
  for (const list of [options.excludeCredentials, options.allowCredentials]) {
    for (const one of list || []) one.id = toBytes(one.id);
  }
  return options;
}

function asJson(made) {
  const given = { clientDataJSON: toText(made.response.clientDataJSON) };
  if (made.response.attestationObject) {
    given.attestationObject = toText(made.response.attestationObject);
    given.transports = made.response.getTransports ? made.response.getTransports() : [];
  } else {
    given.authenticatorData = toText(made.response.authenticatorData);
    given.signature = toText(made.response.signature);
    given.userHandle = made.response.userHandle ? toText(made.response.userHandle) : null;
  }
  return JSON.stringify({
    id: made.id, rawId: toText(made.rawId), type: made.type, response: given,
    clientExtensionResults: made.getClientExtensionResults(),
  });
}

async function answer(form) {
  const token = form.elements.csrf_token.value;
  const asked = await fetch(form.dataset.options, {
    method: "POST", headers: { "X-CSRFToken": token, Accept: "application/json" },
  });
  if (!asked.ok || asked.redirected) throw new Error("options");
  const publicKey = withBytes(await asked.json());
  const made = form.dataset.passkey === "create"
    ? await navigator.credentials.create({ publicKey })
    : await navigator.credentials.get({ publicKey });
  form.elements.answer.value = asJson(made);
  form.submit();
}

for (const form of document.querySelectorAll("[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  form.hidden = false;
  const problem = form.querySelector("[data-passkey-problem]");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopPropagation();
    problem.textContent = "";
    answer(form).catch((error) => {
      problem.textContent = error.name === "InvalidStateError" ? form.dataset.known : form.dataset.failed;
    });
  });
}
