//! Whether brokers let one in, and why not: a call that fails says only that nobody answers.

use std::sync::Mutex;
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError as RdKafkaError, RDKafkaErrorCode};
use tokio::net::TcpStream;

use super::{KafkaError, consumer_config};
use crate::client::reach::{Reach, Security, Tls};
use crate::client::tls::{self, Verify};

/// How long one attempt may take; a client tries again by itself meanwhile.
const ATTEMPT: Duration = Duration::from_secs(1);
/// How many attempts there are while no broker was found to be down.
const ATTEMPTS: usize = 15;
/// How long a host may take to take a connection, and to shake hands.
const DOOR_LIMIT: Duration = Duration::from_secs(3);

/// Brokers that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Its id, if the brokers tell it.
    pub id: Option<String>,
    /// How many brokers it has.
    pub brokers: usize,
}

/// What the client has met, in its own words.
#[derive(Debug, Default)]
struct Met(Mutex<Vec<(RDKafkaErrorCode, String)>>);

impl ClientContext for Met {
    fn error(&self, error: RdKafkaError, reason: &str) {
        if let (Some(code), Ok(mut met)) = (error.rdkafka_error_code(), self.0.lock()) {
            met.push((code, reason.to_owned()));
        }
    }
}

impl ConsumerContext for Met {}

impl Met {
    /// The first reason of this kind.
    fn reason(&self, kind: RDKafkaErrorCode) -> Option<String> {
        let met = self.0.lock().ok()?;
        met.iter().find(|(code, _)| *code == kind).map(|(_, reason)| reason.clone())
    }
}

/// Asks the brokers for their cluster: its id, and how many brokers it has. The error says which door is
/// shut, and how.
pub async fn cluster(reach: &Reach) -> Result<Cluster, KafkaError> {
    let failed = |message: &dyn std::fmt::Display| KafkaError::new("asking the brokers", &message);
    let config = consumer_config(reach, "read_uncommitted");
    let consumer: BaseConsumer<Met> =
        config.create_with_context(Met::default()).map_err(|error| failed(&error))?;
    let asked = tokio::task::spawn_blocking(move || ask(&consumer));
    let met = match asked.await.map_err(|error| failed(&error))? {
        Ok(cluster) => return Ok(cluster),
        Err(met) => met,
    };
    let at = &reach.kafka.outside;
    let shut = match at.bootstrap.split(',').next() {
        Some(first) => door(first.trim(), at.security.tls.as_ref()).await,
        None => None,
    };
    Err(failed(&shut.or_else(|| refused(&met, &at.security)).unwrap_or(met.last)))
}

/// Why there was no answer.
struct Refusal {
    login: Option<String>,
    last: String,
}

/// Tries until brokers answer or all of them are known to be down.
fn ask(consumer: &BaseConsumer<Met>) -> Result<Cluster, Refusal> {
    let mut last = String::new();
    for _ in 0..ATTEMPTS {
        match consumer.fetch_metadata(None, ATTEMPT) {
            Ok(metadata) => {
                let id = consumer.client().fetch_cluster_id(ATTEMPT);
                return Ok(Cluster { id, brokers: metadata.brokers().len() });
            }
            Err(error) => last = error.to_string(),
        }
        // What was met is told to whoever polls.
        while consumer.poll(Duration::ZERO).is_some() {}
        if consumer.context().reason(RDKafkaErrorCode::AllBrokersDown).is_some() {
            break;
        }
    }
    let context = consumer.context();
    let kinds = [RDKafkaErrorCode::BrokerTransportFailure, RDKafkaErrorCode::Resolve];
    let told = kinds.into_iter().find_map(|kind| context.reason(kind));
    Err(Refusal {
        login: context.reason(RDKafkaErrorCode::Authentication),
        last: told.unwrap_or(last),
    })
}

/// That it is the login. What the broker answers to it may say what is wrong with it.
fn refused(met: &Refusal, security: &Security) -> Option<String> {
    let (said, sasl) = (met.login.as_ref()?, security.sasl.as_ref()?);
    let (mechanism, user) = (sasl.mechanism.word(), &sasl.login.user);
    Some(format!("the brokers refuse the login of {user} by {mechanism} ({said})"))
}

/// What keeps one from talking to a broker at all, if something does.
async fn door(address: &str, tls: Option<&Tls>) -> Option<String> {
    let at = |why: String| format!("{address}: {why}");
    let (host, _) = address.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let stream = match tokio::time::timeout(DOOR_LIMIT, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Some(at(error.to_string())),
        Err(_) => return Some(at(format!("no answer within {DOOR_LIMIT:?}"))),
    };
    let tls = tls?;
    let verify = tls.ca.clone().map_or(Verify::System, Verify::AuthorityAndHost);
    let config = match tls::config(verify, tls.identity.as_ref()) {
        Ok(config) => config,
        Err(why) => return Some(at(why.to_string())),
    };
    match tokio::time::timeout(DOOR_LIMIT, tls::shake_hands(host, stream, config)).await {
        Ok(shaken) => shaken.err().map(at),
        Err(_) => Some(at(format!("no handshake of TLS within {DOOR_LIMIT:?}"))),
    }
}
