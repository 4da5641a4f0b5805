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
