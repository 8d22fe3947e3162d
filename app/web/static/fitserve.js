/**
 * A client of Fitserve for browsers, Node and anything else that has fetch. No dependencies.
 *
 *     const fitserve = new Fitserve("http://localhost:8000");
 *     const { label } = await fitserve.predict("digit", blob);
 */

const RECONNECT_MS = [250, 500, 1000, 2000, 5000];

/** What the service refused, with its problem details (RFC 9457). */
export class FitserveError extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
    this.name = "FitserveError";
    this.status = status;
    this.problem = problem;
  }
}

export class Fitserve {
  #askKey;
  #asking = null;

  /**
   * @param {string} base Where the service is; "" for the page's own origin.
   * @param {{key?: string, askKey?: () => Promise<string | null>, fetch?: typeof fetch}} options
   *   `askKey` is called when the service asks for a key; the request is repeated with what it returns.
   */
  constructor(base = "", { key = "", askKey, fetch = globalThis.fetch.bind(globalThis) } = {}) {
    this.base = base.replace(/\/$/, "");
    this.key = key;
    this.fetch = fetch;
    this.#askKey = askKey;
  }

  // ---- predict, generate ----

  /** Classify one picture. */
  predict(model, picture, options = {}) {
    return this.#json("POST", withQuery(`/predict/${model}`, predictQuery(options)), picture, options);
  }

  /** The picture as the network saw it, as a PNG. */
  async seen(model, picture, options = {}) {
    const path = withQuery(`/predict/${model}`, { ...predictQuery(options), debug: "input" });
    return (await this.request("POST", path, picture, options)).blob();
  }

  /** Classify several pictures; a problem comes in place of each that cannot be read. */
  predictBatch(model, pictures, options = {}) {
    const form = new FormData();
    for (const picture of pictures) form.append("files", picture);
    return this.#json("POST", withQuery(`/predict/${model}/batch`, predictQuery(options)), form, options);
  }

  /** Continue a text. */
  generate(wish, options = {}) {
    return this.#json("POST", "/generate", { ...wish, stream: false }, options);
  }

  /** Continue a text word by word: `word` events, then `done`. Leaving the loop stops the service too. */
  async *stream(wish, options = {}) {
    const response = await this.request("POST", "/generate", { ...wish, stream: true }, options);
    for await (const { event, data } of parseEvents(response.body)) {
      options.signal?.throwIfAborted(); // the rest may have arrived already
      if (event === "error") throw new FitserveError(data.status, data);
      yield { event, data };
    }
  }

  // ---- train, watch ----

  /** Ask for a training; the answer is its job. */
  train(family, wishes = {}, { idempotencyKey, ...options } = {}) {
    const headers = idempotencyKey ? { "Idempotency-Key": idempotencyKey } : {};
    return this.#json("POST", `/train/${family}`, wishes, { ...options, headers });
  }

  jobs(filter = {}) {
    return this.#json("GET", withQuery("/jobs", filter));
  }

  job(id) {
    return this.#json("GET", `/jobs/${id}`);
  }

  cancel(id, { stopEarly = false } = {}) {
    return this.#json("POST", `/jobs/${id}/cancel`, { stop_early: stopEarly });
  }

  pause(id) {
    return this.#json("POST", `/jobs/${id}/pause`);
  }

  resume(id) {
    return this.#json("POST", `/jobs/${id}/resume`);
  }

  history(id) {
    return this.#json("GET", `/jobs/${id}/history`);
  }

  async log(id) {
    return (await this.request("GET", `/jobs/${id}/log`)).text();
  }

