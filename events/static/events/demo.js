/* The demonstration: draws what the snippet tells about itself. It is loaded before the snippet. */
(() => {
  "use strict";

  const MOST_BATCHES = 25;
  const counts = { told: 0, waiting: 0, kept: 0, requests: 0 };
  const batches = new Map();
  const at = (id) => document.getElementById(id);
  const make = (name, className, text = "") => {
    const made = document.createElement(name);
    made.className = className;
    made.textContent = text;
    return made;
  };

  const newBatch = (id) => {
    const card = make("li", "batch");
    const head = make("header", "");
    const batch = { card, events: [], attempts: 0, bytes: 0, sentAt: 0, rows: make("ul", ""), answer: make("pre", "answer") };
    batch.state = make("span", "state");
    batch.facts = make("span", "facts");
    head.append(batch.state, batch.facts, make("code", "id", id.split(".").pop().slice(0, 8)));
    batch.answer.hidden = true;
    card.append(head, batch.rows, batch.answer);
    at("batches").prepend(card);
    at("nothing").hidden = true;
    batches.set(id, batch);
    if (batches.size > MOST_BATCHES) {
      const [oldest, { card: last }] = batches.entries().next().value;
      last.remove();
      batches.delete(oldest);
    }
    return batch;
  };
  const batchOf = (id) => batches.get(id) || newBatch(id);

  const addEvent = (batch, event) => {
    const { type, visitor, user, timestamp, url, ...rest } = event;
    const row = make("li", "");
    const { pathname, search } = new URL(url, location);
    const fields = { ...(user && { user }), path: pathname + search, ...rest };
    row.append(make("b", "", type), make("code", "", JSON.stringify(fields)));
    batch.rows.append(row);
    batch.events.push(event);
  };

  const show = (batch, state, words, answer) => {
    batch.card.dataset.state = state;
    batch.state.textContent = words;
    const size = batch.bytes ? ` · ${batch.bytes} bytes` : "";
    const attempts = batch.attempts > 1 ? ` · attempt ${batch.attempts}` : "";
    batch.facts.textContent = `${batch.events.length} event${batch.events.length === 1 ? "" : "s"}${size}${attempts}`;
    batch.answer.hidden = answer === undefined;
    batch.answer.textContent = answer || "";
  };
  const answerOf = ({ status, answer }) => (status ? `${status} ${JSON.stringify(answer)}` : "no answer");
  const took = (batch) => `${Math.round(performance.now() - batch.sentAt)} ms`;

  const draw = {
    queued: ({ batch: id, event }) => {
      const batch = batchOf(id);
      counts.told += 1;
      addEvent(batch, event);
      show(batch, "waiting", "Waiting");
    },
    sent: ({ batch: id, body }) => {
      const batch = batchOf(id);
      // What an earlier page left.
      if (!batch.events.length) JSON.parse(body).forEach((event) => addEvent(batch, event));
      counts.requests += 1;
      batch.attempts += 1;
      batch.bytes = new Blob([body]).size;
      batch.sentAt = performance.now();
      show(batch, "sent", "On its way");
    },
    kept: (detail) => {
      const batch = batchOf(detail.batch);
      counts.kept += (detail.answer && detail.answer.accepted) || 0;
      show(batch, "kept", `Kept in ${took(batch)}`, answerOf(detail));
    },
    refused: (detail) => show(batchOf(detail.batch), "refused", "Refused, not tried again", answerOf(detail)),
    retry: (detail) => show(batchOf(detail.batch), "retry", `Tried again in ${detail.seconds.toFixed(1)} s`, answerOf(detail)),
    dropped: ({ batch: id, reason }) => id && show(batchOf(id), "dropped", `Dropped: ${reason}`),
  };

  const waiting = () => {
    try {
      const names = Object.keys(localStorage).filter((name) => /^seldon\..+\.[0-9a-f]{32}$/.test(name));
      return names.reduce((sum, name) => sum + JSON.parse(`[${localStorage.getItem(name).split(" ").slice(3).join(" ")}]`).length, 0);
    } catch {
      return "–";
    }
  };
  const refresh = () => {
    counts.waiting = waiting();
    Object.keys(counts).forEach((name) => (at(name).textContent = counts[name]));
    if (window.seldon.id) at("visitor").textContent = window.seldon.id() || "none";
  };

  // What comes before the page is there waits for it.
  let early = [];
  const hear = ({ detail }) => {
    (draw[detail.what] || (() => {}))(detail);
    refresh();
  };
  window.addEventListener("seldon", (told) => (early ? early.push(told) : hear(told)));

  let products = 0;
  const calls = {
    page: () => history.pushState({}, "", `/demo?product=p-${++products}`),
    event: () => window.seldon.push(["event", "signup", { plan: "pro" }]),
    action: () => window.seldon.push(["action", "buy", `p-${products}`, { value: 19.9 }]),
    many: () => {
      for (let n = 1; n <= 100; n += 1) window.seldon.push(["event", "step", { n }]);
    },
    flush: () => window.seldon.push(["flush"]),
    user: (isOn) => window.seldon.push(isOn ? ["user", "u-17"] : ["user"]),
    consent: (isOn) => window.seldon.push(["consent", isOn]),
  };

  document.addEventListener("DOMContentLoaded", () => {
    window.seldon = window.seldon || [];
    at("source").textContent = `${location.origin}/js/seldon.js`;
    document.querySelectorAll("button").forEach((button) =>
      button.addEventListener("click", () => {
        const isSwitch = button.hasAttribute("aria-pressed");
        const isOn = button.getAttribute("aria-pressed") !== "true";
        if (isSwitch) button.setAttribute("aria-pressed", isOn);
        calls[button.dataset.call](isOn);
        refresh();
      }),
    );
    try {
      const isRefused = localStorage.getItem("seldon.consent") === "0";
      document.querySelector("[data-call=consent]").setAttribute("aria-pressed", !isRefused);
    } catch {
      // Storage is blocked; the snippet works without.
    }
    const told = early;
    early = undefined;
    told.forEach(hear);
    setInterval(refresh, 1000);
    refresh();
  });
})();
