//! Opening a session: encrypted or not, and why there is none.

use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Connection, OPTIONS, PostgresError, Wire};
use crate::client::reach::{Postgres, PostgresTls, Reach, TlsMode};
use crate::client::tls::{self, Unusable, Verify};

/// Opens a session; `application` shows in `pg_stat_activity`.
pub async fn connect(
    reach: &Reach,
    database: &str,
    application: &str,
) -> Result<Connection, PostgresError> {
    let Postgres { at, user, password, tls, .. } = &reach.postgres;
    let doing = format!("connecting to database {database}");
    let wire = encryption(tls).map_err(|why| PostgresError {
        doing: doing.clone(),
        message: format!("no connection can be encrypted: {why}"),
        ..PostgresError::default()
    })?;
    let mut config = Config::new();
    config
        .host(&at.outside.host)
        .port(at.outside.port)
        .user(user)
        .password(&password.0)
        .dbname(database)
        .application_name(application)
        .options(OPTIONS)
        .ssl_mode(if wire.is_encrypted() { SslMode::Require } else { SslMode::Disable });
    // In a box: what shakes hands is large, and so would everything be that holds it.
    Box::pin(open(&config, (&at.outside.host, wire), &doing)).await
}

/// How the connections of a stack are encrypted.
fn encryption(tls: &PostgresTls) -> Result<Wire, Unusable> {
    let ca = || tls.ca.clone().unwrap_or_default();
    let verify = match (tls.mode, &tls.ca) {
        (TlsMode::Disable, _) => return Ok(Wire::Open),
        (TlsMode::Require, None) => Verify::Nothing,
        // A root alone is there to be verified, as libpq has it.
        (TlsMode::Require, Some(_)) | (TlsMode::VerifyCa, _) => Verify::Authority(ca()),
        (TlsMode::VerifyFull, None) => Verify::System,
        (TlsMode::VerifyFull, Some(_)) => Verify::AuthorityAndHost(ca()),
    };
    Wire::encrypted(verify)
}

impl Wire {
    /// Encrypted, with this much verified.
    pub(super) fn encrypted(verify: Verify) -> Result<Self, Unusable> {
        Ok(Self::Encrypted(MakeRustlsConnect::new(tls::config(verify, None)?)))
    }

    fn is_encrypted(&self) -> bool {
        matches!(self, Self::Encrypted(_))
    }
}

/// Opens a session with a host.
pub(super) async fn open(
    config: &Config,
    (host, wire): (&str, Wire),
    doing: &str,
) -> Result<Connection, PostgresError> {
    let refused = |error: tokio_postgres::Error| {
        let refused = PostgresError::new(doing, None, &error);
        match tls::refused(host, &error) {
            Some(message) => PostgresError { message, ..refused },
            None => refused,
        }
    };
    match &wire {
        Wire::Open => {
            let (client, connection) = config.connect(super::NoTls).await.map_err(refused)?;
            Connection::of((client, wire), connection).await
        }
        Wire::Encrypted(tls) => {
            let (client, connection) = config.connect(tls.clone()).await.map_err(refused)?;
            Connection::of((client, wire), connection).await
        }
    }
}
