//! Whether a window is a day of the site, which only its settings tell.

use crate::day::Day;
use crate::window::Windows;
use std::ops::Range;

/// Refuses what is no day of the site.
pub(super) fn check_day(window: &Range<i64>, windows: &Windows) -> Result<(), String> {
    let Some(days) = windows.days else {
        return Err("results over days are switched off (`site.days`)".to_owned());
    };
    let Day { start_ms, end_ms } = days.day(window.start);
    if (start_ms, end_ms) == (window.start, window.end) {
        return Ok(());
    }
    Err(format!(
        "{}|{} is no day of {} (`site.time_zone`): the day that holds {} is {start_ms}|{end_ms}",
        window.start,
        window.end,
        days.zone(),
        window.start
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day::Days;

    #[test]
    fn days_are_those_of_the_site() {
        let check = |zone: Option<&str>, window: Range<i64>, expected: &str| {
            let windows = Windows {
                lateness_ms: 0,
                session_gap_ms: 0,
                allowed_disorder_ms: 0,
                days: zone.and_then(Days::of),
            };
            let said = check_day(&window, &windows).err().unwrap_or_default();
            assert!(said.contains(expected) && said.is_empty() == expected.is_empty(), "{said}");
        };
        // 2024-03-31 in Berlin: 23 hours.
        let (start_ms, end_ms) = (1_711_839_600_000, 1_711_922_400_000);
        check(Some("Europe/Berlin"), start_ms..end_ms, "");
        check(Some("UTC"), start_ms..end_ms, "no day of UTC");
        check(
            Some("Europe/Berlin"),
            start_ms..end_ms + 3_600_000,
            "the day that holds 1711839600000 is 1711839600000|1711922400000",
        );
        check(None, start_ms..end_ms, "`site.days`");
    }
}
