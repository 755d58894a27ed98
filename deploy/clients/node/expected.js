"use strict";
// What the results must be, computed from what was produced, as docs/metrics.md says.

const run = require("./run.js");

const KNOWN = new Set(["PAGE_VIEW", "SESSION_START", "SESSION_END", "CONVERSION"]);
const ALERT_MS = 300000;

function page(url) {
  const rest = url.replace(/^[A-Za-z]+:\/\/[^/?#]+/, "").replace(/[?#].*$/s, "");
  return rest === "" ? "/" : rest;
}

const events = (rows) =>
  rows
    .filter(({ event }) => event !== null && KNOWN.has(event.eventType))
    .map(({ event }) => ({
      type: event.eventType,
      at: event.timestamp,
      user: event.userId || event.sessionId,
      session: event.sessionId || event.userId,
      page: event.eventType === "PAGE_VIEW" ? page(event.pageViewData.url) : null,
    }));

const count = (map, key, by = 1) => map.set(key, (map.get(key) ?? 0) + by);

// Page views by the end of their five seconds; windows with other events alone have 0.
function pageViews(rows) {
  const byEnd = new Map();
  for (const { type, at } of events(rows)) {
    count(byEnd, (Math.floor(at / 5000) + 1) * 5000, type === "PAGE_VIEW" ? 1 : 0);
  }
  return byEnd;
}

function sessions(rows) {
  const byVisit = new Map();
  for (const one of events(rows).sort((a, b) => a.at - b.at)) {
    const visit = JSON.stringify([one.user, one.session]);
    byVisit.set(visit, [...(byVisit.get(visit) ?? []), one]);
  }
  const all = new Map();
  for (const of of byVisit.values()) {
    let part = [];
    for (const [i, one] of of.entries()) {
      part.push(one);
      const next = of[i + 1];
      const ended = part.some(({ type }) => type === "SESSION_END");
      if (!next || next.at - one.at > run.sessionGapMs || (ended && next.at > one.at)) {
        const [key, fields] = session(part, ended);
        all.set(key, fields);
        part = [];
      }
    }
  }
  return all;
}

function session(part, ended) {
  const [first, last] = [part[0], part.at(-1)];
  const pages = part.filter(({ page: of }) => of !== null).map(({ page: of }) => of);
  const fields = {
    userId: first.user,
    sessionId: first.session,
    start: first.at,
    end: last.at,
    durationMs: last.at - first.at,
    pageViews: pages.length,
    events: part.length,
    journey: pages.filter((of, i) => of !== pages[i - 1]),
    endedBy: ended ? "event" : "gap",
    windowEnd: ended ? last.at : last.at + run.sessionGapMs,
  };
  return [JSON.stringify([first.user, first.session, first.at]), fields];
}

function alerts(rows) {
  const views = new Map();
  for (const { type, at, user } of events(rows)) {
    if (type === "PAGE_VIEW") {
      count(views, JSON.stringify([user, Math.floor(at / ALERT_MS) * ALERT_MS]));
    }
  }
  return new Map([...views].filter(([, of]) => of === 1).map(([place]) => [place, "firing"]));
}

const deadLetters = (rows) =>
  new Map(
    rows
      .filter(({ reason }) => reason !== null)
      .map(({ partition, offset, reason }) => [`${partition}|${offset}`, reason]),
  );

module.exports = { pageViews, sessions, alerts, deadLetters };
