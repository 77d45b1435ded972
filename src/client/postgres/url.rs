//! A Postgres URL, which may hold a password: it is never shown, and errors name host, port and
//! database only.

use std::fmt;
use std::str::FromStr as _;
use std::time::Duration;

use camino::Utf8PathBuf;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::{Connection, OPTIONS, PostgresError, Wire, open};
use crate::client::reach::Pem;
use crate::client::tls;
use crate::disk;

/// A file of authorities is never larger than this.
const PEM_MOST: u64 = 4 << 20;
/// How long a server may take until its session is there, unless the URL says otherwise.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(20);

/// Where a Postgres is and how to log in.
#[derive(Clone)]
pub struct Url {
    config: Config,
    wire: Wire,
    host: String,
    place: String,
}

/// Why a text is no URL to connect to. It never holds the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
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
    /// A word that is no `sslmode`.
    #[error("the URL of Postgres: sslmode is disable, prefer, require, verify-ca or verify-full")]
    Mode,
    /// Nothing says who may have signed the server's certificate.
    #[error(
        "the URL of Postgres: sslmode=verify-ca and verify-full need the authorities that may have \
         signed the server's certificate: add sslrootcert=FILE, a file of PEM certificates (the \
         system's own is often /etc/ssl/certs/ca-certificates.crt)"
    )]
    NoRoots,
    /// The file of the authorities.
    #[error("the URL of Postgres: {0}")]
    Roots(String),
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
        let (text, encryption) = Encryption::parted_from(text)?;
        let mut config = Config::from_str(&text).map_err(|_| UrlError::Form)?;
        if config.get_hosts().is_empty() {
            return Err(UrlError::Form);
        }
        let wire = encryption.wire()?;
        config.options(OPTIONS).ssl_mode(encryption.mode);
        let hosts = config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        });
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let host = hosts.clone().next().unwrap_or_default();
        let hosts = hosts.collect::<Vec<_>>().join(",");
        let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
        let place = format!("{hosts}:{port}/{database}");
        Ok(Self { config, wire, host, place })
    }

    /// Opens a session, within `connect_timeout`, if the URL says one; `application` shows in
    /// `pg_stat_activity`.
    pub async fn connect(&self, application: &str) -> Result<Connection, PostgresError> {
        let limit = self.config.get_connect_timeout().copied().unwrap_or(HANDSHAKE_LIMIT);
        tokio::time::timeout(limit, self.session(application)).await.map_err(|_| {
            // Whatever listens there may say nothing at all.
            PostgresError {
                doing: format!("connecting to {}", self.place),
                message: format!("nothing there has answered as Postgres does for {limit:?}"),
                ..PostgresError::default()
            }
        })?
    }

    async fn session(&self, application: &str) -> Result<Connection, PostgresError> {
        let mut config = self.config.clone();
        config.application_name(application);
        let doing = format!("connecting to {}", self.place);
        Box::pin(open::open(&config, (&self.host, self.wire.clone()), &doing)).await
    }
}

/// What of the server's certificate is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verify {
    Nothing,
    Authority,
    AuthorityAndHost,
}

/// The options `sslmode` and `sslrootcert`, which mean here what they mean to libpq.
struct Encryption {
    mode: SslMode,
    verify: Verify,
    roots: Option<Utf8PathBuf>,
}

impl Encryption {
    /// The URL without them, and what they say.
    fn parted_from(text: &str) -> Result<(String, Self), UrlError> {
        let (mut mode, mut roots) = (None, None);
        let (place, query) = text.split_once('?').unwrap_or((text, ""));
        let mut rest: Vec<&str> = Vec::new();
        for option in query.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("sslmode", word)) => mode = Some(word),
                Some(("sslrootcert", file)) => roots = Some(decoded(file).ok_or(UrlError::Form)?),
                _ => rest.push(option),
            }
        }
        let roots = roots.map(Utf8PathBuf::from);
        // A root alone is there to be verified, as libpq has it.
        let of_required = if roots.is_some() { Verify::Authority } else { Verify::Nothing };
        let (mode, verify) = match mode {
            Some("disable") => (SslMode::Disable, Verify::Nothing),
            None | Some("prefer") => (SslMode::Prefer, Verify::Nothing),
            Some("require") => (SslMode::Require, of_required),
            Some("verify-ca") => (SslMode::Require, Verify::Authority),
            Some("verify-full") => (SslMode::Require, Verify::AuthorityAndHost),
            Some(_) => return Err(UrlError::Mode),
        };
        let url =
            if rest.is_empty() { place.to_owned() } else { format!("{place}?{}", rest.join("&")) };
        Ok((url, Self { mode, verify, roots }))
    }

    fn wire(&self) -> Result<Wire, UrlError> {
        if self.mode == SslMode::Disable {
            return Ok(Wire::Open);
        }
        let roots = || {
            let file = self.roots.as_ref().ok_or(UrlError::NoRoots)?;
            let pem = disk::read_text(file, PEM_MOST);
            let pem = Pem(pem.map_err(|why| UrlError::Roots(format!("sslrootcert: {why}")))?);
            let usable = tls::check_authorities(&pem);
            usable.map_err(|why| UrlError::Roots(format!("sslrootcert: `{file}`: {why}")))?;
            Ok(pem)
        };
        let verify = match self.verify {
            Verify::Nothing => tls::Verify::Nothing,
            Verify::Authority => tls::Verify::Authority(roots()?),
            Verify::AuthorityAndHost => tls::Verify::AuthorityAndHost(roots()?),
        };
        Wire::encrypted(verify).map_err(|why| UrlError::Roots(why.to_string()))
    }
}

