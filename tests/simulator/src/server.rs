//! What both fakes share on the wire: the log, latency, faults and the kill switch.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use tokio::time::sleep;

use crate::api::{Answer, Backend, Incoming, Manner, Outcome, Words};
use crate::bodies;
use crate::calls::{Call, CallLog};
use crate::clock::Clock;
use crate::faults::{Effect, Faults, Plan};
use crate::hold::Hold;
use crate::kill::{KillSwitch, When};
use crate::socket::Line;

/// What a proxy shows while the server behind it is away.
const PAGE: &str = "<!DOCTYPE html>\n<html><body><h1>Back soon</h1></body></html>\n";
pub(crate) const LARGEST_BODY: usize = 16 * 1024 * 1024;

/// What every fake of one simulator shares.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    pub(crate) calls: CallLog,
}

/// Reads a request and sees it through.
pub(crate) async fn receive<B: Backend>(
    backend: Arc<B>,
    shared: Arc<Shared>,
    line: Line,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let call = Incoming {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    // A server that has read a request goes on with it, whether or not the client still waits.
    let task = tokio::spawn(async move { process(&*backend, &shared, &line, &call).await });
    task.await
        .unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR))
}

async fn process<B: Backend>(
    backend: &B,
    shared: &Shared,
    line: &Line,
    call: &Incoming,
) -> Response {
    let endpoint = format!("{} {}", call.method, backend.template(&call.path));
    let path_and_query = call.path_and_query();
    let plan = shared.faults.strike(&endpoint, &path_and_query, &call.body);
    let (kill, hold) = shared.faults.arrived();
    let number = shared.calls.arrived(Call {
        api: backend.api(),
        host: backend.host(),
        endpoint,
        method: call.method.clone(),
        path_and_query,
        body: call.body.clone(),
        idempotency_key: call.header("idempotency-key").map(str::to_owned),
        stripe_account: call.header("stripe-account").map(str::to_owned),
        stripe_version: call.header("stripe-version").map(str::to_owned),
        status: None,
        replayed: false,
        at: shared.clock.now(),
    });
    let latency = shared.faults.latency_of(backend.api());
    if !latency.is_zero() {
        sleep(latency).await;
    }

    let (before, after) = match kill {
        Some(switch) if switch.when() == When::Before => (Some(switch), None),
        after => (None, after),
    };
    if strikes(before).await {
        return cut(line);
    }
    held(hold.as_ref(), When::Before).await;
    let answer = carry_out(backend, call, &plan).await;
    held(hold.as_ref(), When::After).await;
    if strikes(after).await {
        return cut(line);
    }
    let Some(answer) = answer else {
        return cut(line);
    };
    let answer = backend.dress(call, answer);
    let answer = plan
        .headers
        .iter()
        .fold(answer, |answer, (name, value)| answer.set(name, value));
    let answer = spoil(answer, &plan);
    shared
        .calls
        .answered(number, answer.status, answer.replayed);
    respond(answer, &plan)
}

async fn strikes(kill: Option<KillSwitch>) -> bool {
    match kill {
        Some(switch) => switch.strike().await,
        None => false,
    }
}

async fn held(hold: Option<&Hold>, when: When) {
    if let Some(hold) = hold.filter(|hold| hold.when() == when) {
        hold.wait().await;
    }
}

/// The call with its faults; `None` to cut the connection.
async fn carry_out<B: Backend>(backend: &B, call: &Incoming, plan: &Plan) -> Option<Answer> {
    let mut manner = Manner {
        takes: plan.delay,
        outcome: Outcome::Faithful,
    };
    let instead = match &plan.effect {
        Some(Effect::Status(status)) => Some(Some(backend.failure(*status))),
        Some(Effect::TooManyRequests { retry_after }) => {
            Some(Some(backend.too_many_requests(*retry_after)))
        }
        Some(Effect::LockTimeout) => Some(Some(backend.lock_timeout())),
        Some(Effect::CutBefore) => Some(None),
        _ => None,
    };
    if let Some(instead) = instead {
        sleep(plan.delay).await;
        return instead;
    }
    match &plan.effect {
        Some(Effect::StatusStored(status)) => {
            manner.outcome = Outcome::Fails(backend.failure(*status));
        }
        Some(Effect::StatusAfter(status)) => {
            manner.outcome = Outcome::FailsAfter(backend.failure(*status));
        }
        Some(Effect::Refusal {
            status,
            code,
            param,
            message,
        }) => {
            let refusal = backend.refusal(Words {
                status: *status,
                code: code.as_deref(),
                param: param.as_deref(),
                message,
            });
            manner.outcome = Outcome::Fails(refusal);
        }
        _ => {}
    }
    let answer = backend.handle(call, manner).await;
    if matches!(plan.effect, Some(Effect::CutAfter)) {
        return None;
    }
    Some(answer)
}

/// Replaces the answer on its way back.
fn spoil(mut answer: Answer, plan: &Plan) -> Answer {
    match &plan.effect {
        Some(Effect::Html) => {
            answer.status = 200;
            PAGE.clone_into(&mut answer.body);
            answer.set("Content-Type", "text/html; charset=utf-8")
        }
        Some(Effect::EmptyBody) => {
            answer.body.clear();
            answer
        }
        Some(Effect::Body(status, body)) => {
            answer.status = *status;
            answer.body.clone_from(body);
            answer
        }
        _ => answer,
    }
}

fn respond(answer: Answer, plan: &Plan) -> Response {
    let body = match plan.effect {
        Some(Effect::SlowBody(time)) => bodies::slow(answer.body, time),
        Some(Effect::EndlessBody) => bodies::endless(),
        _ => Body::from(answer.body),
    };
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        let name = HeaderName::try_from(name);
        let value = HeaderValue::try_from(value);
        if let (Ok(name), Ok(value)) = (name, value) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// Closes the connection instead of answering.
pub(crate) fn cut(line: &Line) -> Response {
    line.cut();
    // Never written: it only makes the server try, and find the line cut.
    plain(StatusCode::NO_CONTENT)
}

pub(crate) fn plain(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
