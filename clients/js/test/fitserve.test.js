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
  const fetch = async (url, init) => {
    asked.push({ url, ...init });
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
  const seen = await fitserve.preview("digit", await seven());
  assert.equal(
    Buffer.from(await seen.arrayBuffer())
      .subarray(1, 4)
      .toString(),
    "PNG",
  );
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
  const { ready, models: standing } = await fitserve.ready();
  assert.equal(ready, true);
  assert.deepEqual(standing.digit.loaded, [1]);
  assert.equal((await fitserve.live()).status, "ok");
  assert.equal((await fitserve.version("digit", "live")).version, 1);
  assert.ok("/predict/digit" in (await fitserve.openapi()).paths);
});

test("a version is promoted, rolled back, named by an alias, and its files are had", async () => {
  assert.equal((await fitserve.promote("digit", 2)).serving, 2);
  assert.equal((await fitserve.predict("digit", await seven())).version, 2);
  assert.equal((await fitserve.predict("digit", await seven(), { alias: "previous" })).version, 1);
  assert.equal((await fitserve.rollback("digit")).serving, 1);
  assert.equal((await fitserve.promote("digit", 2, "candidate")).aliases.candidate, 2);
  assert.equal((await fitserve.predict("digit", await seven(), { version: "candidate" })).version, 2);
  const evaluation = JSON.parse(await (await fitserve.file("digit", 2, "evaluation.json")).text());
  assert.equal(evaluation.confusion.length, 10);
});

test("two versions are compared, and share the requests until that is ended", async () => {
  const { versions, same_test: same, confusion } = await fitserve.compare("digit", 1, 2);
  assert.deepEqual(versions, [1, 2]);
  assert.equal(same, true);
  assert.equal(confusion[2].length, 10);
  assert.deepEqual((await fitserve.splitTraffic("digit", { 1: 60, 2: 40 })).traffic, { 1: 60, 2: 40 });
  assert.deepEqual((await fitserve.endSplit("digit")).traffic, { 1: 100 });
});

test("a version stands in the shadow until its alias is removed", async () => {
  assert.equal((await fitserve.promote("digit", 2, "shadow")).shadow.version, 2);
  assert.equal((await fitserve.removeAlias("digit", "shadow")).shadow, null);
});

test("what is no network does not become a version", async () => {
  await assert.rejects(fitserve.importVersion("digit", new Blob(["nothing"]), { like: 1 }), { status: 422 });
});

test("a built-in model is not deleted", async () => {
  await assert.rejects(fitserve.deleteModel("digit"), { status: 409 });
});

test("a version is deleted for good", async () => {
  await fitserve.delete("digit", 3);
  await assert.rejects(fitserve.version("digit", 3), { status: 404 });
});

test("what the types declare is what there is", async () => {
  const declared = await readFile(new URL(import.meta.resolve("fitserve").replace(/\.js$/, ".d.ts")), "utf8");
  const [, body] = /declare class Fitserve \{(.*?)\n\}/s.exec(declared);
  const names = [...body.matchAll(/^  (\w+)[<(]/gm)].map(([, name]) => name);
  assert.deepEqual(new Set(names), new Set(Object.getOwnPropertyNames(Fitserve.prototype)));
});

test("the events of a job come from the first to the last, whenever one asks", async () => {
  const options = { dataset: "sample", epochs: 1, promote: "never" };
  const { id } = await fitserve.train("digit", options, { idempotencyKey: "once" });
  assert.equal((await fitserve.train("digit", options, { idempotencyKey: "once" })).id, id);
  await fitserve.cancel(id);
  const seen = [];
  for await (const { event } of fitserve.events(id)) seen.push(event);
  assert.equal(seen[0], "queued");
  assert.equal(seen.at(-1), "finished");
  assert.equal((await fitserve.job(id)).status, "cancelled");
  assert.ok((await fitserve.jobs({ family: "digit", limit: 5 })).some((job) => job.id === id));
  assert.deepEqual(await fitserve.history(id), []);
  assert.match(await fitserve.historyCsv(id), /^(phase|\s*$)/);
  await assert.rejects(fitserve.plot(id), { status: 409 }); // there is no epoch to draw
  let log = "";
  for await (const piece of fitserve.followLog(id)) log += piece; // ends, as the job has
  assert.equal(log, await fitserve.log(id));
});

test("a job is set aside and taken up again", async () => {
  const { id } = await fitserve.reproduce("digit", 1).catch(() => fitserve.train("digit", { dataset: "sample" }));
  await fitserve.pause(id);
  const { status, control_request: request } = await fitserve.job(id);
  assert.ok(status === "paused" || request === "pause");
  await fitserve.cancel(id);
});

test("a text of one's own is sent as a file", async () => {
  const text = new Blob(["나는 오늘 산책을 했다\n나는 오늘 책을 읽었다\n너는 어제 집에 있었다\n"], {
    type: "text/plain",
  });
  const { id, hyperparameters } = await fitserve.train("text", { cell: "gru", epochs: 2 }, { file: text });
  assert.equal(hyperparameters.cell, "gru");
  await fitserve.cancel(id);
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

test("who asks for the key is told what the service said of the last one", async () => {
  const said = [];
  const keys = ["wrong", "right"];
  const fetch = async (_, { headers: { Authorization: given } }) =>
    given === "Bearer right" ? new Response("[]") : new Response(`{"detail": "no: ${given}"}`, { status: 401 });
  const client = new Fitserve("", { fetch, askKey: async ({ message }) => said.push(message) && keys.shift() });
  await client.models();
  assert.deepEqual(said, ["no: undefined", "no: Bearer wrong"]);
});

test("a service that cannot be reached is a refusal with status 0, and waited for by those who watch", async () => {
  const finished = new Response(event(1, "finished"));
  let tries = 0;
  const fetch = async () => {
    if (++tries < 3) throw new TypeError("fetch failed");
    return finished;
  };
  await assert.rejects(new Fitserve("", { fetch }).models(), { status: 0 });
  const seen = [];
  for await (const { event } of new Fitserve("", { fetch }).events("job")) seen.push(event);
  assert.deepEqual(seen, ["finished"]);
});

test("a mistake of one's own is no refusal", async () => {
  const fetch = async () => new Response("id: 1\nevent: epoch\ndata: not JSON\n\n");
  await assert.rejects(async () => {
    for await (const _ of new Fitserve("", { fetch }).events("job")) assert.fail("there is nothing to read");
  }, SyntaxError);
});

test("names go into addresses as they are", async () => {
  const { asked, fetch } = scripted(new Response("{}"));
  await new Fitserve("http://here/", { fetch }).model("a/b?c");
  assert.equal(asked[0].url, "http://here/models/a%2Fb%3Fc");
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
