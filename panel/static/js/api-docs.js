// Trying operations from the page that describes them. Without it, the page is a reference.
"use strict";

const token = document.getElementById("token");

function addressOf(form) {
  let path = form.dataset.path;
  const query = new URLSearchParams();
  for (const field of form.querySelectorAll("[data-place]")) {
    if (field.dataset.place === "path") path = path.replace(`{${field.name}}`, encodeURIComponent(field.value));
    if (field.dataset.place === "query" && field.value !== "") query.append(field.name, field.value);
  }
  return `/api/v1${path}${query.size ? `?${query}` : ""}`;
}

function requestOf(form) {
  const headers = { Authorization: `Bearer ${token.value}` };
  for (const field of form.querySelectorAll("[data-place=header]")) {
    if (field.value !== "") headers[field.name] = field.value;
  }
  const request = { method: form.dataset.method, headers, credentials: "omit" };
  const body = form.querySelector("[data-body]");
  const file = form.querySelector("[data-file]");
  if (body) {
    headers["Content-Type"] = "application/json";
    request.body = body.value;
  }
  if (file && file.files.length) {
    request.body = new FormData();
    request.body.append("file", file.files[0]);
  }
  return request;
}

function shown(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function send(form) {
  const place = form.querySelector(".api-answer");
  const status = document.createElement("p");
  const content = document.createElement("pre");
  content.tabIndex = 0;
  try {
    const answer = await fetch(addressOf(form), requestOf(form));
    status.textContent = `${answer.status} ${answer.statusText}`;
    content.textContent = shown(await answer.text());
  } catch (error) {
    status.textContent = "The panel did not answer.";
    content.textContent = String(error);
  }
  place.replaceChildren(status, content);
}

for (const hidden of document.querySelectorAll("#sign-in, form[data-path] [hidden]")) hidden.hidden = false;
for (const form of document.querySelectorAll("form[data-path]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
}
document.getElementById("sign-in").addEventListener("submit", (event) => event.preventDefault());
