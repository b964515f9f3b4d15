"use strict";
(() => {
  // ---- choose all on a page
  const ready = () => { for (const all of document.querySelectorAll("input.all")) all.hidden = false; };
  document.addEventListener("change", ({ target }) => {
    if (target.matches("input.all")) for (const box of document.querySelectorAll('input[name="who"]')) box.checked = target.checked;
  });
  ready();

  // ---- what has been said is said once
  const here = new URL(location.href);
  if (here.searchParams.has("done")) {
    here.searchParams.delete("done");
    here.searchParams.delete("n");
    history.replaceState(null, "", here);
  }

  // ---- live parts of a page are brought up to date, node by node: what somebody has opened, chosen or focused stays so
  const KEPT = new Set(["open", "hidden"]);
  const match = (old, at, child) => {
    if (!child.id) return at && !at.id && at.nodeName === child.nodeName ? at : null;
    const named = document.getElementById(child.id);
    return named && named.parentNode === old && named.nodeName === child.nodeName ? named : null;
  };
  const settle = (old, fresh) => {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    for (const { name } of [...old.attributes]) if (!KEPT.has(name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (!KEPT.has(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
    let at = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const same = match(old, at, child);
      if (same && same === at) at = at.nextSibling;
      else old.insertBefore(same || child, at);
      if (same) settle(same, child);
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  };
  const inUse = (part) => part.dataset.live === "unless-chosen" && part.querySelector("input:checked, details[open]");

  const parts = () => [...document.querySelectorAll("[data-live]")];
  if (!parts().length || !window.EventSource) return;
  const rest = 1000 * Math.max(...parts().map((part) => Number(part.dataset.rest) || 1));
  let busy = false, wanted = false;
  const load = async () => {
    wanted = true;
    if (busy || document.hidden) return;
    [busy, wanted] = [true, false];
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "error" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of parts()) {
        const fresh = page.getElementById(part.id);
        if (fresh && !inUse(part)) settle(part, fresh);
      }
      ready();
      if (!parts().length) stream.close(); // it is over
    } catch { /* the service is away; the stream says when it is back */ } finally {
      setTimeout(() => { busy = false; if (wanted) load(); }, rest);
    }
  };
  const stream = new EventSource("/events");
  stream.addEventListener("moved", load);
  stream.addEventListener("open", load);
  document.addEventListener("visibilitychange", () => wanted && load());
  setInterval(() => document.querySelector("[data-ticks]") && load(), 10000); // what is told in seconds grows old by itself
})();
