//! Where the parts of a stack are and how to log in: twice, as the harness reaches them (`outside`) and
//! as the components reach each other (`inside`). Nothing else builds an address or knows a login.

use std::fmt;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::base::secret::Secrets;

/// A password. It is read and written as any text is, and never shown.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Certificates in PEM form: the text of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pem(pub String);

/// A private key in PEM form, which is never shown either.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub Password);

/// Something as the harness sees it and as the components see it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Twice<T> {
    /// For the harness.
    pub outside: T,
    /// For the components.
    pub inside: T,
}

impl<T: Clone> Twice<T> {
    /// The same for both.
    pub fn same(value: T) -> Self {
        Self { outside: value.clone(), inside: value }
    }
}

/// A host and a port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The host's name or address.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Address {
    /// Its URL without TLS.
    pub fn http(&self) -> String {
        ["http:", "", &self.to_string()].join("/")
    }

    /// A port of this machine that nobody else reaches.
    pub fn local(port: u16) -> Self {
        Self { host: "127.0.0.1".to_owned(), port }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            return write!(f, "[{}]:{}", self.host, self.port);
        }
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// A user and a password.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The password.
    pub password: Password,
}

/// What a client shows to a server that asks who calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its certificate, with those between it and the authority.
    pub certificate: Pem,
    /// The key that belongs to it.
    pub key: Key,
}

/// The addresses of one stack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// Postgres.
    pub postgres: Postgres,
    /// The brokers.
    pub kafka: Twice<Kafka>,
    /// Connect's REST API.
    pub connect: Rest,
    /// The `JobManager`'s REST API.
    pub flink: Rest,
    /// The SQL Gateway's REST API.
    pub gateway: Rest,
    /// The schema registry, once it was asked for.
    #[serde(default)]
    pub registry: Option<Twice<Rest>>,
    /// The registry is Confluent's own, whose API stands at its address itself.
    #[serde(default)]
    pub is_confluents_registry: bool,
    /// Object storage, where the stack has it.
    #[serde(default)]
    pub storage: Option<Storage>,
    /// The brokers as a cloud presents them, where the stack listens so too.
    #[serde(default)]
    pub secured: Option<Kafka>,
}

/// The bucket in which all runs keep their objects, each below its name.
pub const BUCKET: &str = "changeproof";

/// Object storage over the API of S3.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// Its URL; the components are told that of the door before it.
    pub at: Twice<String>,
    /// Access key and secret key.
    pub login: Login,
}

/// Where Postgres is and who the harness is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Postgres {
    /// The server.
    pub at: Twice<Address>,
    /// The user by whom the harness does everything.
    pub user: String,
    /// That user's password.
    pub password: Password,
    /// What a connector's configuration says in its place: its worker looks it up.
    pub reference: String,
    /// How the connection is encrypted.
    #[serde(default)]
    pub tls: PostgresTls,
    /// What that user may do.
    #[serde(default)]
    pub rights: Rights,
}

/// What the harness may do on a Postgres server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rights {
    /// Everything: each run makes roles, and does as little as it can as the superuser.
    #[default]
    Server,
    /// Databases and slots of its own, all as one user.
    Databases,
}

/// How a connection to Postgres is encrypted, in libpq's words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostgresTls {
    /// How much is verified.
    pub mode: TlsMode,
    /// The authorities that may have signed the server's certificate.
    pub ca: Option<Pem>,
    /// The file of these where the connector's worker runs.
    pub ca_inside: Option<Utf8PathBuf>,
}

/// libpq's `sslmode`, without the modes that let the server choose.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// No TLS.
    #[default]
    Disable,
    /// TLS, whoever answers.
    Require,
    /// An authority of `ca` has signed the server's certificate.
    VerifyCa,
    /// And it is made out to the host.
    VerifyFull,
}

impl TlsMode {
    /// As libpq and Debezium spell it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// Where brokers are, and how a client becomes one of theirs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kafka {
    /// `host:port`, several separated by commas.
    pub bootstrap: String,
    /// How the connection is protected.
    #[serde(default)]
    pub security: Security,
}

impl Kafka {
    /// Brokers that anybody may talk to.
    pub fn plain(bootstrap: impl ToString) -> Self {
        Self { bootstrap: bootstrap.to_string(), security: Security::default() }
    }
}

