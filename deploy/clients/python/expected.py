"""What the results must be, computed from what was produced.

Follows docs/metrics.md and nothing else; it shares no code with the program.
"""

import re
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import run

KNOWN = {"PAGE_VIEW", "SESSION_START", "SESSION_END", "CONVERSION"}
ORIGIN = re.compile(r"^[A-Za-z]+://[^/?#]+")


def rounded(ratio):
    """To six decimals, half away from zero."""
    exact = Decimal(ratio.numerator * 10**7 // ratio.denominator) / 10**7
    return exact.quantize(Decimal("0.000001"), ROUND_HALF_UP).normalize()


class Event:
    """One that was accepted."""

    def __init__(self, row):
        raw = row["event"]
        self.kind = raw["eventType"]
        self.at = raw["timestamp"]
        self.user = raw.get("userId") or raw["sessionId"]
        self.session = raw.get("sessionId") or raw["userId"]
        self.place = (row["partition"], row["offset"])
        self.is_view = self.kind == "PAGE_VIEW"
        self.is_conversion = self.kind == "CONVERSION"
        self.page = page(raw.get("pageViewData", {}).get("url")) if self.is_view else None
        self.country = raw.get("sessionData", {}).get("country")
        self.device = raw.get("sessionData", {}).get("deviceType")
        money = raw.get("conversionData", {})
        self.minor = round(Fraction(str(money.get("value", 0))) * 100)
        self.currency = money.get("currency", "USD").upper()


def page(url):
    if url is None:
        return "(unknown)"
    path = re.split("[?#]", ORIGIN.sub("", url), maxsplit=1)[0]
    return path or "/"


def events(rows):
    every = [Event(row) for row in rows if row["event"] is not None]
    return [one for one in every if one.kind in KNOWN]


def windows(at, length, step):
    """The ends of the windows that hold a time."""
    first = (at // step + 1) * step
    return range(first, first + length, step)


def gathered(every, length, step, time=lambda one: one.at):
    """What is in each window, by its end."""
    by_end = {}
    for one in every:
        for end in windows(time(one), length, step):
            by_end.setdefault(end, []).append(one)
    return by_end


class Session:
    """A session that has ended."""

    def __init__(self, of):
        self.of = of
        self.start, self.end = of[0].at, of[-1].at
        self.by_event = any(one.kind == "SESSION_END" for one in of)
        self.ended_at = self.end if self.by_event else self.end + run.SESSION_GAP_MS
        self.views = sum(one.is_view for one in of)
        self.conversions = sum(one.is_conversion for one in of)
        self.bounced = self.views == 1 and self.conversions == 0

    def fields(self):
        pages = [one.page for one in self.of if one.is_view]
        journey = [p for i, p in enumerate(pages) if i == 0 or pages[i - 1] != p]
        revenue = {}
        for one in self.of:
            if one.is_conversion:
                revenue[one.currency] = revenue.get(one.currency, 0) + one.minor
        first = lambda of: next((value for value in of if value), "(unknown)")
        fields = {
            "userId": self.of[0].user,
            "sessionId": self.of[0].session,
            "start": self.start,
            "end": self.end,
            "durationMs": self.end - self.start,
            "pageViews": self.views,
            "events": len(self.of),
            "journey": journey,
            "journeyLength": len(journey),
            "conversions": self.conversions,
            "revenueMinor": revenue,
            "bounced": self.bounced,
            "endedBy": "event" if self.by_event else "gap",
            "device": first(one.device for one in self.of),
            "country": first(one.country for one in self.of),
            "windowEnd": self.ended_at,
        }
        if pages:
            fields.update(entryPage=pages[0], exitPage=pages[-1])
        return fields


def sessions(rows):
    by_visit = {}
    for one in events(rows):
        by_visit.setdefault((one.user, one.session), []).append(one)
    ended = []
    for of in by_visit.values():
        of.sort(key=lambda one: (one.at, one.place))
        ended.extend(Session(part) for part in parted(of))
    return ended


def parted(of):
    """The events of a visit, in order, as those of its sessions."""
    parts, before, over = [], None, None
    for one in of:
        silent = before is None or one.at - before > run.SESSION_GAP_MS
        if silent or (over is not None and one.at > over):
            parts.append([])
            over = None
        parts[-1].append(one)
        before = one.at
        if one.kind == "SESSION_END":
            over = one.at
    return parts


def session_records(rows):
    """The fields of SESSION by user, session id and start."""
    return {(s.of[0].user, s.of[0].session, s.start): s.fields() for s in sessions(rows)}


def metrics(rows):
    """Fields by metricType, windowStart, windowEnd and dimensions (as a sorted tuple)."""
    every, results = events(rows), {}

    def put(metric, start, end, fields, **dimensions):
        results[(metric, start, end, tuple(sorted(dimensions.items())))] = fields

    for end, of in gathered(every, 5_000, 5_000).items():
        views = sum(one.is_view for one in of)
        put("PAGE_VIEWS_PER_SECOND", end - 5_000, end,
            {"value": rounded(Fraction(views, 5)), "count": views})
        put("ACTIVE_USERS", end - 5_000, end,
            {"value": len({one.user for one in of}), "count": len(of)})
    for end, of in gathered(every, 300_000, 5_000).items():
        put("ACTIVE_USERS_5M", end - 5_000, end, {"value": len({one.user for one in of})})
    for end, of in gathered(every, 60_000, 10_000).items():
        business(end, of, put)
    for end, of in gathered(sessions(rows), 5_000, 5_000, lambda s: s.ended_at).items():
        put("AVERAGE_SESSION_DURATION", end - 5_000, end, {
            "value": rounded(Fraction(sum(s.end - s.start for s in of), 1_000 * len(of))),
            "count": len(of),
        })
        viewed = [s for s in of if s.views]
        if viewed:
            bounced = sum(s.bounced for s in viewed)
            put("BOUNCE_RATE", end - 5_000, end,
                {"value": rounded(Fraction(100 * bounced, len(viewed))), "count": len(viewed)})
    return results


def business(end, of, put):
    users = len({one.user for one in of})
    start = end - 60_000
    conversions = [one for one in of if one.is_conversion]
    converted = len({one.user for one in conversions})
    put("CONVERSION_RATE", start, end,
        {"value": rounded(Fraction(100 * converted, users)), "count": len(conversions)})
    for currency in {one.currency for one in conversions}:
        minor = [one.minor for one in conversions if one.currency == currency]
        put("REVENUE_PER_USER", start, end,
            {"value": rounded(Fraction(sum(minor), 100 * users)), "count": len(minor)},
            currency=currency)
    views = [one for one in of if one.is_view]
    by_page = {}
    for one in views:
        by_page.setdefault(one.page, []).append(one.user)
    places = sorted(by_page.items(), key=lambda item: (-len(item[1]), item[0].encode()))
    if views:
        put("POPULAR_CONTENT", start, end, {
            "items": [
                {"url": url, "views": len(us), "users": len(set(us)),
                 "share": rounded(Fraction(100 * len(us), len(views)))}
                for url, us in places
            ],
            "other": 0,
            "count": len(views),
        })


def alerts(rows):
    """Users and windows of HIGH_BOUNCE_RATE: one page view in five minutes."""
    views = {}
    for one in events(rows):
        if one.is_view:
            place = (one.user, one.at // 300_000 * 300_000)
            views[place] = views.get(place, 0) + 1
    return {place for place, count in views.items() if count == 1}


def dead_letters(rows):
    """Reason and first bytes as text by partition and offset."""
    return {
        (row["partition"], row["offset"]): (row["reason"], row["head"])
        for row in rows
        if row["reason"] is not None
    }
