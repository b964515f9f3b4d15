"use strict";
(() => {
  const CHUNK = 100, MOST_PRINTED = 1000, PAUSE = 120;
  const OUTCOMES = {
    update: "update", delivered: "delivered", rejected: "rejected", unknown: "unknown", deferred: "deferred", held: "held", left: "left",
  };
  const find = (id) => document.getElementById(id);
  const list = find("list"), more = find("more"), status = find("status");
  const filters = { search: find("search"), target: find("target"), outcome: find("outcome"), field: find("field") };
  const entries = JSON.parse(find("entries").textContent);
  let matching = [], shown = 0, timer = 0;

  const make = (name, text, kind) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (kind) element.className = kind;
    return element;
  };
  const fieldsOf = (entry) => [...(entry.changes || []), ...(entry.errors || [])].map((row) => row[0]);
  const textOf = (value) => (typeof value === "string" ? value : value.join(""));

  // ---- what matches

  const haystack = (entry) => {
    if (entry.hay === undefined) {
      const values = (entry.changes || []).flatMap(([field, before, after, from]) => [field, textOf(before), textOf(after), from]);
      const errors = (entry.errors || []).flat();
      entry.hay = [entry.customer, entry.id || "", entry.reason || "", ...values, ...errors].join("\n").toLowerCase();
    }
    return entry.hay;
  };
  const matches = (entry) => {
    const { search, target, outcome, field } = filters;
    return (!target.value || entry.target === target.value) && (!outcome.value || entry.outcome === outcome.value)
      && (!field.value || fieldsOf(entry).includes(field.value))
      && search.value.toLowerCase().split(/\s+/).every((word) => haystack(entry).includes(word));
  };
  const wanted = (row) => !filters.field.value || row[0] === filters.field.value;

  // ---- one customer

  // A value is a text, or its pieces: in turns one that both sides share and one that only this side has.
  const cell = (value, kind) => {
    const td = make("td", undefined, `value ${kind}`);
    td.dataset.label = kind;
    if (typeof value === "string") {
      if (["unknown", "absent", "null"].includes(value)) td.classList.add("none");
      td.append(value);
    } else {
      value.forEach((text, place) => text && td.append(place % 2 ? make("mark", text) : text));
    }
    return td;
  };
  const heading = (text) => {
    const th = make("th", text);
    th.scope = "row";
    return th;
  };
  const changeRow = ([field, before, after, from]) => {
    const row = make("tr"), origin = make("td", from, "dim");
    origin.dataset.label = "from";
    row.append(heading(field), cell(before, "before"), cell(after, "after"), origin);
    return row;
  };
  const errorRow = ([field, message]) => {
    const row = make("tr"), td = make("td", message, "rejected");
    td.colSpan = 3;
    row.append(heading(field), td);
    return row;
  };
  const wideRow = (kind, ...nodes) => {
    const row = make("tr", undefined, kind), td = make(kind === "who" ? "th" : "td");
    td.colSpan = 4;
    if (kind === "who") td.scope = "rowgroup";
    td.append(...nodes);
    row.append(td);
    return row;
  };
  const requestsRow = (requests) => {
    const details = make("details");
    details.append(make("summary", requests.length === 1 ? "1 request" : `${requests.length} requests`));
    details.append(...requests.map(([line, body]) => make("pre", body === null ? line : `${line}\n${body}`)));
    return wideRow("", details);
  };
  const customer = (entry) => {
    const body = make("tbody");
    const who = [entry.customer, make("small", entry.target)];
    if (entry.id) who.push(make("small", entry.id));
    who.push(make("span", OUTCOMES[entry.outcome], `tag ${entry.outcome}`));
    body.append(wideRow("who", ...who));
    if (entry.reason) body.append(wideRow("", make("span", entry.reason, "held")));
    body.append(...(entry.changes || []).filter(wanted).map(changeRow), ...(entry.errors || []).filter(wanted).map(errorRow));
    if (entry.requests) body.append(requestsRow(entry.requests));
    return body;
  };

  // ---- the list, in chunks

  const grow = (most) => {
    const end = Math.min(matching.length, shown + most), part = document.createDocumentFragment();
    for (; shown < end; shown += 1) part.append(customer(matching[shown]));
    list.append(part);
    more.hidden = shown === matching.length;
    more.textContent = `Show more (${(matching.length - shown).toLocaleString("en")} left)`;
  };
  const tell = (after = "") => {
    const [found, all] = [matching.length.toLocaleString("en"), entries.length.toLocaleString("en")];
    status.textContent = entries.length === 0 ? "Nobody: every customer is in step."
      : (matching.length === entries.length ? `${all} listed` : `${found} of ${all} listed`) + after;
  };
  const filter = () => {
    matching = entries.filter(matches);
    shown = 0;
    for (const body of [...list.tBodies]) body.remove();
    list.hidden = matching.length === 0;
    tell();
    grow(CHUNK);
  };
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(filter, PAUSE);
  };

  const choices = (select, names) => names.forEach((name) => select.append(new Option(name, name)));
  choices(filters.target, [...new Set(entries.map((entry) => entry.target))]);
  choices(filters.outcome, Object.keys(OUTCOMES).filter((name) => entries.some((entry) => entry.outcome === name)));
  choices(filters.field, [...new Set(entries.flatMap(fieldsOf))].filter(Boolean).sort());

  find("filters").addEventListener("input", soon);
  find("filters").addEventListener("reset", () => setTimeout(filter));
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", () => grow(CHUNK));
  new IntersectionObserver((seen) => seen[0].isIntersecting && grow(CHUNK), { rootMargin: "800px" }).observe(more);
  window.addEventListener("beforeprint", () => {
    grow(Math.max(0, MOST_PRINTED - shown));
    tell(shown < matching.length ? `, the first ${shown.toLocaleString("en")} are printed; filter for others` : "");
  });
  window.addEventListener("afterprint", () => tell());
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
    event.preventDefault();
    filters.search.focus();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-field]");
    if (!button) return;
    filters.field.value = button.dataset.field;
    filters.target.value = button.dataset.target;
    filter();
    find("customers-title").scrollIntoView();
    filters.field.focus({ preventScroll: true });
  });
  filter();
})();
