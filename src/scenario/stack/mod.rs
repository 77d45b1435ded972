//! Stack files: what a run runs on, as somebody has written it down. Nothing of it is looked up here:
//! a secret is the name of a variable.

mod confluent;
pub(crate) mod words;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::diagnose::Diagnostics;
use super::load::{Files, Source};
use super::timeline::{Target, Verb};
use super::{parse, reference, schema};
use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::text::Place;

pub use confluent::{Budget, ClusterAt, Confluent, KeyAt, Keys};

/// The page about stack files as it was when this program was built.
const PAGE: &str = include_str!("../../../docs/stacks.md");

/// The page with every table made anew.
pub fn page() -> String {
    reference::made(PAGE, words::ALL)
}

/// The JSON Schema of a stack file.
pub fn schema() -> String {
    schema::document(words::STACK, "A stack file: what a run runs on.")
}

/// A stack file that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackFile {
    /// Its path.
    pub file: Utf8PathBuf,
    /// Who keeps the components.
    pub kind: Kind,
}

/// Who keeps the components of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// changeproof, as processes of this machine.
    Local,
    /// Somebody else.
    Attached(Box<Attached>),
    /// Confluent Cloud.
    Confluent(Box<Confluent>),
}

/// Where the components are that somebody else keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The source.
    pub postgres: PostgresAt,
    /// The brokers.
    pub kafka: KafkaAt,
    /// Connect's REST API.
    pub connect: RestAt,
    /// The `JobManager`'s REST API.
    pub flink: RestAt,
    /// The SQL Gateway's REST API.
    pub gateway: RestAt,
    /// The schema registry.
    pub registry: Option<RegistryAt>,
    /// How to break and mend what changeproof does not own.
    pub faults: BTreeMap<Target, BTreeMap<Verb, String>>,
}

/// A value that may stand in the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It stands in the file.
    Plain(String),
    /// It stands in this variable.
    Env(Variable),
}

/// A variable of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Where the file names it.
    pub place: Place,
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// A file of PEM, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PemFile {
    /// Its path.
    pub path: Utf8PathBuf,
    /// Its text.
    pub text: String,
    /// Where the stack file names it.
    pub place: Place,
}

/// Postgres.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresAt {
    /// For the harness.
    pub at: HostPort,
    /// Who the harness is.
    pub user: String,
    /// The password.
    pub password: Option<Variable>,
    /// What a connector's configuration says in the place of it.
    pub reference: Option<String>,
    /// For the connector; as for the harness if left out.
    pub inside: Option<HostPort>,
    /// How it is encrypted.
    pub tls: Option<PostgresTls>,
}

/// How connections to Postgres are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresTls {
    /// libpq's word.
    pub mode: &'static str,
    /// The authorities.
    pub ca: Option<PemFile>,
    /// Their file where the connector's worker runs.
    pub ca_inside: Option<Utf8PathBuf>,
}

/// The brokers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaAt {
    /// For the harness.
    pub outside: Brokers,
    /// For Flink; as for the harness if left out.
    pub inside: Option<Brokers>,
}

/// Brokers as somebody sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brokers {
    /// `host:port`, several separated by commas.
    pub bootstrap: String,
    /// How they are protected; `None`: as said elsewhere, or not at all.
    pub security: Option<SecurityAt>,
}

/// How brokers are protected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecurityAt {
    /// Kafka's word for the way to log in, with who does.
    pub sasl: Option<(&'static str, LoginAt)>,
    /// It is encrypted, and whom one trusts.
    pub tls: Option<TlsAt>,
}

/// Who logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginAt {
    /// The user.
    pub user: Said,
    /// The password.
    pub password: Variable,
}

/// Whom one trusts, and what one shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsAt {
    /// The authorities; those of the system if left out.
    pub ca: Option<PemFile>,
    /// Certificate and key.
    pub identity: Option<(PemFile, PemFile)>,
}

/// A REST API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestAt {
    /// `http://host:port` or `https://…`, without a final slash.
    pub url: String,
    /// Who logs in.
    pub login: Option<LoginAt>,
    /// Whom one trusts.
    pub tls: TlsAt,
}

/// The schema registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryAt {
    /// For the harness.
    pub rest: RestAt,
    /// Its URL for the components; as for the harness if left out.
    pub inside: Option<String>,
    /// The file of the authorities where the components run.
    pub ca_inside: Option<Utf8PathBuf>,
}

/// What came of a stack file.
#[derive(Debug, Clone)]
pub struct LoadedStack {
    /// The stack; `None` if there is any error.
    pub stack: Option<StackFile>,
    /// Everything wrong with the file, by place.
    pub diagnostics: Vec<Diagnostic>,
    /// Every file that was read, the stack file first.
    pub sources: Vec<Source>,
}

