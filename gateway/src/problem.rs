//! What went wrong with a request and what to do about it, as RFC 9457 has it.

use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde::Serialize;
use warp::reply::Response;

/// A problem.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    title: &'static str,
    detail: String,
    headers: Vec<(HeaderName, &'static str)>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

impl Problem {
    /// A problem; `detail` says what to do.
    pub(crate) fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, title, detail: detail.into(), headers: Vec::new() }
    }

    /// A request that cannot be understood.
    pub(crate) fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad request", detail)
    }

    /// With a header.
    pub(crate) fn header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// As an answer.
    pub(crate) fn response(&self) -> Response {
        let status = self.status.as_u16();
        let body = Body { r#type: "about:blank", title: self.title, status, detail: &self.detail };
        // A structure of texts and a number always has a JSON form.
        let mut response = Response::new(serde_json::to_string(&body).unwrap_or_default().into());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        for (name, value) in &self.headers {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
