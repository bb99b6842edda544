// Small comforts; every page works without them.
"use strict";

// "/" goes to the search box.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const box = document.querySelector("[data-search-key]");
    if (box) {
      event.preventDefault();
      box.focus();
      box.select();
    }
  }
  if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    }
  }
});

// A menu closes when something else is clicked.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// After a form with errors, reading starts at the summary.
const summary = document.querySelector("[data-focus]");
if (summary) summary.focus();

// What is to be handed on can be copied.
for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
    button.textContent = button.dataset.copied;
  });
}

// A form is sent once.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method.toLowerCase() !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "1";
  setTimeout(() => delete form.dataset.sent, 5000);
});

// Lists search as one types.
for (const box of document.querySelectorAll("[data-list-search]")) {
  let timer = 0;
  const region = document.querySelector("[data-list]");
  if (!region) break;
  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => refreshList(box.form, region), 250);
  });
}

let asking = null;

async function refreshList(form, region) {
  if (asking) asking.abort();
  asking = new AbortController();
  const url = new URL(form.action);
  url.search = new URLSearchParams(new FormData(form)).toString();
  try {
    const answer = await fetch(url, { signal: asking.signal, headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-list]");
    if (fresh) {
      region.replaceChildren(...fresh.childNodes);
      history.replaceState(null, "", url);
    }
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
}

// While something is pending, the parts marked data-live follow the server: it tells of changes by a stream where the
// page names one (data-live-stream), else the page asks again and again.
const LIVE_FIRST_MS = 700, LIVE_LATER_MS = 3000, LIVE_FIRST_TIMES = 40, LIVE_SURE_MS = 30000;
let stream = null, refreshing = false, again = false;
if (document.querySelector("[data-live-pending]")) listen();
document.addEventListener("visibilitychange", () => {
  // A browser opens few connections to one place: pages in the background keep none.
  if (stream && document.hidden) hush();
  else if (!stream && !document.hidden && document.querySelector("[data-live-stream]")) listen();
});
window.addEventListener("pagehide", hush);

function listen() {
  const place = document.querySelector("[data-live-stream]");
  if (!place || !window.EventSource) return follow(0);
  if (document.hidden) return;
  const source = stream = new EventSource(place.dataset.liveStream);
  source.addEventListener("changed", refreshFromStream);
  source.addEventListener("over", refreshFromStream);
  source.addEventListener("error", () => {
    if (source !== stream || source.readyState !== EventSource.CLOSED) return; // else it connects again by itself
    hush();
    follow(0);
  });
}

function hush() {
  if (stream) stream.close();
  stream = null;
}

setInterval(() => stream && refreshFromStream(), LIVE_SURE_MS);

async function refreshFromStream() {
  again = refreshing;
  if (refreshing) return;
  refreshing = true;
  const named = stream && stream.url;
  const pending = await refreshLive();
  refreshing = false;
  if (!stream) return;
  if (!pending) return hush();
  const place = document.querySelector("[data-live-stream]");
  if (place && new URL(place.dataset.liveStream, location).href !== named) {
    hush();
    listen();
  } else if (again) {
    refreshFromStream();
  }
}

function follow(times) {
  setTimeout(async () => {
    if (document.hidden || (await refreshLive())) follow(times + 1);
  }, times < LIVE_FIRST_TIMES ? LIVE_FIRST_MS : LIVE_LATER_MS);
}

// Returns whether there is still something to wait for.
async function refreshLive() {
  let answer;
  try {
    answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  } catch {
    return true; // The panel may be restarting.
  }
  if (!answer.ok || answer.redirected) return answer.status >= 500;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = page.querySelector(`[data-live="${CSS.escape(part.dataset.live)}"]`);
    if (!fresh || fresh.outerHTML === part.outerHTML) continue;
    if (part.contains(document.activeElement) && part !== document.activeElement) continue;
    part.replaceChildren(...fresh.childNodes);
    for (const name of ["data-live-pending", "data-live-stream"]) {
      if (fresh.hasAttribute(name)) part.setAttribute(name, fresh.getAttribute(name));
      else part.removeAttribute(name);
    }
  }
  return page.querySelector("[data-live-pending]") !== null;
}