/// How connections to Kafka are protected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Security {
    /// Who logs in, and how; `None` without SASL.
    pub sasl: Option<Sasl>,
    /// How it is encrypted; `None` without TLS.
    pub tls: Option<Tls>,
}

/// A login by SASL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sasl {
    /// The way.
    pub mechanism: Mechanism,
    /// The user.
    pub login: Login,
    /// The Java client is Flink's connector for SQL, which has Kafka's classes under names of its own.
    #[serde(default)]
    pub relocated: bool,
}

/// A way to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Mechanism {
    /// The password itself.
    #[serde(rename = "PLAIN")]
    Plain,
    /// A proof that one knows it.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// The same with a longer digest.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

impl Mechanism {
    /// As Kafka spells it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }

    /// The class that logs in for a Java client.
    fn module(self) -> &'static str {
        match self {
            Self::Plain => "org.apache.kafka.common.security.plain.PlainLoginModule",
            Self::ScramSha256 | Self::ScramSha512 => {
                "org.apache.kafka.common.security.scram.ScramLoginModule"
            }
        }
    }
}

/// Whom a client trusts, and what it shows itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// The authorities; `None` for those that the system trusts.
    pub ca: Option<Pem>,
    /// What is shown.
    pub identity: Option<Identity>,
}

/// A REST API.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// `http://host:port` with an optional path, without a final slash.
    pub url: String,
    /// Who logs in, where that is asked for.
    #[serde(default)]
    pub login: Option<Login>,
    /// Whom the client trusts; of use only with `https`.
    #[serde(default)]
    pub tls: Tls,
    /// The file of the authorities where the components run; `None` for what they trust anyway.
    #[serde(default)]
    pub ca_inside: Option<Utf8PathBuf>,
}

impl Rest {
    /// An API that anybody may call.
    pub fn plain(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }

    /// How a format of Flink's that asks a registry is let in there: its options besides `url`.
    pub fn flink(&self) -> Vec<(&'static str, String)> {
        let mut options = Vec::new();
        if let Some(Login { user, password }) = &self.login {
            options.push(("basic-auth.credentials-source", "USER_INFO".to_owned()));
            options.push(("basic-auth.user-info", format!("{user}:{}", password.0)));
        }
        if let Some(file) = &self.ca_inside {
            options.push(("ssl.truststore.location", file.to_string()));
        }
        options
    }

    /// The address of something below it.
    pub fn below(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

impl Security {
    /// As Kafka calls it.
    pub fn protocol(&self) -> &'static str {
        match (&self.sasl, &self.tls) {
            (None, None) => "PLAINTEXT",
            (None, Some(_)) => "SSL",
            (Some(_), None) => "SASL_PLAINTEXT",
            (Some(_), Some(_)) => "SASL_SSL",
        }
    }

    /// The same for a Java client, as its options; nothing without any protection. Certificates are
    /// given as they are, so that no file has to lie where the client runs.
    pub fn java(&self) -> Vec<(&'static str, String)> {
        if self.sasl.is_none() && self.tls.is_none() {
            return Vec::new();
        }
        let mut options = vec![("security.protocol", self.protocol().to_owned())];
        if let Some(sasl) = &self.sasl {
            options.push(("sasl.mechanism", sasl.mechanism.word().to_owned()));
            options.push(("sasl.jaas.config", sasl.jaas()));
        }
        let tls = self.tls.as_ref();
        if let Some(Pem(ca)) = tls.and_then(|tls| tls.ca.as_ref()) {
            options.push(("ssl.truststore.type", "PEM".to_owned()));
            options.push(("ssl.truststore.certificates", ca.clone()));
        }
        if let Some(Identity { certificate, key }) = tls.and_then(|tls| tls.identity.as_ref()) {
            options.push(("ssl.keystore.type", "PEM".to_owned()));
            options.push(("ssl.keystore.certificate.chain", certificate.0.clone()));
            options.push(("ssl.keystore.key", key.0.0.clone()));
        }
        options
    }
}

/// What stands before the names of Kafka's classes in Flink's connector for SQL, which is one jar.
const RELOCATED: &str = "org.apache.flink.kafka.shaded.";

impl Sasl {
    /// The line of JAAS that logs in.
    fn jaas(&self) -> String {
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let Login { user, password } = &self.login;
        format!(
            "{}{} required username=\"{}\" password=\"{}\";",
            if self.relocated { RELOCATED } else { "" },
            self.mechanism.module(),
            quoted(user),
            quoted(&password.0)
        )
    }
}

impl Postgres {
    /// The same for Debezium, as its options.
    pub fn debezium(&self) -> Vec<(&'static str, String)> {
        let Self { at, user, reference, tls, .. } = self;
        let mut options = vec![
            ("database.hostname", at.inside.host.clone()),
            ("database.port", at.inside.port.to_string()),
            ("database.user", user.clone()),
            ("database.password", reference.clone()),
        ];
        if tls.mode != TlsMode::Disable {
            options.push(("database.sslmode", tls.mode.word().to_owned()));
            let roots = tls.ca_inside.iter().map(|file| ("database.sslrootcert", file.to_string()));
            options.extend(roots);
        }
        options
    }
}

impl Reach {
    /// The address of something below the registry's, for the components; else the path alone.
    pub fn registry_inside(&self, path: &str) -> String {
        let at = self.registry.as_ref().map_or("", |at| at.inside.url.as_str());
        format!("{at}{path}")
    }

