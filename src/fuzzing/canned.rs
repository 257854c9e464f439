//! Answers that come from an input instead of a network, and a record of what was asked.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, StatusCode, Url};

use crate::http::{Answer, Failure, Request};

/// Separates the answers of an input.
const NEXT_ANSWER: u8 = 0x1e;
/// A call that asks for more answers than these does not end.
const MOST_REQUESTS: usize = 64;

/// A request as it would have left.
#[derive(Debug)]
pub(crate) struct Asked {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Option<String>,
}

struct Wire {
    answers: VecDeque<Answer>,
    asked: Vec<Asked>,
}

thread_local! {
    static WIRE: RefCell<Option<Wire>> = const { RefCell::new(None) };
    static CLIENT: Client = crate::http::client(std::time::Duration::from_secs(1)).expect("a client");
    // Waits between tries cost no time.
    static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
}

/// What is answered to a request while a call of [`answered`] runs on this thread; the last answer is
/// followed by silence.
pub(crate) fn answer_to(
    request: &Request<'_>,
    api: &'static str,
) -> Option<Result<Answer, Failure>> {
    WIRE.with_borrow_mut(|wire| {
        let wire = wire.as_mut()?;
        wire.asked.push(Asked {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: request.headers.clone(),
            body: request.body.map(str::to_owned),
        });
        assert!(wire.asked.len() <= MOST_REQUESTS, "it asks for ever");
        Some(wire.answers.pop_front().ok_or(Failure::Lost {
            api,
            template: request.template,
            cause: "no more answers".to_owned(),
        }))
    })
}

/// Runs a call whose requests get these answers, in their order.
pub(super) fn answered<T>(answers: &[Answer], call: impl Future<Output = T>) -> (T, Vec<Asked>) {
    let wire = Wire {
        answers: answers.iter().cloned().collect(),
        asked: Vec::new(),
    };
    WIRE.set(Some(wire));
    let end = RUNTIME.with(|runtime| runtime.block_on(call));
    let asked = WIRE.take().map(|wire| wire.asked).unwrap_or_default();
    (end, asked)
}

pub(super) fn client() -> Client {
    CLIENT.with(Client::clone)
}

/// Reads answers: each a body alone, or a status, lines of headers, an empty line and a body.
pub(super) fn answers(data: &[u8]) -> Vec<Answer> {
    data.split(|byte| *byte == NEXT_ANSWER)
        .map(answer)
        .collect()
}

fn answer(message: &[u8]) -> Answer {
    let mut lines = message.splitn(2, |byte| *byte == b'\n');
    let status = lines
        .next()
        .and_then(|line| StatusCode::from_bytes(line).ok());
    let (Some(status), Some(mut rest)) = (status, lines.next()) else {
        return Answer {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: message.to_vec(),
        };
    };
    let mut headers = HeaderMap::new();
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n');
        let (line, after) = match end {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest, &[][..]),
        };
        rest = after;
        if line.is_empty() {
            break;
        }
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = parts
            .next()
            .and_then(|name| HeaderName::from_bytes(name).ok());
        let value = parts.next().map(<[u8]>::trim_ascii);
        let value = value.and_then(|value| HeaderValue::from_bytes(value).ok());
        if let (Some(name), Some(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    Answer {
        status,
        headers,
        body: rest.to_vec(),
    }
}