/// Reads a stack file, with all its errors at once.
pub fn load_stack(path: &Utf8Path) -> LoadedStack {
    let (mut files, mut diagnostics) = (Files::default(), Diagnostics::default());
    let source = files.read_first(path, &mut diagnostics);
    let stack = source.and_then(|source| parse::stack_file(&source, &mut files, &mut diagnostics));
    let diagnostics = diagnostics.finish();
    let refused = diagnostics.iter().any(|one| one.severity == Severity::Error);
    LoadedStack { stack: stack.filter(|_| !refused), diagnostics, sources: files.into_sources() }
}

impl Attached {
    /// Every variable that must be set.
    pub fn variables(&self) -> Vec<&Variable> {
        let mut all: Vec<&Variable> = self.postgres.password.iter().collect();
        let brokers = std::iter::once(&self.kafka.outside).chain(&self.kafka.inside);
        let sasl = brokers.filter_map(|brokers| brokers.security.as_ref()?.sasl.as_ref());
        let rest = [&self.connect, &self.flink, &self.gateway].into_iter();
        let rest = rest.chain(self.registry.iter().map(|registry| &registry.rest));
        let logins = sasl.map(|(_, login)| login).chain(rest.filter_map(|at| at.login.as_ref()));
        for LoginAt { user, password } in logins {
            if let Said::Env(user) = user {
                all.push(user);
            }
            all.push(password);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "stack: v1
kind: attached
postgres:
  url: postgres://tester@db.example/postgres
  password: {env: PG}
  seen_from_components: postgres:5432
  tls: {mode: verify-full, ca: ca.pem, ca_seen_from_components: /certs/ca.pem}
kafka:
  bootstrap: a:9094,[::1]:9095
  security: {protocol: SASL_SSL, mechanism: SCRAM-SHA-512, user: {env: KU}, password: {env: KP}, ca: ca.pem}
  seen_from_components: kafka:9092
connect: {url: 'https://localhost:8083/', user: ann, password: {env: CP}, ca: ca.pem}
flink: {rest: 'http://localhost:8081', gateway: {url: 'https://gw', certificate: ca.pem, key: ca.pem}}
registry: {url: 'http://localhost:8085', seen_from_components: 'http://registry:8081'}
faults:
  worker: {kill: docker kill connect, start: docker start connect}
";

    fn loaded(text: &str) -> LoadedStack {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        fs_err::write(folder.join("ca.pem"), "-----BEGIN CERTIFICATE-----\n").unwrap();
        fs_err::write(folder.join("stack.yaml"), text).unwrap();
        load_stack(&folder.join("stack.yaml"))
    }

    #[test]
    fn a_stack_of_somebody_elses_is_read_whole() {
        let LoadedStack { stack, diagnostics, .. } = loaded(WHOLE);
        assert_eq!(diagnostics, []);
        let Some(StackFile { kind: Kind::Attached(at), .. }) = stack else {
            panic!("it is attached")
        };
        assert_eq!(at.postgres.at, HostPort { host: "db.example".to_owned(), port: 5432 });
        let tls = at.postgres.tls.as_ref().unwrap();
        assert_eq!(
            (tls.mode, tls.ca_inside.as_deref()),
            ("verify-full", Some("/certs/ca.pem".into()))
        );
        assert_eq!(at.kafka.outside.bootstrap, "a:9094,[::1]:9095");
        assert_eq!(at.kafka.inside.as_ref().unwrap().security, None);
        assert_eq!(at.connect.url, "https://localhost:8083");
        assert!(at.gateway.tls.identity.is_some());
        assert_eq!(at.registry.as_ref().unwrap().inside.as_deref(), Some("http://registry:8081"));
        assert_eq!(at.faults[&Target::Worker][&Verb::Kill], "docker kill connect");
        let mut names: Vec<_> = at.variables().iter().map(|one| one.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["CP", "KP", "KU", "PG"]);
    }

    #[test]
    fn every_line_that_is_left_out_is_missed_or_may_be_left_out() {
        let lines: Vec<&str> = WHOLE.lines().collect();
        for nth in 0..lines.len() {
            let mut rest = lines.clone();
            rest.remove(nth);
            let LoadedStack { stack, diagnostics, .. } = loaded(&rest.join("\n"));
            assert_eq!(stack.is_none(), !diagnostics.is_empty(), "without `{}`", lines[nth]);
        }
    }

    const CLOUD: &str = "stack: v1
kind: confluent
organization: 9bb441c4-edef-46ac-8a41-c49e44a3fd9a
environment: env-abc123
cluster: {id: lkc-abc123, name: sales, bootstrap: 'pkc-x.us-east-1.aws.confluent.cloud:9092'}
provider: aws
region: us-east-1
registry: https://psrc-x.us-east-1.aws.confluent.cloud
compute_pool: lfcp-abc123
principal: sa-abc123
ca: ca.pem
keys:
  cloud: {key: {env: CK}, secret: {env: CS}}
  flink: {key: {env: FK}, secret: {env: FS}}
  kafka: {key: {env: KK}, secret: {env: KS}}
  registry: {key: {env: RK}, secret: {env: RS}}
postgres: {url: 'postgres://tester@db.example/postgres', password: {env: PG}}
budget: {max_cfu: 5, max_minutes: 30, max_connectors: 2}
";

    fn cloud(text: &str) -> Result<Confluent, Vec<String>> {
        let LoadedStack { stack, diagnostics, .. } = loaded(text);
        let told = diagnostics.iter().map(|one| format!("{}: {}", one.place.line, one.message));
        match stack.map(|stack| stack.kind) {
            Some(Kind::Confluent(at)) => Ok(*at),
            _ => Err(told.collect()),
        }
    }

    #[test]
    fn an_environment_of_the_cloud_is_read_whole() {
        let at = cloud(CLOUD).unwrap();
        assert_eq!(at.flink, "https://flink.us-east-1.aws.confluent.cloud");
        assert_eq!(at.cloud, "https://api.confluent.cloud");
        assert_eq!(at.budget, Budget { max_cfu: 5, max_minutes: 30, max_connectors: 2 });
        let mut names: Vec<_> = at.variables().iter().map(|one| one.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["CK", "CS", "FK", "FS", "KK", "KS", "PG", "RK", "RS"]);
    }

    #[test]
    fn every_line_of_it_that_is_left_out_is_missed_or_may_be_left_out() {
        let lines: Vec<&str> = CLOUD.lines().collect();
        for nth in 0..lines.len() {
            let mut rest = lines.clone();
            rest.remove(nth);
            let LoadedStack { stack, diagnostics, .. } = loaded(&rest.join("\n"));
            assert_eq!(stack.is_none(), !diagnostics.is_empty(), "without `{}`", lines[nth]);
        }
    }

    #[test]
    fn everything_wrong_with_it_is_told_at_once() {
        let text = CLOUD
            .replace("lkc-abc123", "sales")
            .replace("region: us-east-1\n", "region: us-east-1\nflink: https://h:1\n")
            .replace("{env: FS}", "s3cret")
            .replace("max_cfu: 5", "max_cfu: 0")
            .replace("principal: sa-abc123", "kafka: {bootstrap: 'h:1'}");
        let told = cloud(&text).unwrap_err().join("\n");
        for wrong in [
            "5: `sales` is not an id that begins with `lkc-`",
            "6: `provider` stands beside the URL of Flink's API",
            "7: `region` stands beside the URL of Flink's API",
            "11: `kafka` belongs to `kind: attached`",
            "15: a secret stands in the file",
            "19: `0` is not a number",
        ] {
            assert!(told.contains(wrong), "{wrong} is not in\n{told}");
        }
        assert!(!told.contains("s3cret"), "{told}");
    }

    #[test]
    fn keys_of_other_kinds_are_refused() {
        let told = cloud(&CLOUD.replace("confluent\n", "local\n")).unwrap_err().join("\n");
        assert!(told.contains("`keys` belongs to `kind: confluent`"), "{told}");
        assert!(
            told.contains("`postgres` belongs to `kind: attached` and `kind: confluent`"),
            "{told}"
        );
    }

    #[test]
    fn what_terraform_writes_can_be_used() {
        let file = format!("{}/infra/terraform/stack.yaml.tftpl", env!("CARGO_MANIFEST_DIR"));
        let mut text = fs_err::read_to_string(file).unwrap();
        for (key, value) in [
            ("organization", "9bb441c4"),
            ("environment", "env-1"),
            ("cluster", "lkc-1"),
            ("bootstrap", "h:9092"),
            ("pool", "lfcp-1"),
            ("statement_user", "sa-1"),
            ("flink", "https://flink.example"),
            ("registry", "https://registry.example"),
            ("user", "postgres"),
            ("host", "db.example"),
            ("port", "5432"),
        ] {
            text = text.replace(&format!("${{{key}}}"), value);
        }
        assert!(!text.contains("${"), "{text}");
        cloud(&text).unwrap();
    }

    #[test]
    fn the_published_page_and_schema_are_current() {
        assert!(page() == PAGE, "write it anew: ci/generate");
        let file = format!("{}/docs/schema/stack.json", env!("CARGO_MANIFEST_DIR"));
        let published = fs_err::read_to_string(file).unwrap_or_default();
        assert!(published.trim_end() == schema(), "write it anew: ci/generate");
    }

    #[test]
    fn every_table_stands_on_the_page_and_every_key_is_described() {
        for words in words::ALL {
            let n = PAGE.matches(&format!("<!-- words: {} -->", words.of)).count();
            assert_eq!(n, 1, "<!-- words: {} -->", words.of);
            for word in words.rows {
                assert!(word.meaning.ends_with('.'), "{}", word.name);
            }
        }
    }
}
