//! The operator's server, which is told what happened.

mod delivery;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use tokio::time::sleep;

pub use delivery::Delivery;

use crate::background::Background;
use crate::bodies;
use crate::server::{LARGEST_BODY, cut, plain};
use crate::socket::Line;

const PATH: &str = "/mirakl-stripe";
/// What is said when a notification is accepted.
const THANKS: &str = "The notification has been received.\n";

/// How the receiver treats a notification.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// 200.
    Accept,
    /// This status, without a body.
    Status(u16),
    /// 307 to another address.
    Redirect(String),
    /// The connection is closed without an answer.
    Close,
    /// 200 after this time, if the client still waits.
    Slow(Duration),
    /// No answer, ever.
    Hang,
    /// 200 and the headers at once, then the body in small pieces over this time.
    SlowBody(Duration),
}

type Predicate = Box<dyn Fn(&Delivery) -> bool + Send + Sync>;

/// Handle on the operator's server, which runs until the last handle is dropped.
#[derive(Clone)]
pub struct Receiver {
    state: Arc<State>,
    _background: Arc<Background>,
}

struct State {
    url: String,
    inner: Mutex<Inner>,
}

struct Inner {
    received: Vec<Delivery>,
    /// How many deliveries were cleared away before the first of those.
    cleared: usize,
    usual: Behaviour,
    /// Newest last.
    special: Vec<(Predicate, Behaviour)>,
}

impl Receiver {
    /// Starts on a free port of 127.0.0.1 and accepts everything.
    pub async fn start() -> io::Result<Self> {
        let background = Arc::new(Background::new()?);
        let (listener, address) = background.listen(0).await?;
        let state = Arc::new(State {
            url: format!("http://{address}{PATH}"),
            inner: Mutex::new(Inner {
                received: Vec::new(),
                cleared: 0,
                usual: Behaviour::Accept,
                special: Vec::new(),
            }),
        });
        let shared = state.clone();
        let app = Router::new().fallback(
            move |ConnectInfo(line): ConnectInfo<Line>, request: Request| {
                let state = shared.clone();
                async move { state.receive(&line, request).await }
            },
        );
        background.serve_app(listener, app);
        Ok(Self {
            state,
            _background: background,
        })
    }

    /// Where notifications go, `http://127.0.0.1:PORT/mirakl-stripe`. Other paths are 404.
    pub fn url(&self) -> String {
        self.state.url.clone()
    }

    /// Every request in order of arrival, whatever became of it.
    pub fn received(&self) -> Vec<Delivery> {
        self.state.lock().received.clone()
    }

    /// The requests that were answered with success.
    pub fn accepted(&self) -> Vec<Delivery> {
        let mut received = self.received();
        received.retain(Delivery::was_accepted);
        received
    }

    /// Forgets what was received.
    pub fn clear(&self) {
        let mut inner = self.state.lock();
        inner.cleared += inner.received.len();
        inner.received.clear();
    }

    /// How all notifications are treated from now on; what was said about some is void.
    pub fn behave(&self, behaviour: Behaviour) {
        let mut inner = self.state.lock();
        inner.usual = behaviour;
        inner.special.clear();
    }

    /// How some notifications are treated from now on. What was said last counts.
    pub fn behave_for(
        &self,
        predicate: impl Fn(&Delivery) -> bool + Send + Sync + 'static,
        behaviour: Behaviour,
    ) {
        let mut inner = self.state.lock();
        inner.special.push((Box::new(predicate), behaviour));
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn receive(&self, line: &Line, request: Request) -> Response {
        let (head, body) = request.into_parts();
        let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
            return plain(StatusCode::PAYLOAD_TOO_LARGE);
        };
        let delivery = Delivery::read(&head, &body);
        let misplaced = match (delivery.path.as_str(), delivery.method.as_str()) {
            (PATH, "POST") => None,
            (PATH, _) => Some(Behaviour::Status(405)),
            _ => Some(Behaviour::Status(404)),
        };
        let (number, behaviour) = {
            let mut inner = self.lock();
            let behaviour = misplaced.unwrap_or_else(|| inner.behaviour(&delivery));
            inner.received.push(delivery);
            (inner.cleared + inner.received.len() - 1, behaviour)
        };
        let Some(response) = answer(behaviour).await else {
            return cut(line);
        };
        self.lock().answered(number, response.status());
        response
    }
}

impl Inner {
    fn behaviour(&self, delivery: &Delivery) -> Behaviour {
        let special = self.special.iter().rev();
        let special = special.map(|(applies, behaviour)| (applies(delivery), behaviour));
        let found = special.into_iter().find(|(applies, _)| *applies);
        found
            .map_or(&self.usual, |(_, behaviour)| behaviour)
            .clone()
    }

    fn answered(&mut self, number: usize, status: StatusCode) {
        let place = number.checked_sub(self.cleared);
        if let Some(delivery) = place.and_then(|at| self.received.get_mut(at)) {
            delivery.status = Some(status.as_u16());
        }
    }
}

/// `None` to close the connection.
async fn answer(behaviour: Behaviour) -> Option<Response> {
    match behaviour {
        Behaviour::Accept => Some(Response::new(THANKS.into())),
        Behaviour::Status(status) => {
            let status = StatusCode::from_u16(status);
            Some(plain(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)))
        }
        Behaviour::Redirect(to) => {
            let mut response = plain(StatusCode::TEMPORARY_REDIRECT);
            if let Ok(to) = HeaderValue::try_from(to) {
                response.headers_mut().insert(LOCATION, to);
            }
            Some(response)
        }
        Behaviour::Close => None,
        Behaviour::Slow(time) => {
            sleep(time).await;
            Some(Response::new(THANKS.into()))
        }
        Behaviour::Hang => std::future::pending().await,
        Behaviour::SlowBody(time) => Some(Response::new(bodies::slow(THANKS.to_owned(), time))),
    }
}