    /// The same for components that have Kafka's classes under other names, as Flink's connector for SQL.
    #[must_use]
    pub fn relocated(mut self) -> Self {
        if let Some(sasl) = &mut self.kafka.inside.security.sasl {
            sasl.relocated = true;
        }
        self
    }

    /// The same for another user of Postgres with the same password, where a run makes users.
    #[must_use]
    pub fn as_role(&self, role: String) -> Self {
        let mut reach = self.clone();
        if reach.postgres.rights == Rights::Server {
            reach.postgres.user = role;
        }
        reach
    }

    /// The same without what must not be shown.
    #[must_use]
    pub fn without_secrets(self) -> Self {
        let kafka = |kafka: Kafka| {
            let sasl = kafka.security.sasl.map(|sasl| Sasl { login: bare(sasl.login), ..sasl });
            let tls = kafka.security.tls.map(without_key);
            Kafka { security: Security { sasl, tls }, ..kafka }
        };
        let rest =
            |rest: Rest| Rest { login: rest.login.map(bare), tls: without_key(rest.tls), ..rest };
        let registry =
            |at: Twice<Rest>| Twice { outside: rest(at.outside), inside: rest(at.inside) };
        Self {
            postgres: Postgres { password: Password::default(), ..self.postgres },
            kafka: Twice { outside: kafka(self.kafka.outside), inside: kafka(self.kafka.inside) },
            connect: rest(self.connect),
            flink: rest(self.flink),
            gateway: rest(self.gateway),
            registry: self.registry.map(registry),
            is_confluents_registry: self.is_confluents_registry,
            storage: self.storage.map(|at| Storage { login: bare(at.login), ..at }),
            secured: self.secured.map(kafka),
        }
    }

