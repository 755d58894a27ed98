"use strict";
// Compares what stands in the topics of results with what was produced: reads on until all
// is as it must be, and is so two seconds later; fails when the time is up.

const assert = require("node:assert");
const expected = require("./expected.js");
const run = require("./run.js");

const SETTLE_MS = 2000;

// The last record of each key, by topic; those without a value are there, too.
const last = new Map();
let records = 0;

function take({ topic, partition, message }) {
  const { key, value, headers, offset } = message;
  const epoch = headers?.epoch?.toString();
  assert.match(epoch ?? "none", /^\d+$/, `the epoch of ${topic}/${partition}/${offset}`);
  const parsed = value === null ? null : JSON.parse(value.toString());
  if (parsed !== null && "epoch" in parsed) {
    assert.strictEqual(String(parsed.epoch), epoch, `the epoch of ${topic}/${partition}/${offset}`);
  }
  last.get(topic).set(key.toString(), parsed);
  records += 1;
}

const standing = (topic) => [...last.get(topic)].filter(([, value]) => value !== null);

// The parts of a key: the dimensions are decoded.
function parse(key) {
  const [metric, start, end, names] = key.split("|");
  const pairs = names.split(",").filter((pair) => pair !== "");
  const dimensions = pairs.map((pair) => pair.split("=").map(decodeURIComponent));
  return { metric, start: Number(start), end, dimensions: Object.fromEntries(dimensions) };
}

function found() {
  const views = standing(run.metrics)
    .filter(([key]) => key.startsWith("PAGE_VIEWS_PER_SECOND|"))
    .map(([key, value]) => {
      assert.strictEqual(parse(key).end, String(value.windowEnd), key);
      assert.ok(Math.abs(value.value * 5 - value.count) < 1e-9, key);
      return [value.windowEnd, value.count];
    });
  const sessions = standing(run.sessions).map(([key, value]) => {
    const { start, dimensions } = parse(key);
    return [JSON.stringify([dimensions.user, dimensions.session, start]), value];
  });
  const alerts = standing(run.alerts)
    .filter(([, { rule, state }]) => rule === "high_bounce_rate" && state === "firing")
    .map(([, { userId, windowStart, state }]) => [JSON.stringify([userId, windowStart]), state]);
  const letters = standing(run.deadLetters).map(([key, value]) => {
    assert.strictEqual(key, `${value.partition}|${value.offset}`);
    return [key, value.reason];
  });
  return {
    views: new Map(views),
    sessions: new Map(sessions),
    alerts: new Map(alerts),
    deadLetters: new Map(letters),
  };
}

// Of a session only the fields that are computed here.
function only(fields, wanted) {
  const names = Object.keys(wanted ?? fields);
  return Object.fromEntries(names.map((name) => [name, fields[name]]));
}

function compare() {
  const rows = run.produced();
  const wanted = {
    views: expected.pageViews(rows),
    sessions: expected.sessions(rows),
    alerts: expected.alerts(rows),
    deadLetters: expected.deadLetters(rows),
  };
  const got = found();
  for (const [key, fields] of got.sessions) {
    got.sessions.set(key, only(fields, wanted.sessions.get(key)));
  }
  for (const what of Object.keys(wanted)) {
    assert.deepStrictEqual(got[what], wanted[what], what);
  }
  assert.ok(last.get(run.status).size > 0, "job-status says nothing");
  const sum = [...wanted.views.values()].reduce((a, b) => a + b, 0);
  return `${records} records of results agree: ${sum} page views, ${wanted.sessions.size} sessions`;
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function holds(limit) {
  for (;;) {
    try {
      return compare();
    } catch (error) {
      if (Date.now() > limit) {
        throw error;
      }
    }
    await sleep(500);
  }
}

run.main(async () => {
  const topics = [run.metrics, run.sessions, run.alerts, run.deadLetters, run.status];
  topics.forEach((topic) => last.set(topic, new Map()));
  const consumer = run.kafka().consumer({ groupId: `${run.prefix}node`, readUncommitted: false });
  const failed = new Promise((_, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
  });
  await consumer.connect();
  await consumer.subscribe({ topics, fromBeginning: true });
  await consumer.run({ eachMessage: async (one) => take(one) });
  const compared = async () => {
    await holds(Date.now() + run.limitMs);
    await sleep(SETTLE_MS);
    run.tell(compare());
  };
  await Promise.race([compared(), failed]);
  await consumer.disconnect();
});
