//! Which requests are page views.
//!
//! The method, status and the ending of the path decide, as there is nothing else. A
//! document for download is a page, a feed too; what a page is made of is not.

use super::{Left, Skip, Unreadable};
use memchr::{memchr, memrchr};

/// Endings of what pages are made of, in lower case.
const ASSETS: [&[u8]; 38] = [
    b"avif", b"avi", b"bmp", b"css", b"cur", b"eot", b"flv", b"gif", b"ico", b"jpeg", b"jpg",
    b"js", b"json", b"m3u8", b"m4a", b"m4s", b"m4v", b"map", b"mjs", b"mov", b"mp3", b"mp4",
    b"ogg", b"ogv", b"otf", b"png", b"svg", b"svgz", b"swf", b"tif", b"tiff", b"ttf", b"wasm",
    b"wav", b"webm", b"webp", b"woff", b"woff2",
];

/// Paths that only programs ask for.
const FOR_PROGRAMS: [&[u8]; 5] =
    [b"/robots.txt", b"/ads.txt", b"/sitemap.xml", b"/browserconfig.xml", b"/site.webmanifest"];
const WELL_KNOWN: &[u8] = b"/.well-known/";

/// The target of a request that is a page view: path and query, as they stand there.
pub(super) fn target<'a>(request: &'a [u8], status: &[u8]) -> Result<&'a [u8], Left> {
    match status {
        b"-" => return Err(Skip::NoPage.into()),
        [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9'] => {}
        _ => return Err(Unreadable::BadStatus.into()),
    }
    match (status[0], status) {
        (b'2', _) | (_, b"304") => {}
        (b'3', _) => return Err(Skip::Redirect.into()),
        (b'4' | b'5', _) => return Err(Skip::Error.into()),
        _ => return Err(Skip::NoPage.into()),
    }
    let (method, target) = take_apart(request).ok_or(Unreadable::BadRequest)?;
    if method != b"GET" {
        return Err(Skip::Method.into());
    }
    if is_asset(target) { Err(Skip::Asset.into()) } else { Ok(target) }
}

/// Method and target. Blanks within the target belong to it; requests before HTTP/1.0
/// have no version.
fn take_apart(request: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr(b' ', request)?;
    let (method, rest) = (&request[..end], &request[end + 1..]);
    let target = match memrchr(b' ', rest) {
        Some(last) if rest[last + 1..].starts_with(b"HTTP/") => &rest[..last],
        _ => rest,
    };
    let target = target.trim_ascii();
    let is_method =
        !method.is_empty() && method.iter().all(|b| b.is_ascii_alphabetic() || *b == b'-');
    (is_method && !target.is_empty()).then_some((method, target))
}

fn is_asset(target: &[u8]) -> bool {
    let end = target.iter().position(|b| matches!(b, b'?' | b'#')).unwrap_or(target.len());
    let path = &target[..end];
    if FOR_PROGRAMS.contains(&path) || path.starts_with(WELL_KNOWN) {
        return true;
    }
    let name = &path[memrchr(b'/', path).map_or(0, |slash| slash + 1)..];
    memrchr(b'.', name).is_some_and(|dot| {
        let ending = &name[dot + 1..];
        ASSETS.iter().any(|asset| asset.eq_ignore_ascii_case(ending))
    })
}
