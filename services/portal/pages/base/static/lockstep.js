// The portal's own script. Every page works without it; it saves steps and keeps what was typed.
(() => {
  "use strict";
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // After an error the summary has the focus, so that it is read first.
  const focused = one("[data-focus]");
  if (focused) focused.focus();

  // Menus close when the attention goes elsewhere.
  document.addEventListener("click", (event) => {
    for (const menu of all("details[data-menu][open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of all("details[data-menu][open]")) {
      menu.open = false;
      one("summary", menu).focus();
    }
  });

  // A long menu is narrowed by typing.
  for (const box of all("[data-narrow]")) {
    const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
    const items = all("li", box.parentElement);
    box.hidden = false;
    box.addEventListener("input", () => {
      for (const item of items) item.hidden = !plain(item.textContent).includes(plain(box.value));
    });
  }

  // Keys for people who sit in it all day: / search, j and k through rows, r reply.
  const typing = (element) => element.matches("input, textarea, select, [contenteditable]");
  const leads = () => all("[data-rows] .lead");
  const step = (by) => {
    const links = leads();
    const at = links.indexOf(document.activeElement);
    const next = links[Math.min(links.length - 1, Math.max(0, at + by))];
    if (next) next.focus();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const target = { "/": "[data-search]", r: "#reply textarea" }[event.key];
    const found = target && one(target);
    if (found) {
      event.preventDefault();
      found.focus();
    } else if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "n" && one("[data-next]")) one("[data-next]").click();
    else if (event.key === "?" && one("#keys")) one("#keys").showModal();
  });

  // One press is one request, and shows that it is under way. Without a connection nothing is sent, and it says so.
  const words = document.body.dataset;
  const note = (form, text) => {
    let shown = one("[data-note]", form);
    if (!shown) {
      shown = document.createElement("p");
      shown.className = "error";
      shown.dataset.note = "";
      shown.setAttribute("role", "status");
      form.append(shown);
    }
    shown.textContent = text;
    shown.hidden = !text;
  };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) return event.preventDefault();
    if (!navigator.onLine) {
      event.preventDefault();
      return note(form, words.offline);
    }
    form.dataset.sent = "1";
    const pressed = event.submitter;
    if (!pressed || !pressed.textContent.trim()) return;
    pressed.dataset.label = pressed.innerHTML;
    pressed.setAttribute("aria-busy", "true");
    pressed.textContent = words.sending;
  });
  window.addEventListener("pageshow", () => {
    for (const form of all("form[data-sent]")) delete form.dataset.sent;
    for (const pressed of all("button[data-label]")) {
      pressed.innerHTML = pressed.dataset.label;
      pressed.removeAttribute("aria-busy");
      delete pressed.dataset.label;
    }
  });
  window.addEventListener("online", () => all("[data-note]").forEach((shown) => note(shown.parentElement, "")));

  // What was typed survives a lost connection or an ended session, in this tab and for this person alone, until the
  // answer says that it arrived. Signing out forgets all of it.
  const kept = (name) => `kept:${document.body.dataset.person || ""}:${name}`;
  for (const done of all("[data-done]")) sessionStorage.removeItem(kept(done.dataset.done));
  for (const form of all("form[data-keep]")) {
    const fields = all("textarea, select, input:not([type=hidden], [type=password])", form);
    const chosen = (field) => field.type === "radio" || field.type === "checkbox";
    const before = JSON.parse(sessionStorage.getItem(kept(form.dataset.keep)) || "null");
    let is_back = false;
    for (const field of before ? fields : []) {
      if (chosen(field)) field.checked = before.includes(`${field.name}=${field.value}`);
      else if (!field.value || field.tagName === "SELECT") {
        const found = before.find((entry) => entry.startsWith(`${field.name}=`));
        if (found) field.value = found.slice(field.name.length + 1);
        is_back ||= field.tagName === "TEXTAREA" && Boolean(field.value);
      }
    }
    if (is_back) note(form, words.kept);
    form.addEventListener("input", () => {
      const entries = fields.filter((field) => !chosen(field) || field.checked);
      sessionStorage.setItem(kept(form.dataset.keep), JSON.stringify(entries.map((f) => `${f.name}=${f.value}`)));
    });
  }
  for (const form of all("form[data-forgets]")) form.addEventListener("submit", () => sessionStorage.clear());

  // Near its limit a field says how much room is left.
  const NEAR = 0.9;
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (!(field.maxLength > 0) || !field.closest(".field")) return;
    let left = one("[data-left-of]", field.parentElement);
    const is_near = field.value.length >= field.maxLength * NEAR;
    if (!left && !is_near) return;
    if (!left) {
      left = document.createElement("span");
      left.className = "hint";
      left.dataset.leftOf = field.name;
      left.setAttribute("role", "status");
      field.after(left);
    }
    const number = new Intl.NumberFormat(document.documentElement.lang).format(field.maxLength - field.value.length);
    left.textContent = is_near ? `${words.left} ${number}` : "";
  });

  // An answer that changed by itself is said once, politely.
  const headline = () => (one(".answer h1") || document.body).textContent.trim();
  let said = one(".answer h1") && headline();
  document.addEventListener("htmx:afterSettle", () => {
    if (!said || said === headline()) return;
    said = headline();
    one("[data-said]").textContent = said;
  });

  // A part that changes by itself is asked for again while somebody looks; what was opened in it stays open.
  for (const part of all("[data-every]")) {
    const look = () => document.hidden || part.dispatchEvent(new CustomEvent("look"));
    setInterval(look, part.dataset.every * 1000);
    document.addEventListener("visibilitychange", look);
    let open = [];
    part.addEventListener("htmx:beforeSwap", () => (open = all("details[id][open]", part).map((one) => one.id)));
    part.addEventListener("htmx:afterSwap", () => {
      for (const id of open) if (document.getElementById(id)) document.getElementById(id).open = true;
    });
  }

  // When the session has ended, a live part leads to the sign-in instead of going quiet.
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status === 401) location.assign(`/sign-in?ended=1&next=${encodeURIComponent(location.pathname)}`);
  });
})();
