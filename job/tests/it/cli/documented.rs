//! The examples of docs/metrics.md are what the program writes.

use super::Folder;
use std::path::Path;

/// 2026-01-01T10:00:00Z.
const TEN_MS: i64 = 1_767_261_600_000;

const RULE: &str = r#"
[[alert]]
name = "cart_left"
title = "Cart left"
description = "User {user}: /cart, and not /checkout within 5m"
first = "/cart"
without = "/checkout"
within = "5m"
"#;

fn event(second: i64, user: &str, rest: &str) -> String {
    let at_ms = TEN_MS + second * 1_000;
    let session = match user {
        "bob" => {
            r#","sessionData":{"country":"US","city":"Austin","deviceType":"DESKTOP","browser":"Chrome","os":"Windows"}"#
        }
        "ann" => {
            r#","sessionData":{"country":"DE","city":"Bonn","deviceType":"MOBILE","browser":"Safari","os":"iOS"}"#
        }
        _ => "",
    };
    format!(r#"{{"timestamp":{at_ms},"userId":"{user}","sessionId":"s-{user}",{rest}{session}}}"#)
}

fn view(second: i64, user: &str, url: &str, ms: Option<i64>) -> String {
    let referrer = if url == "/" && user == "bob" {
        r#","referrer":"https://www.google.com/search?q=x""#
    } else {
        ""
    };
    let ms = ms.map_or(String::new(), |ms| format!(r#","pageLoadTime":{ms}"#));
    let rest = format!(r#""eventType":"PAGE_VIEW","pageViewData":{{"url":"{url}"{referrer}{ms}}}"#);
    event(second, user, &rest)
}

/// The eleven events of the document.
fn events() -> Vec<String> {
    let end = |second, user| event(second, user, r#""eventType":"SESSION_END""#);
    let conversion =
        r#""eventType":"CONVERSION","conversionData":{"value":59.90,"currency":"usd"}"#;
    vec![
        view(1, "bob", "/", Some(1_250)),
        view(3, "ann", "https://shop.example/products/1?from=mail", Some(400)),
        view(4, "ann", "/cart", Some(320)),
        view(12, "bob", "/products/2", Some(610)),
        end(21, "ann"),
        view(30, "bob", "/cart", Some(300)),
        view(40, "bob", "/checkout", Some(290)),
        event(45, "bob", conversion),
        view(50, "cid", "/", None),
        end(60, "cid"),
        end(90, "bob"),
    ]
}

/// The objects in the blocks of JSON between the chapter of this name and that of dead
/// letters, each in one line.
fn examples() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let text = std::fs::read_to_string(path).unwrap();
    let from = text.find("\n## Real time").unwrap();
    let to = text.find("\n## Dead letters").unwrap();
    let blocks = text[from..to].split("```json\n").skip(1);
    let mut examples: Vec<String> = Vec::new();
    for line in blocks.flat_map(|block| block.split("```").next().unwrap().lines()) {
        match line.strip_prefix(' ') {
            Some(rest) => examples.last_mut().unwrap().push_str(rest),
            None => examples.push(line.to_owned()),
        }
    }
    examples
}

#[test]
fn examples_are_what_is_written() {
    let folder = Folder::new();
    folder.put("streamgauge.toml", RULE.as_bytes());
    folder.put("events.jsonl", events().join("\n").as_bytes());
    folder.done(
        "replay --from events.jsonl --to results.jsonl --alerts alerts.jsonl --final-only --days",
    );
    let written = folder.text("results.jsonl") + &folder.text("alerts.jsonl");
    let written: Vec<_> = written.lines().collect();
    let examples = examples();
    assert!(examples.len() >= 10, "{examples:#?}");
    for example in &examples {
        assert!(written.contains(&example.as_str()), "{example}\nis not in\n{written:#?}");
    }
}
