"use strict";
// What all programs of a run share: where things are, and what was produced. A run is a
// directory; python/run.py says what is in it.

const fs = require("node:fs");
const path = require("node:path");
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = require("kafkajs");
const SnappyCodec = require("kafkajs-snappy");

// The job writes its results with snappy, which kafkajs reads with this besides.
CompressionCodecs[CompressionTypes.Snappy] = SnappyCodec;

const directory = process.env.RUN_DIRECTORY;
const prefix = process.env.RUN_PREFIX;

const run = {
  directory,
  events: process.env.RUN_TOPIC,
  prefix,
  baseMs: Number(process.env.RUN_BASE_MS),
  sessionGapMs: Number(process.env.RUN_SESSION_GAP_MS),
  limitMs: Number(process.env.RUN_LIMIT_S ?? "240") * 1000,
  metrics: `${prefix}processed-metrics`,
  sessions: `${prefix}sessions`,
  alerts: `${prefix}cep-alerts`,
  deadLetters: `${prefix}dead-letters`,
  status: `${prefix}job-status`,

  kafka: () =>
    new Kafka({
      clientId: "streamgauge-clients",
      brokers: process.env.RUN_BROKERS.split(","),
      logLevel: logLevel.ERROR,
    }),

  produced: () =>
    fs
      .readdirSync(directory)
      .filter((name) => /^produced-.*\.jsonl$/.test(name))
      .sort()
      .flatMap((name) => fs.readFileSync(path.join(directory, name), "utf8").trim().split("\n"))
      .map((line) => JSON.parse(line)),

  tell: (text) => console.log(`    node: ${text}`),

  main: (body) =>
    body().then(
      () => process.exit(0),
      (error) => {
        console.error(`    node: FAILED: ${error.stack ?? error}`);
        process.exit(1);
      },
    ),
};

module.exports = run;
