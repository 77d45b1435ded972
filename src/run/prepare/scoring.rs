//! The scoring service of a run whose statements ask a model: on a port and with a token of its own,
//! which the statement that creates the model is told.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::base::text::Text;
use crate::run::outcome::Stop;
use crate::scenario::settings::Scoring as Settings;
use crate::score::manners::{Behaviour, Manners};
use crate::score::service::{Service, Token};
use crate::sql::edit::with_options;
use crate::sql::flink::Created;

/// A service that is reserved, and started with the statements.
#[derive(Debug)]
pub(in crate::run) struct Scoring {
    endpoint: String,
    token: String,
    service: Arc<Service>,
    /// Every model leaves out the rows that the service refuses, and never asks again.
    drops_refused: bool,
    /// Until the service is started.
    listener: Mutex<Option<std::net::TcpListener>>,
}

/// Ends the service when it is dropped.
#[derive(Debug)]
pub(in crate::run) struct Serving(JoinHandle<()>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Scoring {
    /// Takes a port; `token` is what requests must bear, `models` are the statements that ask.
    pub(in crate::run) fn reserve<'a>(
        settings: &Settings,
        token: String,
        models: impl IntoIterator<Item = &'a Created>,
    ) -> Result<Self, Stop> {
        let refused = |error: std::io::Error| {
            Stop::Stack(format!("no port for the scoring service: {error}"))
        };
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let manners = Manners {
            delay: Duration::from_millis(settings.delay_ms),
            fail_first: settings.fail_first,
            out_of_order: settings.out_of_order,
        };
        Ok(Self {
            endpoint: format!("http://{address}/v1/chat/completions"),
            service: Service::new(Some(Token::new(&token)), manners),
            token,
            drops_refused: models.into_iter().all(drops_refused),
            listener: Mutex::new(Some(listener)),
        })
    }

    /// The statement that creates a model, with the address and the token of the service.
    pub(in crate::run) fn told(&self, create_model: &Text) -> Text {
        let changes = [("endpoint", self.endpoint.as_str()), ("api-key", self.token.as_str())];
        with_options(create_model, changes.map(|(key, value)| (key, Some(value))))
    }

    /// What became of the requests, where each record is asked for once: a model that asks again may
    /// be between two requests, which nothing shows.
    pub(in crate::run) fn asks_once(&self) -> Option<&Behaviour> {
        self.drops_refused.then(|| self.service.behaviour())
    }

    /// Starts the service, inside of the run's runtime; the first time only.
    pub(in crate::run) fn serve(&self) -> Result<Option<Serving>, Stop> {
        let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(listener) = listener.take() else { return Ok(None) };
        let listener = TcpListener::from_std(listener).map_err(|error| {
            Stop::Stack(format!("the scoring service could not be started: {error}"))
        })?;
        let service = Arc::clone(&self.service);
        let serving = async move {
            if let Err(error) = service.serve(listener, std::future::pending()).await {
                tracing::warn!("the scoring service ended: {error}");
            }
        };
        Ok(Some(Serving(tokio::spawn(serving))))
    }
}

/// The model's provider leaves out the rows whose request fails.
fn drops_refused(model: &Created) -> bool {
    let strategy = model.with.as_ref().and_then(|with| with.get("error-handling-strategy"));
    strategy.is_some_and(|strategy| strategy.eq_ignore_ascii_case("IGNORE"))
}
