// Everything here only makes nicer what works without it. Nothing is kept in the browser.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const html = document.documentElement;

// What explains a script-only convenience is shown only where the script runs.
for (const element of all("[data-scripted], [data-print]")) element.hidden = false;

// ---- The quick exit: blank first, then leave. The server ends the session at that address.
const exit = document.querySelector("[data-leave]");
const leave = () => {
  html.classList.add("is-left");
  document.title = " ";
  window.location.replace(exit.href);
};
if (exit) {
  exit.addEventListener("click", (event) => {
    event.preventDefault();
    leave();
  });
  // Typing a capital letter presses Shift too; only three bare presses within five seconds count.
  let presses = [];
  let bare = false;
  document.addEventListener("keydown", (event) => {
    bare = event.key === "Shift";
    if (!bare) presses = [];
  });
  document.addEventListener("keyup", (event) => {
    if (event.key !== "Shift" || !bare) return;
    presses = [...presses, event.timeStamp].slice(-3);
    if (presses.length === 3 && presses[2] - presses[0] < 5000) leave();
  });
}

// ---- A page brought back by the Back button may show what may no longer be seen: ask again.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  html.classList.add("is-left");
  window.location.reload();
});

// ---- While a page stands open, ask whether it may still be seen.
const watched = document.querySelector("[data-recheck]");
const RECHECK_MILLISECONDS = 30_000;
const blank = () => {
  const link = document.createElement("a");
  link.href = "/";
  link.textContent = watched.dataset.recheckHome;
  const text = document.createElement("p");
  text.textContent = watched.dataset.recheckGone;
  const page = document.createElement("main");
  page.className = "main";
  page.setAttribute("role", "alert");
  page.append(text, link);
  document.body.replaceChildren(page);
  document.title = watched.dataset.recheckGone;
};
const recheck = async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch(watched.dataset.recheck, { method: "HEAD", cache: "no-store", redirect: "manual" });
    if (answer.type === "opaqueredirect" || [401, 403, 404].includes(answer.status)) {
      window.clearInterval(timer);
      blank();
    }
  } catch {
    // The network is away; the page stays, and the next question will tell.
  }
};
const timer = watched ? window.setInterval(recheck, RECHECK_MILLISECONDS) : 0;
if (watched) document.addEventListener("visibilitychange", recheck);

// ---- A sign-in that is about to rest says so and can go on. Every window of the browser keeps it awake.
const rest = document.querySelector("[data-rest]");
const WARNED_MILLISECONDS = 120_000;
if (rest) {
  const others = new BroadcastChannel("awake");
  let typed = false;
  let timers = [];
  const over = () => {
    // What is being written stays on the page; sent, it is kept for its author.
    if (!typed) window.location.reload();
  };
  const wait = (milliseconds) => {
    rest.hidden = true;
    for (const each of timers) window.clearTimeout(each);
    const warn = () => (rest.hidden = false);
    timers = [
      window.setTimeout(warn, Math.max(0, milliseconds - WARNED_MILLISECONDS)),
      window.setTimeout(over, milliseconds + 1000),
    ];
  };
  const usual = 1000 * Number(rest.dataset.rest);
  others.addEventListener("message", () => wait(usual));
  others.postMessage("");
  document.addEventListener("input", () => (typed = true));
  rest.querySelector("button").addEventListener("click", async () => {
    const answer = await fetch(rest.dataset.stay, { cache: "no-store", redirect: "manual" });
    if (!answer.ok) return;
    wait(1000 * Number(await answer.text()));
    others.postMessage("");
  });
  wait(usual);
}

// ---- How many characters are left. The server counts again; nothing is cut off here.
for (const area of all("[data-limit]")) {
  const count = document.getElementById(`${area.id}-count`);
  const limit = Number(area.dataset.limit);
  const rule = count.textContent;
  const show = () => {
    // Lines end in two characters when they are sent, and 𠮷 is one character.
    const used = [...area.value.replace(/\n/g, "\r\n")].length;
    count.textContent = `${rule} (${used.toLocaleString("ja")} / ${limit.toLocaleString("ja")})`;
    count.toggleAttribute("data-over", used > limit);
  };
  area.addEventListener("input", show);
  show();
}

