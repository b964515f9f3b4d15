"use strict";
(() => {
  // ---- choose all on a page
  const all = document.querySelector("input.all");
  if (all) {
    const boxes = [...document.querySelectorAll('input[name="who"]')];
    all.hidden = false;
    all.addEventListener("change", () => boxes.forEach((box) => { box.checked = all.checked; }));
  }

  // ---- what has been said is said once
  const here = new URL(location.href);
  if (here.searchParams.has("done")) {
    here.searchParams.delete("done");
    here.searchParams.delete("n");
    history.replaceState(null, "", here);
  }

  // ---- a page that is live loads itself again when something has happened
  const live = document.getElementById("live");
  if (!live || !window.EventSource) return;
  let busy = false, again = false;
  const load = async () => {
    if (busy || document.hidden) { again = true; return; }
    busy = true;
    again = false;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "error" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("live"), focus = document.activeElement && document.activeElement.id;
      if (!fresh || fresh.innerHTML === live.innerHTML) return;
      live.replaceChildren(...fresh.childNodes);
      if (focus && document.activeElement.id !== focus) document.getElementById(focus)?.focus({ preventScroll: true });
    } catch { /* the service is away; the stream says when it is back */ } finally {
      busy = false;
      if (again) setTimeout(load, 1000);
    }
  };
  const stream = new EventSource("/events");
  stream.addEventListener("moved", load);
  stream.addEventListener("open", load);
  document.addEventListener("visibilitychange", () => again && load());
  setInterval(load, 10000); // what is told in seconds grows old by itself
})();
