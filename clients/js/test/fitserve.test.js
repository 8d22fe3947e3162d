// Run by pytest against a real service (FITSERVE_URL), so that the client is tested with what it is for.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { Fitserve, FitserveError, parseEvents } from "fitserve";

const fitserve = new Fitserve(process.env.FITSERVE_URL);
const seven = async () => new Blob([await readFile(process.env.SEVEN)], { type: "image/png" });

/** A fetch that answers from a list, and remembers what it was asked. */
function scripted(...answers) {
  const asked = [];
  const fetch = async (url, wish) => {
    asked.push({ url, ...wish });
    return answers[asked.length - 1];
  };
  return { asked, fetch };
}

const event = (id, kind) => `id: ${id}\nevent: ${kind}\ndata: {"n": ${id}}\n\n`;

test("a picture is classified", async () => {
  const { label, probabilities } = await fitserve.predict("digit", await seven(), { topK: 3 });
  assert.equal(label, "7");
  assert.equal(Object.keys(probabilities).length, 3);
});

test("several pictures are classified, a problem in place of a bad one", async () => {
  const [good, bad] = await fitserve.predictBatch("digit", [await seven(), new Blob(["no picture"])]);
  assert.equal(good.label, "7");
  assert.equal(bad.status, 422);
});

test("what the network saw is a PNG", async () => {
  const seen = await fitserve.seen("digit", await seven());
  assert.equal(Buffer.from(await seen.arrayBuffer()).subarray(1, 4).toString(), "PNG");
});

test("a text comes word by word, the same as at once", async () => {
  const words = [];
  for await (const { event, data } of fitserve.stream({ seed_text: "나는 오늘", next_words: 5 })) {
    if (event === "word") words.push(data.word);
  }
  assert.deepEqual(words, (await fitserve.generate({ seed_text: "나는 오늘", next_words: 5 })).words);
});

test("a stream that is left early ends", async () => {
  const leave = new AbortController();
  const reading = (async () => {
    for await (const _ of fitserve.stream({ seed_text: "나는", next_words: 1000 }, leave)) leave.abort();
  })();
  await assert.rejects(reading, { name: "AbortError" });
});

test("a refusal is an error with the problem in it", async () => {
  const refused = await fitserve.predict("digit", new Blob(["no picture"])).catch((fault) => fault);
  assert.ok(refused instanceof FitserveError);
  assert.equal(refused.status, 422);
  assert.match(refused.message, /picture/);
});

test("models and what is ready are told", async () => {
  const models = await fitserve.models();
  assert.ok(models.some(({ model, serving }) => model === "digit" && serving === 1));
  assert.equal((await fitserve.ready()).ready, true);
  assert.equal((await fitserve.version("digit", "live")).version, 1);
});

test("the events of a job come from the first to the last, whenever one asks", async () => {
  const wish = { dataset: "sample", epochs: 1, promote: "never" };
  const { id } = await fitserve.train("digit", wish, { idempotencyKey: "once" });
  assert.equal((await fitserve.train("digit", wish, { idempotencyKey: "once" })).id, id);
  await fitserve.cancel(id);
  const seen = [];
  for await (const { event } of fitserve.events(id)) seen.push(event);
  assert.equal(seen[0], "queued");
  assert.equal(seen.at(-1), "finished");
  assert.equal((await fitserve.job(id)).status, "cancelled");
});

test("a lost connection is made again after the last event that was seen", async () => {
  const { asked, fetch } = scripted(
    new Response(event(1, "queued") + event(2, "started") + "id: 3\nevent: ep"),
    new Response(event(3, "epoch") + event(4, "finished")),
  );
  const connections = [];
  const ids = [];
  const client = new Fitserve("", { fetch });
  for await (const { id } of client.events("job", { onConnection: (up) => connections.push(up) })) ids.push(id);
  assert.deepEqual(ids, [1, 2, 3, 4]);
  assert.equal(asked[1].headers["Last-Event-ID"], "2");
  assert.deepEqual(connections, [true, false, true]);
});

test("a key is asked for once, however many requests wait for it", async () => {
  let questions = 0;
  const fetch = async (_, { headers }) =>
    headers.Authorization === "Bearer secret" ? new Response("[]") : new Response("{}", { status: 401 });
  const askKey = async () => {
    questions++;
    return "secret";
  };
  const client = new Fitserve("", { fetch, askKey });
  await Promise.all([client.models(), client.jobs(), client.models()]);
  assert.equal(questions, 1);
});

test("without a key the refusal is told", async () => {
  const { fetch } = scripted(new Response('{"detail": "a key is needed"}', { status: 401 }));
  const client = new Fitserve("", { fetch, askKey: async () => null });
  await assert.rejects(client.models(), { status: 401, message: "a key is needed" });
});

test("events are read wherever the network cuts them", async () => {
  const bytes = new TextEncoder().encode(': hello\n\nevent: word\r\ndata: {"word":\r\ndata: "말"}\r\n\r\n');
  const body = new ReadableStream({
    start(controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  const events = [];
  for await (const one of parseEvents(body)) events.push(one);
  assert.deepEqual(events, [{ id: undefined, event: "word", data: { word: "말" } }]);
});
