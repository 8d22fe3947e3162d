/**
 * A client of Fitserve for browsers, Node and anything else that has fetch. No dependencies.
 *
 *     const fitserve = new Fitserve("http://localhost:8000");
 *     const { label } = await fitserve.predict("digit", blob);
 */

const UNREACHABLE = 0;
const RECONNECT_MS = [250, 500, 1000, 2000, 5000];

/** What the service refused, with its problem details (RFC 9457); status 0 where it could not be reached. */
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
   * @param {{key?: string, askKey?: (refusal: FitserveError) => Promise<string | null>, fetch?: typeof fetch}} options
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
    return this.#json("POST", withQuery(path`/predict/${model}`, predictQuery(options)), picture, options);
  }

  /** The picture as the network saw it, as a PNG. */
  async seen(model, picture, options = {}) {
    const query = { ...predictQuery(options), debug: "input" };
    return this.#blob("POST", withQuery(path`/predict/${model}`, query), picture, options);
  }

  /** Classify several pictures; a problem comes in place of each that cannot be read. */
  predictBatch(model, pictures, options = {}) {
    const form = new FormData();
    for (const picture of pictures) form.append("files", picture);
    return this.#json("POST", withQuery(path`/predict/${model}/batch`, predictQuery(options)), form, options);
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

  /**
   * Ask for a training; the answer is its job. With a `file` the family learns from that: a text in UTF-8.
   * The same `idempotencyKey` gives the same job again.
   */
  train(family, wishes = {}, { file, idempotencyKey, ...options } = {}) {
    const headers = { ...options.headers, ...(idempotencyKey && { "Idempotency-Key": idempotencyKey }) };
    return this.#json("POST", path`/train/${family}`, file ? formOf({ ...wishes, file }) : wishes, {
      ...options,
      headers,
    });
  }

  /** Jobs, newest first; those before one that is known with `before`. */
  jobs(filter = {}) {
    return this.#json("GET", withQuery("/jobs", filter));
  }

  job(id) {
    return this.#json("GET", path`/jobs/${id}`);
  }

  /** Stop a job for good; `stopEarly` publishes the best of its epochs so far. */
  cancel(id, { stopEarly = false } = {}) {
    return this.#json("POST", path`/jobs/${id}/cancel`, { stop_early: stopEarly });
  }

  pause(id) {
    return this.#json("POST", path`/jobs/${id}/pause`);
  }

  resume(id) {
    return this.#json("POST", path`/jobs/${id}/resume`);
  }

  /** The figures of every epoch so far. */
  history(id) {
    return this.#json("GET", path`/jobs/${id}/history`);
  }

  /** The same as CSV. */
  historyCsv(id) {
    return this.#text("GET", path`/jobs/${id}/history.csv`);
  }

  /** The curves as a picture, `svg` or `png`. */
  plot(id, form = "svg") {
    return this.#blob("GET", `${path`/jobs/${id}`}/plot.${form}`);
  }

  /** What the trainers of a job have written so far. */
  log(id) {
    return this.#text("GET", path`/jobs/${id}/log`);
  }

  /** The same, piece by piece, and what is added until the job has ended. */
  async *followLog(id, options = {}) {
    const response = await this.request("GET", path`/jobs/${id}/log?follow=true`, undefined, options);
    yield* pieces(response.body);
  }

  /**
   * What happens to a job, from the beginning (or after an id) to its end. A lost connection is made again, from the
   * last event that was seen: nothing is missed and nothing comes twice. `onConnection(false)` tells that it is lost.
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

  /** Two versions, by number or alias, on the same test set: figures, confusion, and where they disagree. */
  compare(model, one, other) {
    return this.#json("GET", withQuery(path`/models/${model}/compare`, { versions: `${one},${other}` }));
  }

  /** Have a version answer, or point another alias at it. */
  promote(model, version, alias = "live") {
    return this.#json("PUT", path`/models/${model}/aliases/${alias}`, { version });
  }

  /** Forget an alias; `shadow` ends so. */
  removeAlias(model, alias) {
    return this.#json("DELETE", path`/models/${model}/aliases/${alias}`);
  }

  /** Make a .keras or .onnx file a version, with the labels or the vocabulary of the version `like`; the answer is its card. */
  importVersion(model, file, { like, ...options } = {}) {
    return this.#json("POST", withQuery(path`/models/${model}/import`, { like }), formOf({ file }), options);
  }

  /** Have the version answer again that did before. */
  rollback(model) {
    return this.#json("POST", path`/models/${model}/rollback`);
  }

  /** Share the requests that name no version between two, by weight: `{ 1: 90, 2: 10 }`. */
  splitTraffic(model, weights) {
    return this.#json("PUT", path`/models/${model}/traffic`, weights);
  }

  /** Have the live version answer everything again. */
  endSplit(model) {
    return this.#json("DELETE", path`/models/${model}/traffic`);
  }

  /** Train a version again, as its card says; the answer is the job. */
  reproduce(model, version) {
    return this.#json("POST", path`/models/${model}/versions/${version}/reproduce`);
  }

  async delete(model, version) {
    await this.request("DELETE", path`/models/${model}/versions/${version}`);
  }

  // ---- the service ----

  /** Whether the process answers at all. */
  live() {
    return this.#json("GET", "/health/live");
  }

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

  async #json(...wish) {
    return (await this.request(...wish)).json();
  }

  async #text(...wish) {
    return (await this.request(...wish)).text();
  }

  async #blob(...wish) {
    return (await this.request(...wish)).blob();
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