/// A value of a URL, whose special characters are written as `%` and two hexadecimal digits.
fn decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        bytes.extend(hex::decode(digits).ok()?);
    }
    String::from_utf8(bytes).ok()
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

    #[tokio::test]
    async fn a_port_that_takes_the_connection_and_says_nothing_is_told() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = silent.local_addr().unwrap().port();
        for mode in ["disable", "prefer"] {
            let url = format!(
                "postgres://ann:s3cret@127.0.0.1:{port}/cards?sslmode={mode}&connect_timeout=1"
            );
            let error = Url::parse(&url).unwrap().connect("test").await.unwrap_err();
            let told = format!(
                "connecting to 127.0.0.1:{port}/cards: nothing there has answered as Postgres does \
                 for 1s"
            );
            assert_eq!(error.to_string(), told);
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_without_being_repeated() {
        for (text, error) in [
            ("host=db password=s3cret", UrlError::Form),
            ("postgres://", UrlError::Form),
            ("postgres://ann:s3cret@db/cards?s3cret=1", UrlError::Form),
            ("postgres://ann:s3@cret@db/cards", UrlError::At),
            ("postgres://ann:s3cret@db/cards?sslmode=s3cret", UrlError::Mode),
            ("postgres://ann:s3cret@db/cards?sslrootcert=%zz", UrlError::Form),
            ("postgres://ann:s3cret@db/cards?sslmode=verify-ca", UrlError::NoRoots),
            ("postgres://ann:s3cret@db/cards?sslmode=verify-full", UrlError::NoRoots),
        ] {
            assert_eq!(Url::parse(text).unwrap_err(), error);
            assert!(!error.to_string().contains("s3cret"));
        }
    }

    #[test]
    fn each_sslmode_verifies_what_it_says() {
        let of = |query: &str| {
            let (url, read) =
                Encryption::parted_from(&format!("postgres://db/cards?{query}")).unwrap();
            assert_eq!(url, "postgres://db/cards?connect_timeout=5");
            (read.mode, read.verify, read.roots.map(Utf8PathBuf::into_string))
        };
        let root = Some("a b.pem".to_owned());
        assert_eq!(of("connect_timeout=5"), (SslMode::Prefer, Verify::Nothing, None));
        assert_eq!(
            of("sslmode=disable&connect_timeout=5"),
            (SslMode::Disable, Verify::Nothing, None)
        );
        assert_eq!(
            of("sslmode=require&connect_timeout=5"),
            (SslMode::Require, Verify::Nothing, None)
        );
        assert_eq!(
            of("connect_timeout=5&sslmode=require&sslrootcert=a%20b.pem"),
            (SslMode::Require, Verify::Authority, root.clone())
        );
        assert_eq!(
            of("sslmode=verify-full&connect_timeout=5&sslrootcert=a%20b.pem"),
            (SslMode::Require, Verify::AuthorityAndHost, root)
        );
    }

    #[test]
    fn a_file_of_no_authority_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("root.pem");
        let url = || {
            let file = file.display();
            Url::parse(&format!("postgres://db/cards?sslmode=verify-full&sslrootcert={file}"))
        };
        assert!(url().unwrap_err().to_string().contains("there is no file"));
        std::fs::write(&file, "no certificate").unwrap();
        assert!(url().unwrap_err().to_string().contains("holds no certificate in PEM form"));
    }
}