  /**
   * What happens to a job, from the beginning (or after an id) to its end. A lost connection is made again, from the
   * last event that was seen: nothing is missed and nothing comes twice. `onConnection(false)` tells that it is lost.
   */
  async *events(id, { after = 0, signal, onConnection = () => {} } = {}) {
    for (let attempt = 0; ; attempt++) {
      try {
        const headers = after ? { "Last-Event-ID": String(after) } : {};
        const response = await this.request("GET", `/jobs/${id}/events`, undefined, { headers, signal });
        onConnection(true);
        for await (const event of parseEvents(response.body)) {
          signal?.throwIfAborted();
          after = Number(event.id);
          attempt = 0;
          yield { ...event, id: after };
          if (event.event === "finished") return;
        }
      } catch (fault) {
        const refused = fault instanceof FitserveError && fault.status < 500 && fault.status !== 429;
        if (signal?.aborted || refused) throw fault;
      }
      onConnection(false);
      await sleep(RECONNECT_MS[Math.min(attempt, RECONNECT_MS.length - 1)], signal);
    }
  }

  // ---- models ----

  models() {
    return this.#json("GET", "/models");
  }

  model(model) {
    return this.#json("GET", `/models/${model}`);
  }

  /** The card of a version, by its number or an alias. */
  version(model, version) {
    return this.#json("GET", `/models/${model}/versions/${version}`);
  }

  /** A file of a version. */
  async file(model, version, name) {
    return (await this.request("GET", `/models/${model}/versions/${version}/files/${name}`)).blob();
  }

  promote(model, version, alias = "live") {
    return this.#json("PUT", `/models/${model}/aliases/${alias}`, { version });
  }

  rollback(model) {
    return this.#json("POST", `/models/${model}/rollback`);
  }

  async delete(model, version) {
    await this.request("DELETE", `/models/${model}/versions/${version}`);
  }

  // ---- the service ----

  /** Which models answer; a service that is not ready says so here and is no error. */
  async ready() {
    try {
      return await this.#json("GET", "/health/ready");
    } catch (fault) {
      if (fault.status === 503 && "models" in fault.problem) return fault.problem;
      throw fault;
    }
  }

  openapi() {
    return this.#json("GET", "/openapi.json");
  }

  /** Any request, with the key; the body may be a Blob, a FormData, or an object to send as JSON. */
  async request(method, path, body, { headers = {}, signal } = {}) {
    const plain = body === undefined || body instanceof FormData || body instanceof Blob;
    const type = body instanceof Blob ? body.type || "application/octet-stream" : "application/json";
    const typed = body === undefined || body instanceof FormData ? {} : { "Content-Type": type };
    for (;;) {
      const key = this.key;
      const response = await this.fetch(this.base + path, {
        method,
        signal,
        body: plain ? body : JSON.stringify(body),
        headers: { ...typed, ...headers, ...(key && { Authorization: `Bearer ${key}` }) },
      });
      if (response.ok) return response;
      if (response.status === 401 && this.#askKey && (key !== this.key || (await this.#newKey()))) continue;
      throw new FitserveError(response.status, await response.json().catch(() => ({})));
    }
  }

  /** Ask once, however many requests wait for the answer. */
  async #newKey() {
    this.#asking ??= this.#askKey().finally(() => (this.#asking = null));
    const key = await this.#asking;
    if (key) this.key = key;
    return Boolean(key);
  }

  async #json(...wish) {
    return (await this.request(...wish)).json();
  }
}

function predictQuery({ version, topK, crop }) {
  return { version, top_k: topK, crop };
}

function withQuery(path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

/** Server-sent events from a body, as they come: {id, event, data}, the data parsed from JSON. */
export async function* parseEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let buffered = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      buffered += value;
      const blocks = buffered.split(/\r?\n\r?\n/);
      buffered = blocks.pop();
      for (const block of blocks) {
        const event = parseEvent(block);
        if (event) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {}); // so that the service knows that nobody reads on
  }
}

function parseEvent(block) {
  const event = { id: undefined, event: "message", data: undefined };
  const data = [];
  for (const line of block.split(/\r?\n/)) {
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
    if (field === "data") data.push(value);
    else if (field === "id" || field === "event") event[field] = value;
  }
  return data.length ? { ...event, data: JSON.parse(data.join("\n")) } : null; // a comment keeps the line open
}

function sleep(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
