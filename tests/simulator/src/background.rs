//! The runtime and the listeners of the fakes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::api::Backend;
use crate::server::{Shared, receive};
use crate::socket::{Door, Line};

/// A runtime of its own, so that a test that blocks its thread does not stop the fakes.
pub(crate) struct Background {
    runtime: Option<Runtime>,
}

impl Background {
    pub(crate) fn new() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("simulator")
            .enable_all()
            .build()?;
        Ok(Self {
            runtime: Some(runtime),
        })
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("kept until the drop")
    }

    /// Listens on a port of the loopback interface, 0 for a free one.
    pub(crate) async fn listen(&self, port: u16) -> io::Result<(TcpListener, SocketAddr)> {
        let bound = self
            .runtime()
            .spawn(TcpListener::bind(("127.0.0.1", port)))
            .await;
        let listener = bound.map_err(io::Error::other)??;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }

    /// Serves a fake until the last handle of the simulator is gone.
    pub(crate) fn serve<B: Backend>(
        &self,
        listener: TcpListener,
        backend: Arc<B>,
        shared: Arc<Shared>,
    ) {
        let app = Router::new().fallback(
            move |ConnectInfo(line): ConnectInfo<Line>, request: Request| {
                let (backend, shared) = (backend.clone(), shared.clone());
                receive(backend, shared, line, request)
            },
        );
        self.serve_app(listener, app);
    }

    /// Runs something until the last handle is gone.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime().spawn(task);
    }

    /// Serves anything, by requests that know their [`Line`].
    pub(crate) fn serve_app(&self, listener: TcpListener, app: Router) {
        let service = app.into_make_service_with_connect_info::<Line>();
        self.runtime().spawn(async move {
            let _ = axum::serve(Door::new(listener), service).await;
        });
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // A plain drop would block, which panics inside a test's own runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
