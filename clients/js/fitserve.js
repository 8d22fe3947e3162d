/**
 * A client of Fitserve for browsers, Node and anything else that has fetch. No dependencies.
 *
 *     const fitserve = new Fitserve("http://localhost:8000");
 *     const { label } = await fitserve.predict("digit", blob);
 */

const UNREACHABLE = 0;
const RECONNECT_MS = [250, 500, 1000, 2000, 5000];

/** A rejected request, with its problem details (RFC 9457); status 0 if the service is unreachable. */
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
   * @param {string} base URL of the service; "" for the page's own origin.
   * @param {{key?: string, askKey?: (refusal: FitserveError) => Promise<string | null>, fetch?: typeof fetch}} options
   *   `askKey` is called when the service requires a key; the request is repeated with the key that it returns.
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
    return this.#json("POST", withQuery(path`/predict/${model}`, predictQuery(options)), picture, options);
  }

  /** The network input of a picture, as a PNG. */
  async preview(model, picture, options = {}) {
    const query = { ...predictQuery(options), debug: "input" };
    return this.#blob("POST", withQuery(path`/predict/${model}`, query), picture, options);
  }

  /** Classify several pictures; the result has a problem for each picture that cannot be read. */
  predictBatch(model, pictures, options = {}) {
    const form = new FormData();
    for (const picture of pictures) form.append("files", picture);
    return this.#json("POST", withQuery(path`/predict/${model}/batch`, predictQuery(options)), form, options);
  }

  /** Continue a text. */
  generate(body, options = {}) {
    return this.#json("POST", "/generate", { ...body, stream: false }, options);
  }

  /** Continue a text word by word: `word` events, then `done`. Leaving the loop also stops the generation. */
  async *stream(body, options = {}) {
    const response = await this.request("POST", "/generate", { ...body, stream: true }, options);
    for await (const { event, data } of parseEvents(response.body)) {
      options.signal?.throwIfAborted(); // the rest may have arrived already
      if (event === "error") throw new FitserveError(data.status, data);
      yield { event, data };
    }
  }

  // ---- train, watch ----

  /**
   * Queue a training; returns its job. `file` is a training text in UTF-8. Requests with the same `idempotencyKey`
   * return the same job.
   */
  train(family, hyperparameters = {}, { file, idempotencyKey, ...options } = {}) {
    const headers = { ...options.headers, ...(idempotencyKey && { "Idempotency-Key": idempotencyKey }) };
    return this.#json("POST", path`/train/${family}`, file ? formOf({ ...hyperparameters, file }) : hyperparameters, {
      ...options,
      headers,
    });
  }

  /** Jobs, newest first; with `before` only those older than that job. */
  jobs(filter = {}) {
    return this.#json("GET", withQuery("/jobs", filter));
  }

  job(id) {
    return this.#json("GET", path`/jobs/${id}`);
  }

  /** Cancel a job; `stopEarly` publishes the best epoch so far. */
  cancel(id, { stopEarly = false } = {}) {
    return this.#json("POST", path`/jobs/${id}/cancel`, { stop_early: stopEarly });
  }

  pause(id) {
    return this.#json("POST", path`/jobs/${id}/pause`);
  }

  resume(id) {
    return this.#json("POST", path`/jobs/${id}/resume`);
  }

  /** The metrics of every epoch so far. */
  history(id) {
    return this.#json("GET", path`/jobs/${id}/history`);
  }

  /** The same as CSV. */
  historyCsv(id) {
    return this.#text("GET", path`/jobs/${id}/history.csv`);
  }

  /** The curves as an image, `svg` or `png`. */
  plot(id, form = "svg") {
    return this.#blob("GET", `${path`/jobs/${id}`}/plot.${form}`);
  }

  /** The log of a job's trainers so far. */
  log(id) {
    return this.#text("GET", path`/jobs/${id}/log`);
  }

  /** The log in pieces, followed by new output until the job has ended. */
  async *followLog(id, options = {}) {
    const response = await this.request("GET", path`/jobs/${id}/log?follow=true`, undefined, options);
    yield* pieces(response.body);
  }

  /**
   * The events of a job, from the beginning (or after an id) to its end. Reconnects automatically without losing or
   * repeating events; `onConnection(false)` is called when the connection is lost.
   */
  async *events(id, { after = 0, signal, onConnection = () => {} } = {}) {
    for (let attempt = 0; ; attempt++) {
      try {
        const headers = after ? { "Last-Event-ID": String(after) } : {};
        const response = await this.request("GET", path`/jobs/${id}/events`, undefined, { headers, signal });
        onConnection(true);
        for await (const event of parseEvents(response.body)) {
          signal?.throwIfAborted();
          after = Number(event.id);
          attempt = 0;
          yield { ...event, id: after };
          if (event.event === "finished") return;
        }
      } catch (fault) {
        if (signal?.aborted || !passing(fault)) throw fault;
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
    return this.#json("GET", path`/models/${model}`);
  }

  /** The card of a version, by its number or an alias. */
  version(model, version) {
    return this.#json("GET", path`/models/${model}/versions/${version}`);
  }

  /** A file of a version. */
  file(model, version, name) {
    return this.#blob("GET", path`/models/${model}/versions/${version}/files/${name}`);
  }

  /** Compare two versions, by number or alias: metrics, confusion matrices and differing predictions. */
  compare(model, one, other) {
    return this.#json("GET", withQuery(path`/models/${model}/compare`, { versions: `${one},${other}` }));
  }

  /** Point `live`, or another alias, to a version. */
  promote(model, version, alias = "live") {
    return this.#json("PUT", path`/models/${model}/aliases/${alias}`, { version });
  }

  /** Delete an alias; deleting `shadow` stops shadowing. */
  removeAlias(model, alias) {
    return this.#json("DELETE", path`/models/${model}/aliases/${alias}`);
  }

  /** Import a .keras or .onnx file as a version with the labels or vocabulary of the version `like`; returns its card. */
  importVersion(model, file, { like, ...options } = {}) {
    return this.#json("POST", withQuery(path`/models/${model}/import`, { like }), formOf({ file }), options);
  }

  /** Make the previous version live again. */
  rollback(model) {
    return this.#json("POST", path`/models/${model}/rollback`);
  }

  /** Split the requests that name no version between two versions by weight: `{ 1: 90, 2: 10 }`. */
  splitTraffic(model, weights) {
    return this.#json("PUT", path`/models/${model}/traffic`, weights);
  }

  /** End the split: the live version serves all requests again. */
  endSplit(model) {
    return this.#json("DELETE", path`/models/${model}/traffic`);
  }

  /** Train a version again with the settings in its card; returns the job. */
  reproduce(model, version) {
    return this.#json("POST", path`/models/${model}/versions/${version}/reproduce`);
  }

  async delete(model, version) {
    await this.request("DELETE", path`/models/${model}/versions/${version}`);
  }

  async deleteModel(model) {
    await this.request("DELETE", path`/models/${model}`);
  }

  // ---- the service ----

  /** Liveness: whether the process responds. */
  live() {
    return this.#json("GET", "/health/live");
  }

  /** Readiness with the state of each model; a service that is not ready is not an error here. */
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

  /** Send any request with the key; the body is a Blob, a FormData, or an object to send as JSON. */
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
      }).catch(unreachable);
      if (response.ok) return response;
      const refusal = new FitserveError(response.status, await response.json().catch(() => ({})));
      if (refusal.status !== 401 || !this.#askKey) throw refusal;
      if (key === this.key && !(await this.#newKey(refusal))) throw refusal;
    }
  }

  /** Ask once, however many requests wait for the answer. */
  async #newKey(refusal) {
    this.#asking ??= this.#askKey(refusal).finally(() => (this.#asking = null));
    const key = await this.#asking;
    if (key) this.key = key;
    return Boolean(key);
  }

  async #json(...request) {
    return (await this.request(...request)).json();
  }

  async #text(...request) {
    return (await this.request(...request)).text();
  }

  async #blob(...request) {
    return (await this.request(...request)).blob();
  }
}

