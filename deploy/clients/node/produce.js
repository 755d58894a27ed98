"use strict";
// Produces events with kafkajs, as others do: its own partitioner (murmur2, or in turn
// without a key), plain and with gzip, in batches, and bad records.
//
//   produce.js events   what happens in four minutes of event time
//   produce.js late     events of windows and sessions that were told as final

const fs = require("node:fs");
const path = require("node:path");
const { CompressionTypes } = require("kafkajs");
const run = require("./run.js");

const PAGES = ["/", "/products/7", "https://shop.example/products/8?x=1", "/cart", "/checkout"];
const COUNTRIES = ["JP", "BR"];

const event = (eventType, userId, sessionId, atMs, more = {}) => ({
  eventId: `${userId}-${atMs}`,
  timestamp: run.baseMs + atMs,
  eventType,
  userId,
  sessionId,
  ...more,
});

const view = (user, session, atMs, url, number = 0) =>
  event("PAGE_VIEW", user, session, atMs, {
    pageViewData: { url, title: "A “title” that nobody reads", pageLoadTime: 200.5 + number },
    sessionData: { country: COUNTRIES[number % 2], deviceType: "DESKTOP" },
  });

// Events with whether they have a key, in the order of their times.
function visits() {
  const all = [];
  for (let number = 0; number < 11; number += 1) {
    const [user, session] = [`js-${number}`, `s-js-${number}`];
    const keyed = number % 4 !== 3;
    let at = 9000 * number + 500 + number;
    for (let k = 0; k < 1 + (number % 4); k += 1) {
      all.push([view(user, session, at, PAGES[(2 * number + k) % PAGES.length], number), keyed]);
      at += 11000 + 700 * k;
    }
    if (number % 5 === 2) {
      const conversionData = { value: 0.1 + number, currency: "EUR" };
      all.push([event("CONVERSION", user, session, at, { conversionData }), keyed]);
    }
    if (number % 2 === 0) {
      all.push([event("SESSION_END", user, session, at + 300), keyed]);
    }
  }
  // Others of the same session are produced by another client, to another partition.
  for (const at of [15000, 35000]) {
    all.push([view("both", "s-both", at, PAGES[2]), true]);
  }
  return all.sort(([a], [b]) => a.timestamp - b.timestamp);
}

class Out {
  constructor(producer, client) {
    Object.assign(this, { producer, client, rows: [] });
  }

  // One request. Records of a partition have offsets in a row, in the order of the batch.
  async send(records, compression) {
    const messages = records.map(({ key, value }) => ({ key, value }));
    const answers = await this.producer.send({ topic: run.events, messages, compression, acks: -1 });
    if (records.length === 1) {
      const [{ partition, baseOffset }] = answers;
      const { event: of = null, reason = null, key = null, value } = records[0];
      const head = typeof value === "string" ? value : null;
      const place = { partition, offset: Number(baseOffset) };
      this.rows.push({ client: this.client, ...place, key, event: of, reason, head });
    }
    return answers;
  }

  one(of, keyed) {
    return { key: keyed ? of.userId : null, value: JSON.stringify(of), event: of };
  }

  write(phase) {
    const lines = this.rows.map((row) => `${JSON.stringify(row)}\n`);
    fs.writeFileSync(path.join(run.directory, `produced-node-${phase}.jsonl`), lines.join(""));
    run.tell(`produced ${this.rows.length} records (${phase})`);
  }
}

async function produceEvents(out) {
  for (const [number, [of, keyed]] of visits().entries()) {
    await out.send([out.one(of, keyed)], number % 2 ? CompressionTypes.GZIP : CompressionTypes.None);
  }
  await produceBatch(out);
  await out.send([{ key: "torn", value: "[1, 2]", reason: "malformed" }]);
  const timestamp = run.baseMs;
  const nobody = JSON.stringify({ timestamp, eventType: "PAGE_VIEW", userId: "" });
  await out.send([{ value: nobody, reason: "missing_field" }]);
  const text = JSON.stringify({ timestamp: `${timestamp}`, eventType: "PAGE_VIEW", userId: "x" });
  await out.send([{ key: "x", value: text, reason: "wrong_type" }]);
  await out.send([{ key: "x", value: null, reason: "empty" }]);
}

// Many records in one compressed batch, all with one key and so in one partition.
async function produceBatch(out) {
  const key = "batched";
  const all = Array.from({ length: 30 }, (_, k) =>
    view(key, "s-batched", 20000 + 1500 * k, PAGES[k % PAGES.length], k),
  );
  const records = all.map((of) => out.one(of, true));
  const answers = await out.send(records, CompressionTypes.GZIP);
  if (answers.length !== 1) {
    throw new Error(`one key went to ${answers.length} partitions`);
  }
  const [{ partition, baseOffset }] = answers;
  all.forEach((of, k) => {
    const row = { partition, offset: Number(baseOffset) + k, key, event: of };
    out.rows.push({ client: out.client, ...row, reason: null, head: null });
  });
}

async function produceLate(out) {
  const late = [
    // The silence between two sessions is no longer one: they become one.
    view("parted", "s-parted", 50000, PAGES[3]),
    view("parted", "s-parted", 100000, PAGES[4]),
    // A second view within five minutes takes back an alert.
    view("single", "s-single", 61000, PAGES[3]),
    view("js-late", "s-js-late", 30000, PAGES[0]),
  ];
  for (const of of late) {
    await out.send([out.one(of, true)], CompressionTypes.GZIP);
  }
}

run.main(async () => {
  const phase = process.argv[2];
  const producer = run.kafka().producer();
  await producer.connect();
  const out = new Out(producer, phase === "late" ? "node-late" : "node");
  await { events: produceEvents, late: produceLate }[phase](out);
  await producer.disconnect();
  out.write(phase);
});
