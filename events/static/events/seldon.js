/* The tracking snippet: keeps what a page tells it, and sends it in batches that count once.
 *
 * How nothing is lost and nothing counts twice:
 * - Each event goes at once into a batch in localStorage. A batch has a random id, which is the
 *   idempotency key of every attempt to send it, by whichever page: the server counts it once.
 * - One page appends to a batch, and only until it is first tried; then its text never changes.
 * - A batch has a lease. Until it ends one page has it: to append, or to wait for an answer. After that
 *   any page of the site may send it, so a closed tab, a crash or a restart leaves nothing behind.
 * - A batch is erased when the server answered: kept (2xx), or not worth a second attempt (4xx).
 *
 * No entry throws into the page: each goes through `guard`.
 */
(() => {
  "use strict";

  const attempt = (work, otherwise) => {
    try {
      return work();
    } catch {
      return otherwise;
    }
  };

  const queue = window.seldon;
  // Somebody else's, or ours from a second tag.
  if (queue && !Array.isArray(queue)) return;

  const script = document.currentScript || document.querySelector("script[data-key]");
  const options = script ? script.dataset : {};
  const key = options.key;
  if (!key) return console.warn("seldon: the script tag has no data-key");

  const number = (text, otherwise) => (parseFloat(text) >= 0 ? parseFloat(text) : otherwise);
  const SECOND = 1000;
  const DAY = 86400 * SECOND;
  const batchEvents = number(options.batchSize, 50);
  const batchDelay = number(options.batchDelay, 2) * SECOND;
  const timeout = (number(options.timeout, 30) || 30) * SECOND;
  const queueBytes = number(options.queueBytes, 512000);
  const queueAge = number(options.queueDays, 7) * DAY;
  const pageViews = options.pageViews || "load";
  const isConsentRequired = options.consent === "required";
  const endpoint = (options.host || script.src.replace(/\/js\/[^/]*$/, "")).replace(/\/$/, "") + "/js/events";

  // A browser sends at most 64 KiB at a time beyond the end of a page: one batch and one more.
  const BATCH_BYTES = 30000;
  const EVENT_BYTES = 60000;
  // The server knows a key for 24 hours: what was tried before cannot be told from what it kept.
  const DOUBT = 23 * 3600 * SECOND;
  const MOST_HELD = 1000;

  // -- telling, and never throwing ----------------------------------------------------------------

  /** Whoever listens for `seldon` on window, and the console with data-debug, hears what happens. */
  const tell = (what, detail) =>
    attempt(() => {
      if ("debug" in options) console.debug("seldon", what, detail);
      window.dispatchEvent(new CustomEvent("seldon", { detail: { what, ...detail } }));
    });

  const guard =
    (work) =>
    (...words) => {
      try {
        return work(...words);
      } catch (error) {
        tell("failed", { error });
      }
    };

  const listen = (target, name, work) => target.addEventListener(name, guard(work));

  // -- storage: what the browser does not keep lasts as long as the page ----------------------------

  const memory = new Map();
  const storage = attempt(() => window.localStorage);
  const read = (name) => memory.get(name) || attempt(() => storage.getItem(name)) || "";
  const erase = (name) => {
    memory.delete(name);
    attempt(() => storage.removeItem(name));
  };
  const write = (name, value) => {
    try {
      storage.setItem(name, value);
      memory.delete(name);
    } catch {
      // What stands there now is not true any more, and another page would believe it.
      erase(name);
      memory.set(name, value);
    }
  };

  const sizeOf = (text) => new Blob([text]).size;

  const random = () => {
    const bytes = attempt(() => crypto.getRandomValues(new Uint8Array(16))) || Array.from({ length: 16 }, () => Math.random() * 256);
    return Array.from(bytes, (byte) => (256 + (byte | 0)).toString(16).slice(1)).join("");
  };

  // -- consent and the visitor ----------------------------------------------------------------------

  const CONSENT = "seldon.consent";
  const ID = "seldon.id";
  // "1" given, "0" refused, "" not asked yet.
  const isAllowed = () => read(CONSENT) === "1" || (read(CONSENT) === "" && !isConsentRequired);

  const writeCookie = (value, age) =>
    attempt(() => {
      const domain = options.cookieDomain ? ";domain=" + options.cookieDomain : "";
      const secure = location.protocol === "https:" ? ";secure" : "";
      document.cookie = `seldon_id=${value};path=/;max-age=${age};samesite=lax${domain}${secure}`;
    });

  let known;
  /** The anonymous id of this browser on this site; made now when there is none, "" without consent. */
  const visitor = () => {
    if (!isAllowed()) return "";
    const kept = (attempt(() => document.cookie.match(/(?:^|; )seldon_id=([\w-]{8,64})/)) || [])[1] || read(ID);
    const id = kept || random();
    if (known !== id || !kept) {
      known = id;
      write(ID, id);
      writeCookie(id, 31536000);
    }
    return id;
  };

  // -- batches --------------------------------------------------------------------------------------

  const PREFIX = `seldon.${key}.`;
  const WAIT = `seldon.wait.${key}`;
  let open; // the batch that this page appends to: {id, events, bytes, lease}

  const batchIds = (prefix = PREFIX) =>
    [...memory.keys(), ...attempt(() => Object.keys(storage), [])].filter((name) => name.startsWith(prefix));

  /** `begun`, `lease`, `tried` are milliseconds; `tried` is 0 before the first attempt. */
  const load = (id) => {
    const [, begun, lease, tried, rows] = /^([\d.]+) ([\d.]+) ([\d.]+) ([^]*)/.exec(read(id)) || [];
    return rows && { id, begun: +begun, lease: +lease, tried: +tried, rows };
  };
  const save = (batch) => write(batch.id, `${batch.begun} ${batch.lease} ${batch.tried} ${batch.rows}`);
  const drop = (id, reason) => {
    erase(id);
    tell("dropped", { batch: id, reason });
  };

  /** The batches of this key, oldest first; those too old to be sent are gone. */
  const batches = (prefix) => {
    const now = Date.now();
    return batchIds(prefix)
      .map(load)
      .filter((batch) => {
        if (batch && Math.abs(now - batch.begun) > queueAge) return drop(batch.id, "too old");
        if (batch && batch.tried && now - batch.tried > DOUBT) return drop(batch.id, "may have arrived");
        return batch;
      })
      .sort((one, other) => one.begun - other.begun);
  };

  const makeRoom = () => {
    const all = batches();
    let size = all.reduce((sum, batch) => sum + batch.rows.length, 0);
    while (size > queueBytes) {
      const oldest = all.shift();
      size -= oldest.rows.length;
      drop(oldest.id, "no room");
    }
  };

  /** The batch that this page appends to, unless another took it or consent was withdrawn. */
  const mine = () => {
    const batch = open && load(open.id);
    return batch && batch.lease === open.lease && batch;
  };

  /** From now on any page may send the batch that this one appended to. */
  const release = () => {
    const batch = mine();
    open = undefined;
    if (batch) save({ ...batch, lease: 0 });
  };

  let sealing;
  const append = (event) => {
    const row = JSON.stringify({ ...event, visitor: visitor() });
    const bytes = sizeOf(row) + 1;
    if (bytes > EVENT_BYTES) return tell("dropped", { event, reason: "too large" });
    const now = Date.now();
    let batch = mine();
    if (!batch || open.bytes + bytes > BATCH_BYTES) {
      release();
      makeRoom();
      open = { id: PREFIX + random(), events: 0, bytes: 0 };
      batch = { id: open.id, begun: now, tried: 0, rows: "" };
    }
    // A page that sleeps or died keeps it no longer than this.
    batch.lease = open.lease = now + Math.max(60 * SECOND, 2 * batchDelay);
    batch.rows += (batch.rows && ",") + row;
    save(batch);
    open.bytes += bytes;
    open.events += 1;
    tell("queued", { event, batch: open.id });
    if (open.events >= batchEvents) return flush();
    sealing = sealing || setTimeout(flush, batchDelay);
  };

  // -- sending --------------------------------------------------------------------------------------

  let underWay = 0; // bytes
  let failures = 0;
  let resting = 0; // until when nothing is tried, because the last attempt failed
  let timer;

  const isResting = (now) => {
    const asked = +read(WAIT);
    // A clock that was set back would wait for ever.
    return Math.max(resting, asked < now + DAY ? asked : 0) > now;
  };

  const settle = (batch, status, answer, retryAfter) => {
    // To a client with legacy_api errors come with status 200.
    status = (answer && answer.http_response) || status;
    const detail = { batch: batch.id, status, answer };
    if (status && status < 500 && status !== 429 && status !== 408) {
      erase(batch.id);
      failures = resting = 0;
      return tell(status < 300 ? "kept" : "refused", detail);
    }
    failures += 1;
    const rest = Math.min(2 ** failures, 300) * SECOND * (0.5 + Math.random() / 2);
    resting = Date.now() + rest;
    if (retryAfter > 0) write(WAIT, Date.now() + retryAfter * SECOND + rest + "");
    const kept = load(batch.id);
    // Refused for now means that nothing of it was kept; without an answer it may have been.
    if (kept) save({ ...kept, lease: 0, tried: status === 429 || status === 503 ? 0 : kept.tried });
    tell("retry", { ...detail, seconds: Math.max(rest / SECOND, retryAfter || 0) });
  };

  const post = async (batch, url, body) => {
    const bytes = sizeOf(body);
    underWay += bytes;
    const signal = attempt(() => AbortSignal.timeout(timeout));
    const settings = { method: "POST", body, keepalive: true, credentials: "omit", signal };
    let status = 0;
    let answer;
    let retryAfter;
    try {
      const response = await fetch(url, settings);
      retryAfter = +response.headers.get("Retry-After");
      const text = await response.text();
      status = response.status;
      answer = attempt(() => JSON.parse(text));
    } catch {
      // No answer: it is tried again.
    }
    underWay -= bytes;
    guard(settle)(batch, status, answer, retryAfter);
    guard(drain)();
  };

  const canOutlive = attempt(() => "keepalive" in Request.prototype);

  const send = (batch, isLeaving) => {
    const now = Date.now();
    save({ ...batch, lease: now + timeout + SECOND, tried: batch.tried || now });
    const body = `[${batch.rows}]`;
    const url = `${endpoint}?consumer_key=${encodeURIComponent(key)}&idempotency_key=${batch.id.slice(PREFIX.length)}`;
    tell("sent", { batch: batch.id, body });
    if (window.fetch && (canOutlive || !isLeaving)) {
      post(batch, url, body);
    } else {
      const isTaken = navigator.sendBeacon(url, body);
      if (window.fetch) return;
      // More will never be known of it.
      if (isTaken) erase(batch.id);
      if (!isLeaving) drain();
    }
  };

  /** Sends the oldest batch that nobody has; comes again when it is answered, or when there may be one. */
  const drain = (isLeaving) => {
    clearTimeout(timer);
    const now = Date.now();
    // Without a network there is an event when it comes back.
    if (!isAllowed() || navigator.onLine === false || (underWay && !isLeaving)) return;
    const all = batches();
    if (!all.length) return;
    let next = Math.max(resting, +read(WAIT));
    if (!isResting(now)) {
      const free = all.filter((batch) => batch.lease <= now);
      if (!isLeaving && free.length) return send(free[0]);
      free.forEach((batch) => underWay + sizeOf(batch.rows) < EVENT_BYTES && send(batch, true));
      next = Math.min(...all.map((batch) => batch.lease));
    }
    // Not all pages at the same moment, and no further than a timer reaches.
    timer = setTimeout(guard(drain), Math.min(Math.max(next - now, 0) + Math.random() * SECOND, DAY));
  };

  const flush = guard(() => {
    clearTimeout(sealing);
    sealing = undefined;
    release();
    drain();
  });

  // -- what a page can say ----------------------------------------------------------------------------

  let user;
  let held = []; // until consent is given
  let href;

  const record = (fields) => {
    const event = { url: location.href, timestamp: Math.floor(Date.now() / SECOND), ...(user && { user }), ...fields };
    if (isAllowed()) return [...held.splice(0), event].forEach((each) => append(each));
    if (read(CONSENT) === "0" || held.length >= MOST_HELD) return tell("dropped", { event, reason: "no consent" });
    held.push(event);
    tell("held", { event });
  };

  const calls = {
    event: (type, fields) => record({ ...fields, type: type + "" }),
    action: (action, item, fields) => record({ ...fields, type: "action", action, item }),
    page: (fields) => {
      const referrer = href === undefined ? document.referrer : href;
      href = location.href;
      record({ title: document.title, referrer, ...fields, type: "page_view" });
    },
    user: (id) => {
      user = id;
    },
    consent: (isGiven) => {
      if (isGiven) {
        write(CONSENT, "1");
        held.splice(0).forEach((each) => append(each));
        return drain();
      }
      batchIds().concat(WAIT, ID).forEach(erase);
      writeCookie("", 0);
      held = [];
      open = known = undefined;
      write(CONSENT, "0");
    },
    id: (callback) => {
      const id = visitor();
      if (callback) callback(id);
      return id;
    },
    flush,
  };

  // The calls of recommendations come beside these; until then they are told as unknown.
  const push = (...all) =>
    all.forEach(([name, ...words]) => (calls[name] ? seldon[name](...words) : tell("unknown", { call: name })));
  const seldon = { push: guard(push) };

  // -- the start ----------------------------------------------------------------------------------------

  const watchHistory = () => {
    const place = () => (pageViews === "hash" ? location.href : location.href.split("#")[0]);
    let last = place();
    const look = guard(() => {
      if (place() !== last) {
        last = place();
        seldon.page();
      }
    });
    const original = history.pushState;
    history.pushState = function (...words) {
      const result = original.apply(this, words);
      // The new page's title is set after this.
      setTimeout(look);
      return result;
    };
    listen(window, "popstate", look);
  };

  const start = () => {
    Object.keys(calls).forEach((name) => (seldon[name] = guard(calls[name])));
    window.seldon = seldon;
    (queue || []).forEach((call) => seldon.push(call));
    if (pageViews !== "off") {
      seldon.page();
      listen(window, "pageshow", (shown) => shown.persisted && seldon.page());
    }
    if (pageViews === "history" || pageViews === "hash") watchHistory();
    const leave = () => {
      release();
      drain(true);
    };
    listen(document, "visibilitychange", () => document.visibilityState === "hidden" && leave());
    listen(window, "pagehide", leave);
    listen(window, "online", () => {
      resting = 0;
      drain();
    });
    // What is left of former keys goes when its time is over.
    batches("seldon.");
    drain();
  };

  if (document.prerendering) listen(document, "prerenderingchange", start);
  else guard(start)();
})();