/** What fetch calls a TypeError, like a mistake of one's own, is a refusal of the network. */
function unreachable(fault) {
  if (!(fault instanceof TypeError)) throw fault;
  throw new FitserveError(UNREACHABLE, {
    title: "Unreachable",
    detail: `the service cannot be reached: ${fault.message}`,
  });
}

/** A path in which names stand as they are, whatever characters they have. */
function path(strings, ...names) {
  return String.raw({ raw: strings }, ...names.map(encodeURIComponent));
}

function predictQuery({ version, alias, topK, crop }) {
  return { version, alias, top_k: topK, crop };
}

function formOf(fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return form;
}

function withQuery(path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

/** Whether what went wrong may go right the next time. */
function passing({ status }) {
  return status === UNREACHABLE || status === 429 || status >= 500;
}

/** The text of a body, piece by piece as it comes. */
async function* pieces(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read().catch(unreachable);
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {}); // so that the service knows that nobody reads on
  }
}

/** Server-sent events from a body, as they come: {id, event, data}, the data parsed from JSON. */
export async function* parseEvents(body) {
  let buffered = "";
  for await (const piece of pieces(body)) {
    buffered += piece;
    const blocks = buffered.split(/\r?\n\r?\n/);
    buffered = blocks.pop();
    for (const block of blocks) {
      const event = parseEvent(block);
      if (event) yield event;
    }
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