// ---- Many choices in groups: what is typed leaves the matching ones; emptied, all is as it was.
const folded = (text) =>
  text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[\u30a1-\u30f6]/g, (kana) => String.fromCharCode(kana.charCodeAt(0) - 0x60));
for (const place of all("[data-folds]")) {
  const filter = place.querySelector("[data-filter]");
  const none = place.querySelector("[data-none]");
  const groups = all("details", place).map((group) => ({ group, open: group.open, choices: all("label", group) }));
  filter.addEventListener("input", () => {
    const wanted = folded(filter.value.trim());
    let found = 0;
    for (const { group, open, choices } of groups) {
      for (const choice of choices) {
        choice.hidden = !folded(choice.querySelector(".choice__text > span").textContent).includes(wanted);
      }
      const left = choices.filter((choice) => !choice.hidden).length;
      group.hidden = left === 0;
      group.open = wanted ? left > 0 : open || group.querySelector(":checked") !== null;
      found += left;
    }
    none.textContent = found ? "" : none.dataset.none;
  });
  // Enter sends no form that is not filled in yet.
  filter.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
}

// ---- A second press of the same button sends nothing; the server would drop it anyway.
for (const form of all("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    for (const button of all("button", form)) button.setAttribute("aria-disabled", "true");
  });
  window.addEventListener("pageshow", () => {
    delete form.dataset.sent;
    for (const button of all("button", form)) button.removeAttribute("aria-disabled");
  });
}

// ---- Passkeys: the browser makes one or proves one, and its answer is sent with the form.
const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
const written = (value) => {
  if (value instanceof ArrayBuffer) {
    const letters = [...new Uint8Array(value)].map((byte) => String.fromCharCode(byte)).join("");
    return btoa(letters).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
  }
  return value;
};
const asked = (options) => {
  const listed = (some) => some?.map((each) => ({ ...each, id: bytes(each.id) }));
  const user = options.user && { ...options.user, id: bytes(options.user.id) };
  return {
    ...options,
    challenge: bytes(options.challenge),
    ...(user && { user }),
    ...(options.excludeCredentials && { excludeCredentials: listed(options.excludeCredentials) }),
    ...(options.allowCredentials && { allowCredentials: listed(options.allowCredentials) }),
  };
};
const told = (credential) => {
  const names = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  const response = {};
  for (const name of names) if (credential.response[name]) response[name] = written(credential.response[name]);
  const id = written(credential.rawId);
  return JSON.stringify({ id, rawId: id, type: credential.type, clientExtensionResults: {}, response });
};
for (const place of window.PublicKeyCredential ? all("[data-passkey]") : []) {
  place.hidden = false;
  const [button, failed] = [place.querySelector("button"), place.querySelector("[role=alert]")];
  button.addEventListener("click", async () => {
    failed.hidden = true;
    try {
      const options = { publicKey: asked(JSON.parse(place.querySelector("input").value)) };
      const credential = await navigator.credentials[place.dataset.passkey](options);
      const form = place.closest("form");
      form.elements[place.dataset.answer].value = told(credential);
      form.requestSubmit();
    } catch {
      failed.hidden = false;
    }
  });
}

// ---- Sections, the menu of the account, printing.
for (const control of all("[data-sections]")) {
  control.addEventListener("click", () => {
    for (const section of all("details.section")) section.open = control.dataset.sections === "open";
  });
}
for (const menu of all("details[data-closes]")) {
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}
for (const button of all("[data-print]")) button.addEventListener("click", () => window.print());

// ---- A refused form: go to what is wrong.
document.querySelector("[data-focus]")?.focus();
