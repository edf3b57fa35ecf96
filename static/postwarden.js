// Postwarden: what a page can do better with a script. Every page is complete without it; nothing here is relied on.
// What only works with it is `hidden` and `data-js` in the page, and shown below.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector, root = document) => root.querySelector(selector);
  const make = (tag, props) => Object.assign(document.createElement(tag), props);

  for (const element of all("[data-js]")) element.hidden = false;

  // ---- Copying. Without https there is no navigator.clipboard: a selected textarea does it there.
  const said = document.body.appendChild(make("p", { className: "hidden" }));
  said.setAttribute("role", "status");
  const copy = async (text, button) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const before = document.activeElement;
      const field = button.parentElement.appendChild(make("textarea", { className: "hidden", value: text }));
      field.select();
      const done = document.execCommand("copy");
      before.focus({ preventScroll: true });
      field.remove();
      if (!done) return;
    }
    const word = (button.dataset.word ??= button.textContent);
    button.textContent = "Copied";
    said.textContent = `Copied ${button.hasAttribute("data-copy") ? "" : text}`;
    clearTimeout(button.timer);
    button.timer = setTimeout(() => { button.textContent = word; said.textContent = ""; }, 1500);
  };

  // One button for all rows: it stands behind the subject of the row in use.
  const copier = make("button", { type: "button", className: "btn-quiet copy-value", textContent: "Copy" });
  const offer = (event) => {
    const row = event.target.closest?.(".table tbody tr");
    const link = row && one("th > a.mono", row);
    if (!link || link === copier.previousElementSibling || document.activeElement === copier) return;
    link.after(copier);
    copier.textContent = copier.dataset.word ?? "Copy";
    copier.setAttribute("aria-label", `Copy ${link.textContent.trim()}`);
  };
  if (matchMedia("(hover: hover)").matches) document.addEventListener("pointerover", offer);
  document.addEventListener("focusin", offer);

  // ---- Selected rows
  const bulk = one("#bulk");
  const boxes = all('.pick input[name="key"]');
  const every = one("#pick-all");
  const whole = one("#bulk [name=all]");
  const count = () => {
    const n = boxes.filter((box) => box.checked).length;
    bulk.hidden = !n && !whole?.checked;
    one("p", bulk).textContent = whole?.checked ? `${whole.dataset.total} selected` : `${n} selected`;
    if (every) {
      every.checked = n > 0 && n === boxes.length;
      every.indeterminate = n > 0 && n < boxes.length;
    }
  };
  if (bulk) {
    bulk.classList.add("live");
    one("p", bulk).setAttribute("aria-live", "polite");
    let last;
    for (const box of boxes) box.addEventListener("click", (event) => {
      if (event.shiftKey && last) { // a range, as in every list of files
        const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
        for (const other of boxes.slice(from, to + 1)) other.checked = box.checked;
      }
      last = box;
    });
    document.addEventListener("change", (event) => {
      if (event.target === every) for (const box of boxes) box.checked = every.checked;
      count();
    });
    one("[data-clear]", bulk)?.addEventListener("click", () => {
      for (const box of [...boxes, whole]) if (box) box.checked = false;
      count();
      every?.focus();
    });
    addEventListener("pageshow", count); // also when the browser brings the page back as it was left
    count();
  }

  // ---- Row menus close as menus do
  const menus = () => all(".actions details[open]");
  document.addEventListener("click", (event) => {
    for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
  });

  // ---- Buttons that act on something of the page
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const { copy: source, show, opens } = button.dataset;
    if (button === copier) copy(copier.previousElementSibling.textContent.trim(), button);
    if (source) copy(document.getElementById(source).textContent.trim(), button);
    if (opens) document.getElementById(opens).showModal?.();
    if (show) {
      const field = document.getElementById(show);
      const shown = field.type === "text";
      field.type = shown ? "password" : "text";
      button.textContent = shown ? "Show" : "Hide";
    }
  });

  // ---- Ready-made values: <li data-fill="transport"><b>Name</b> <code>value</code></li>
  for (const item of all("[data-fill]")) {
    const field = document.getElementById(item.dataset.fill);
    const name = one("b", item);
    const value = one("code", item).textContent;
    if (!field || field.readOnly) continue;
    const button = make("button", { type: "button", textContent: name.textContent });
    const mark = () => button.setAttribute("aria-pressed", field.value === value);
    name.replaceWith(button);
    button.addEventListener("click", () => {
      field.value = value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.focus();
      const blank = value.indexOf("TENANT"); // the part only the person knows
      if (blank >= 0) field.setSelectionRange(blank, blank + 6);
    });
    field.addEventListener("input", mark);
    mark();
  }

  // ---- How much of a column the addresses of a form take, joined by commas as they are stored
  for (const gauge of all("[data-capacity]")) {
    const form = gauge.closest("form");
    const capacity = Number(gauge.dataset.capacity);
    const found = (name) => form.elements[name]?.value.match(/[^\s,;<>"]*@[^\s,;<>"]+/g) ?? [];
    const measure = () => {
      const gone = all("[name=remove]:checked", form).map((box) => box.value);
      const left = [...found("destination").filter((address) => !gone.includes(address)), ...found("add")];
      const length = [...new Set(left)].join(",").length;
      one("rect", gauge).setAttribute("width", `${Math.min(100, 100 * length / capacity)}%`);
      one("b", gauge).textContent = length.toLocaleString("en");
      gauge.classList.toggle("near", length > 0.8 * capacity);
      gauge.classList.toggle("over", length > capacity);
    };
    form.addEventListener("input", measure);
    addEventListener("pageshow", measure);
  }

  // ---- Finding in a long table of this page
  for (const field of all("[data-filters]")) {
    const rows = all(`#${field.dataset.filters} tbody tr`);
    field.addEventListener("input", () => {
      const text = field.value.trim().toLowerCase();
      for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(text);
    });
    field.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
  }

  // ---- Passkeys: the form is sent with what the authenticator answers, base64 in JSON
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const base64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer ?? [])));
  const ask = async ({ passkey, party, challenge, credentials, user, account }) => {
    const known = credentials.split(" ").filter(Boolean).map((id) => ({ type: "public-key", id: bytes(id) }));
    const common = { challenge: bytes(challenge) };
    const made = passkey === "get"
      ? await navigator.credentials.get({ publicKey: { ...common, rpId: party, allowCredentials: known, userVerification: "preferred" } })
      : await navigator.credentials.create({ publicKey: {
        ...common,
        rp: { id: party, name: "Postwarden" },
        user: { id: bytes(user), name: account, displayName: account },
        pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: "public-key", alg })), // ES256, Ed25519, RS256
        excludeCredentials: known,
        authenticatorSelection: { residentKey: "preferred", userVerification: "preferred" },
      } });
    const { clientDataJSON: client, authenticatorData, signature } = made.response;
    return {
      credential: base64(made.rawId),
      client: base64(client),
      data: base64(authenticatorData ?? made.response.getAuthenticatorData()),
      signature: base64(signature),
      key: base64(made.response.getPublicKey?.()),
    };
  };
  for (const form of all("[data-passkey]")) {
    form.hidden = !window.PublicKeyCredential;
    const button = one("button", form);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      button.disabled = true;
      one("[role=alert]", form)?.remove();
      try {
        form.elements.passkey.value = JSON.stringify(await ask(form.dataset));
        form.submit();
      } catch (error) {
        const why = error.name === "InvalidStateError"
          ? "This authenticator has a passkey for your account already."
          : "Your browser gave no passkey. Try again.";
        button.after(make("p", { role: "alert", textContent: why }));
      }
      button.disabled = false;
    });
  }

  // ---- Keys
  const off = one("#keys-off");
  try {
    off.checked = localStorage["postwarden-keys"] === "off";
    off.addEventListener("change", () => { localStorage["postwarden-keys"] = off.checked ? "off" : "on"; });
  } catch { /* no sheet, or no storage */ }

  const move = (step) => {
    const links = all(".table tbody th > a:first-of-type").filter((link) => link.offsetParent);
    const row = document.activeElement.closest("tr");
    const here = links.findIndex((link) => link.closest("tr") === row);
    const next = links[here < 0 ? 0 : Math.min(Math.max(here + step, 0), links.length - 1)];
    next?.focus({ preventScroll: true });
    next?.closest("tr").scrollIntoView({ block: "nearest" });
  };
  const keys = {
    "/": () => (one("main input[type=search]:not([data-filters])") ?? all(".find input").find((field) => field.offsetParent))?.select(),
    j: () => move(1),
    k: () => move(-1),
    x: (row) => one(".pick input", row)?.click(),
    e: (row) => one("th a", row)?.click(),
    c: (row) => one(".copy-value", row)?.click(),
    n: () => one(".page-head a.btn-primary")?.click(),
    "?": () => one("#keys")?.showModal?.(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") for (const menu of menus()) { menu.open = false; one("summary", menu).focus(); }
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented || off?.checked) return;
    if (event.target.closest?.('input:not([type="checkbox"], [type="radio"]), select, textarea, dialog')) return;
    const act = keys[event.key];
    const row = document.activeElement.closest("tr");
    if (!act || (act.length && !row)) return;
    event.preventDefault();
    act(row);
  });
})();