    /// What must not be shown, wherever it comes up.
    pub fn secrets(&self) -> Secrets {
        let mut secrets = Secrets::none();
        secrets.learn(&self.postgres.password.0);
        for Kafka { security: Security { sasl, tls }, .. } in
            [&self.kafka.outside, &self.kafka.inside].into_iter().chain(&self.secured)
        {
            if let Some(sasl) = sasl {
                secrets.learn(&sasl.login.password.0);
                secrets.learn(&sasl.jaas());
            }
            learn_key(&mut secrets, tls.as_ref());
        }
        if let Some(Storage { login, .. }) = &self.storage {
            secrets.learn(&login.user);
            secrets.learn(&login.password.0);
        }
        let registry = self.registry.iter().flat_map(|at| [&at.outside, &at.inside]);
        for rest in [&self.connect, &self.flink, &self.gateway].into_iter().chain(registry) {
            if let Some(Login { user, password }) = &rest.login {
                secrets.learn(&password.0);
                secrets.learn(&format!("{user}:{}", password.0));
            }
            learn_key(&mut secrets, Some(&rest.tls));
        }
        secrets
    }
}

fn bare(login: Login) -> Login {
    Login { password: Password::default(), ..login }
}

fn without_key(tls: Tls) -> Tls {
    Tls { identity: None, ..tls }
}

fn learn_key(secrets: &mut Secrets, tls: Option<&Tls>) {
    if let Some(identity) = tls.and_then(|tls| tls.identity.as_ref()) {
        secrets.learn(&identity.key.0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(user: &str, password: &str) -> Login {
        Login { user: user.to_owned(), password: Password(password.to_owned()) }
    }

    /// A stack with a secret at every place that can hold one.
    fn full() -> Reach {
        let key = Key(Password("s3cret-key".to_owned()));
        let identity = Identity { certificate: Pem("CERTIFICATE".to_owned()), key };
        let tls = Tls { ca: Some(Pem("CA".to_owned())), identity: Some(identity) };
        let kafka = |password: &str| Kafka {
            bootstrap: "b:9092".to_owned(),
            security: Security {
                sasl: Some(Sasl {
                    mechanism: Mechanism::ScramSha512,
                    login: login("ann", password),
                    relocated: false,
                }),
                tls: Some(tls.clone()),
            },
        };
        let rest = |password: &str| Rest {
            url: "https://h:1".to_owned(),
            login: Some(login("ann", password)),
            tls: tls.clone(),
            ca_inside: None,
        };
        Reach {
            postgres: Postgres { password: Password("s3cret-1".to_owned()), ..Postgres::default() },
            kafka: Twice { outside: kafka("s3cret-2"), inside: kafka("s3cret-3") },
            connect: rest("s3cret-4"),
            flink: rest("s3cret-5"),
            gateway: rest("s3cret-6"),
            registry: Some(Twice { outside: rest("s3cret-7"), inside: rest("s3cret-8") }),
            storage: Some(Storage {
                at: Twice::same("http://127.0.0.1:1".to_owned()),
                login: login("k3y", "s3cret-9"),
            }),
            secured: Some(kafka("s3cret-10")),
            is_confluents_registry: false,
        }
    }

    #[test]
    fn secrets_are_written_and_never_shown() {
        let at = full();
        assert!(!format!("{at:?}").contains("s3cret"), "{at:?}");
        let written = serde_json::to_string(&at).unwrap();
        assert_eq!(serde_json::from_str::<Reach>(&written).unwrap(), at);
        let shown = serde_json::to_string(&at.without_secrets()).unwrap();
        assert!(!shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn every_secret_is_known_and_hidden() {
        let (at, known) = (full(), full().secrets());
        for nth in 1..=9 {
            let secret = format!("s3cret-{nth}");
            assert!(known.knows(&secret), "{secret}");
        }
        for (_, value) in at.kafka.inside.security.java() {
            assert!(!known.hidden(&value).contains("s3cret"), "{value}");
        }
    }

    #[test]
    fn a_java_client_is_told_what_it_needs_and_nothing_where_all_is_open() {
        let at = full().kafka.inside.security;
        let keys: Vec<_> = at.java().into_iter().map(|(key, _)| key).collect();
        let told = [
            "security.protocol",
            "sasl.mechanism",
            "sasl.jaas.config",
            "ssl.truststore.type",
            "ssl.truststore.certificates",
            "ssl.keystore.type",
            "ssl.keystore.certificate.chain",
            "ssl.keystore.key",
        ];
        assert_eq!(keys, told);
        assert_eq!(Security::default().java(), []);
    }

    #[test]
    fn flinks_connector_for_sql_has_kafkas_classes_under_another_name() {
        let at = full().relocated();
        let jaas = |kafka: &Kafka| kafka.security.sasl.as_ref().unwrap().jaas();
        assert!(
            jaas(&at.kafka.inside).starts_with("org.apache.flink.kafka.shaded.org.apache.kafka.")
        );
        assert!(jaas(&at.kafka.outside).starts_with("org.apache.kafka."));
    }

    #[rstest::rstest]
    #[case::quote("a\"b", r#"password="a\"b""#)]
    #[case::backslash("a\\b", r#"password="a\\b""#)]
    fn a_line_of_jaas_keeps_every_character(#[case] password: &str, #[case] written: &str) {
        let login = login("ann", password);
        let sasl = Sasl { mechanism: Mechanism::Plain, login, relocated: false };
        assert!(sasl.jaas().contains(written), "{}", sasl.jaas());
    }
}
