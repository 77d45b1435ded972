//! A Postgres URL, which may hold a password: it is never shown, and errors name host, port and
//! database only.

use std::fmt;
use std::str::FromStr as _;

use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Config, NoTls};

use super::{Connection, OPTIONS, PostgresError};

/// Where a Postgres is and how to log in.
#[derive(Clone)]
pub struct Url {
    config: Config,
    place: String,
}

/// Why a text is no URL to connect to. It never holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Another form.
    #[error("the URL of Postgres must have the form postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    Form,
    /// A second `@`.
    #[error(
        "the URL of Postgres holds more than one `@`: write those of the password as %40 (and its \
         other special characters in the same way)"
    )]
    At,
    /// It demands TLS.
    #[error(
        "the URL of Postgres demands TLS (sslmode), which is not built in; use sslmode=prefer, or \
         a tunnel that speaks TLS"
    )]
    Tls,
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({})", self.place)
    }
}

/// Host, port and database.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

impl Url {
    /// Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE`.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
        // A password with `@` would be cut, and its end would be taken for the host.
        if rest.ok_or(UrlError::Form)?.matches('@').count() > 1 {
            return Err(UrlError::At);
        }
        let verified = ["sslmode=require", "sslmode=verify"];
        if verified.iter().any(|option| text.contains(option)) {
            return Err(UrlError::Tls);
        }
        let mut config = Config::from_str(text).map_err(|_| UrlError::Form)?;
        if config.get_hosts().is_empty() {
            return Err(UrlError::Form);
        }
        if config.get_ssl_mode() == SslMode::Require {
            return Err(UrlError::Tls);
        }
        config.options(OPTIONS);
        let hosts = config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        });
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let hosts = hosts.collect::<Vec<_>>().join(",");
        let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
        let place = format!("{hosts}:{port}/{database}");
        Ok(Self { config, place })
    }

    /// Opens a session; `application` shows in `pg_stat_activity`.
    pub async fn connect(&self, application: &str) -> Result<Connection, PostgresError> {
        let connecting = self.config.clone().application_name(application).connect(NoTls).await;
        let (client, connection) = connecting.map_err(|error| {
            PostgresError::new(&format!("connecting to {}", self.place), None, &error)
        })?;
        Connection::of(client, connection).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_shows_where_it_leads_and_never_its_password() {
        let url = Url::parse("postgres://ann:s3cret@db.example:5433/cards").unwrap();
        assert_eq!(url.to_string(), "db.example:5433/cards");
        assert_eq!(format!("{url:?}"), "Url(db.example:5433/cards)");
    }

    #[test]
    fn what_cannot_be_read_is_refused_without_being_repeated() {
        for (text, error) in [
            ("host=db password=s3cret", UrlError::Form),
            ("postgres://", UrlError::Form),
            ("postgres://ann:s3cret@db/cards?s3cret=1", UrlError::Form),
            ("postgres://ann:s3@cret@db/cards", UrlError::At),
            ("postgres://ann:s3cret@db/cards?sslmode=require", UrlError::Tls),
            ("postgres://ann:s3cret@db/cards?sslmode=verify-full", UrlError::Tls),
        ] {
            assert_eq!(Url::parse(text).unwrap_err(), error);
            assert!(!error.to_string().contains("s3cret"));
        }
    }
}
