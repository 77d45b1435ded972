//! Stack files.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::Reader;
use super::shape::Fields;
use crate::base::text::Text;
use crate::disk;
use crate::scenario::code::Code;
use crate::scenario::diagnose::{At, Diagnostics};
use crate::scenario::load::Files;
use crate::scenario::stack::words::{
    COMMANDS, ENV, FAULTS, FLINK, KAFKA, KAFKA_INSIDE, KIND, MECHANISM, POSTGRES, POSTGRES_TLS,
    PROTOCOL, REGISTRY, REST, SECURITY, STACK, TLS_MODE,
};
use crate::scenario::stack::{
    Attached, Brokers, HostPort, KafkaAt, Kind, LoginAt, PemFile, PostgresAt, PostgresTls,
    RegistryAt, RestAt, Said, SecurityAt, StackFile, TlsAt, Variable,
};
use crate::scenario::timeline::{Target, Verb};
use crate::scenario::words::{self, Words};
use crate::scenario::yaml::{self, Node, Value};

/// The parts of a stack that somebody else keeps.
const PARTS: [&str; 4] = ["postgres", "kafka", "connect", "flink"];
/// Keys that only stacks of somebody else's have, with the kinds that have them.
const OTHERS: [(&str, &[&str]); 17] = [
    ("postgres", &["attached", "confluent"]),
    ("kafka", &["attached"]),
    ("connect", &["attached"]),
    ("flink", &["attached", "confluent"]),
    ("registry", &["attached", "confluent"]),
    ("faults", &["attached"]),
    ("organization", &["confluent"]),
    ("environment", &["confluent"]),
    ("cluster", &["confluent"]),
    ("provider", &["confluent"]),
    ("region", &["confluent"]),
    ("cloud", &["confluent"]),
    ("compute_pool", &["confluent"]),
    ("principal", &["confluent"]),
    ("keys", &["confluent"]),
    ("ca", &["confluent"]),
    ("budget", &["confluent"]),
];

/// Reads a stack file. `None` if a part that every stack has cannot be used; other errors are only in
/// `diagnostics`.
pub(crate) fn stack_file(
    source: &Text,
    files: &mut Files,
    diagnostics: &mut Diagnostics,
) -> Option<StackFile> {
    let root = yaml::read(source, diagnostics)?;
    let mut reader = Reader::new(files, diagnostics);
    let fields = reader.map(&root, STACK)?;
    let version = reader.required(&fields, "stack", "write `stack: v1`");
    if let Some(version) = version {
        reader.word(version, words::VERSION);
    }
    let help = "write `kind: local`, `kind: attached`, or `kind: confluent`";
    let kind = reader.required(&fields, "kind", help);
    let kind = kind.and_then(|node| reader.word(node, KIND))?;
    reader.nothing_of_others(&fields, kind);
    let kind = match kind {
        "local" => Kind::Local,
        "confluent" => Kind::Confluent(Box::new(reader.confluent(&fields, &source.file)?)),
        _ => Kind::Attached(Box::new(reader.attached(&fields, &source.file)?)),
    };
    Some(StackFile { file: source.file.clone(), kind })
}

impl Reader<'_> {
    fn nothing_of_others(&mut self, fields: &Fields<'_>, kind: &str) {
        for (key, kinds) in OTHERS.iter().filter(|(_, kinds)| !kinds.contains(&kind)) {
            let Some((key, _)) = fields.entry(key) else { continue };
            let kinds: Vec<_> = kinds.iter().map(|kind| format!("`kind: {kind}`")).collect();
            let message = format!("`{}` belongs to {}", key.name, kinds.join(" and "));
            let help = match kind {
                "local" => "changeproof knows where its own components are: leave it out",
                _ => "leave it out, or write another `kind`",
            };
            self.error(Code::Modifier, &key.at, message).help(help);
        }
    }

    fn attached(&mut self, fields: &Fields<'_>, file: &Utf8Path) -> Option<Attached> {
        for part in PARTS {
            self.required(fields, part, "say where it is: a stack of somebody else's has all four");
        }
        let postgres = fields.get("postgres").and_then(|node| self.postgres(node, file));
        let kafka = fields.get("kafka").and_then(|node| self.brokers(node, file));
        let connect = fields.get("connect").and_then(|node| self.rest(node, file));
        let flink = fields.get("flink").and_then(|node| self.map(node, FLINK)).map(|flink| {
            let mut api = |key| {
                let help =
                    "a stack's Flink has a JobManager (`rest`) and a SQL Gateway (`gateway`)";
                self.required(&flink, key, help).and_then(|node| self.rest(node, file))
            };
            (api("rest"), api("gateway"))
        });
        let registry = fields.get("registry").map(|node| self.registry_at(node, file));
        let faults = fields.get("faults").map(|node| self.fault_commands(node));
        let (flink, gateway) = flink?;
        Some(Attached {
            postgres: postgres?,
            kafka: kafka?,
            connect: connect?,
            flink: flink?,
            gateway: gateway?,
            registry: match registry {
                Some(registry) => Some(registry?),
                None => None,
            },
            faults: faults.unwrap_or_default(),
        })
    }

    pub(super) fn postgres(&mut self, node: &Node, file: &Utf8Path) -> Option<PostgresAt> {
        let fields = self.map(node, POSTGRES)?;
        let help = "write `url: postgres://USER@HOST:PORT/postgres`";
        let url = self.required(&fields, "url", help).and_then(|node| self.postgres_url(node));
        let password = fields.get("password").and_then(|node| self.secret(node));
        let reference = fields.get("password_seen_from_components");
        let reference = reference.and_then(|node| self.provider(node));
        let inside = fields.get("seen_from_components").and_then(|node| self.host_port(node));
        let tls = fields.get("tls").and_then(|node| self.postgres_tls(node, file));
        let (user, at) = url?;
        Some(PostgresAt { at, user, password, reference, inside, tls })
    }

    /// User and place of `postgres://USER@HOST:PORT/postgres`.
    fn postgres_url(&mut self, node: &Node) -> Option<(String, HostPort)> {
        let text = self.text(node, "a URL of Postgres")?;
        let wrong = |reader: &mut Self, why: &str| {
            // Not repeated: whatever is wrong with it, it may hold a password.
            let message = format!("the URL of Postgres {why}");
            let help = "write `postgres://USER@HOST:PORT/postgres`";
            reader.error(Code::BadValue, &node.at, message).help(help);
            None
        };
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
        let Some((user, rest)) = rest.and_then(|rest| rest.rsplit_once('@')) else {
            return wrong(self, "names no user");
        };
        if user.contains(':') {
            let message = "the URL of Postgres holds a password";
            let help = "leave it out, and write `password: {env: NAME}` beside `url`";
            self.error(Code::BadValue, &node.at, message).help(help);
            return None;
        }
        let (place, rest) = rest.split_once('/').unwrap_or((rest, "postgres"));
        if rest.contains('?') {
            return wrong(self, "has options: how it is encrypted is said by `tls`");
        }
        if rest != "postgres" {
            return wrong(
                self,
                "must name the database `postgres`: a run makes databases from there",
            );
        }
        let place = if place.contains(':') { place.to_owned() } else { format!("{place}:5432") };
        match host_port(&place) {
            Some(at) if !user.is_empty() => Some((user.to_owned(), at)),
            Some(_) => wrong(self, "names no user"),
            None => wrong(self, "names no host and port"),
        }
    }

    /// What stands for a password must be no password.
    fn provider(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node, "a reference that the worker looks up")?;
        if text.starts_with("${") && text.ends_with('}') && text.contains(':') {
            return Some(text);
        }
        let message = "the password that the components see is not a reference";
        let help = "write `${PROVIDER:…}`, with a provider of the worker's `config.providers`";
        self.error(Code::BadValue, &node.at, message).help(help);
        None
    }

    fn postgres_tls(&mut self, node: &Node, file: &Utf8Path) -> Option<PostgresTls> {
        let fields = self.map(node, POSTGRES_TLS)?;
        let mode = self.required(&fields, "mode", "write `mode: verify-full`");
        let mode = mode.and_then(|node| self.word(node, TLS_MODE));
        let ca = fields.get("ca").and_then(|node| self.pem(node, file));
        let inside = fields.get("ca_seen_from_components");
        let inside = inside.and_then(|node| self.text(node, "a path")).map(Utf8PathBuf::from);
        let mode = mode?;
        if mode.starts_with("verify") && fields.get("ca").is_none() {
            let help = "add `ca: FILE`, a file of PEM certificates";
            let message = format!("`{mode}` needs the authorities that may have signed");
            self.error(Code::MissingKey, &fields.at, message).help(help);
        }
        let inside = inside.or_else(|| ca.as_ref().map(|ca| disk::whole(&ca.path)));
        Some(PostgresTls { mode, ca, ca_inside: inside })
    }

    fn brokers(&mut self, node: &Node, file: &Utf8Path) -> Option<KafkaAt> {
        let fields = self.map(node, KAFKA)?;
        let outside = self.brokers_seen(&fields, file);
        let inside = fields.get("seen_from_components").map(|node| match &node.value {
            Value::Map(_) => {
                let fields = self.map(node, KAFKA_INSIDE)?;
                let mut brokers = self.brokers_seen(&fields, file)?;
                brokers.security.get_or_insert_with(SecurityAt::default);
                Some(brokers)
            }
            Value::Scalar(_) | Value::List(_) => {
                Some(Brokers { bootstrap: self.bootstrap(node)?, security: None })
            }
        });
        let inside = match inside {
            Some(inside) => Some(inside?),
            None => None,
        };
        Some(KafkaAt { outside: outside?, inside })
    }

    fn brokers_seen(&mut self, fields: &Fields<'_>, file: &Utf8Path) -> Option<Brokers> {
        let bootstrap = self.required(fields, "bootstrap", "write `bootstrap: HOST:PORT`");
        let bootstrap = bootstrap.and_then(|node| self.bootstrap(node));
        let security = fields.get("security").map(|node| self.security(node, file));
        let security = match security {
            Some(security) => Some(security?),
            None => None,
        };
        Some(Brokers { bootstrap: bootstrap?, security })
    }

    pub(super) fn bootstrap(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node, "addresses of brokers")?;
        let all: Option<Vec<_>> = text.split(',').map(|one| host_port(one.trim())).collect();
        if all.is_none() {
            let message = format!("`{text}` is not `HOST:PORT`");
            let help = "write a host and a port; several are separated by commas";
            self.error(Code::BadValue, &node.at, message).help(help);
            return None;
        }
        Some(text)
    }

    fn security(&mut self, node: &Node, file: &Utf8Path) -> Option<SecurityAt> {
        let fields = self.map(node, SECURITY)?;
        let protocol = self.required(&fields, "protocol", "write `protocol: SASL_SSL`, for one");
        let protocol = protocol.and_then(|node| self.word(node, PROTOCOL));
        let mechanism = fields.get("mechanism").and_then(|node| self.word(node, MECHANISM));
        let login = self.login(&fields);
        let tls = self.tls(&fields, file);
        let protocol = protocol?;
        let has_login = protocol.starts_with("SASL");
        let has_tls = protocol.ends_with("SSL");
        let belong = |reader: &mut Self, keys: &[&str], to: &str| {
            for (key, _) in keys.iter().filter_map(|key| fields.entry(key)) {
                let message = format!("`{}` does not belong to `{protocol}`", key.name);
                let help = format!("leave it out, or write a protocol with {to}");
                reader.error(Code::Modifier, &key.at, message).help(help);
            }
        };
        if !has_login {
            belong(self, &["mechanism", "user", "password"], "SASL");
        }
        if !has_tls {
            belong(self, &["ca", "certificate", "key"], "SSL");
        }
        if has_login {
            for key in ["mechanism", "user", "password"] {
                self.required(&fields, key, "SASL needs `mechanism`, `user` and `password`");
            }
        }
        let sasl = match (has_login, mechanism, login) {
            (true, Some(mechanism), Some(login)) => Some((mechanism, login)),
            (true, ..) => return None,
            (false, ..) => None,
        };
        Some(SecurityAt { sasl, tls: has_tls.then_some(tls) })
    }

    /// `user` and `password`, if both are there.
    fn login(&mut self, fields: &Fields<'_>) -> Option<LoginAt> {
        let user = fields.get("user").and_then(|node| match node.value {
            Value::Map(_) => self.secret(node).map(Said::Env),
            Value::Scalar(_) | Value::List(_) => self.text(node, "a user").map(Said::Plain),
        });
        let password = fields.get("password").and_then(|node| self.secret(node));
        Some(LoginAt { user: user?, password: password? })
    }

    /// `{env: NAME}`.
    pub(super) fn secret(&mut self, node: &Node) -> Option<Variable> {
        if matches!(node.value, Value::Scalar(_)) {
            let message = "a secret stands in the file";
            let help = "put it into an environment variable, and write `{env: NAME}`";
            self.error(Code::BadValue, &node.at, message).help(help);
            return None;
        }
        let fields = self.map(node, ENV)?;
        let name = self.required(&fields, "env", "write `{env: NAME}`")?;
        let text = self.text(name, "the name of an environment variable")?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !text.chars().all(is_name) || text.starts_with(|c: char| c.is_ascii_digit()) {
            // Not repeated: somebody may have written the secret itself.
            let message = "this is not the name of an environment variable";
            let help = "a name has letters, digits and `_`, as in `{env: TEST_PASSWORD}`";
            self.error(Code::BadValue, &name.at, message).help(help);
            return None;
        }
        Some(Variable { name: text, place: name.at.place.clone() })
    }

    /// `ca`, `certificate` and `key`.
    fn tls(&mut self, fields: &Fields<'_>, file: &Utf8Path) -> TlsAt {
        let ca = fields.get("ca").and_then(|node| self.pem(node, file));
        let certificate = fields.get("certificate").and_then(|node| self.pem(node, file));
        let key = fields.get("key").and_then(|node| self.pem(node, file));
        for (one, other) in [("certificate", "key"), ("key", "certificate")] {
            if let (Some((key, _)), None) = (fields.entry(one), fields.get(other)) {
                let message = format!("`{one}` stands without `{other}`");
                let help =
                    "a client shows a certificate, and proves with its key that it is its own";
                self.error(Code::MissingKey, &key.at, message).help(help);
            }
        }
        TlsAt { ca, identity: certificate.zip(key) }
    }

    /// A file in PEM form, beside the stack file.
    pub(super) fn pem(&mut self, node: &Node, file: &Utf8Path) -> Option<PemFile> {
        let written = self.text(node, "the path of a file in PEM form")?;
        let path = disk::lexical(&file.parent().unwrap_or(Utf8Path::new("")).join(&written));
        match self.files.read(&path) {
            Ok(text) if text.value.contains("-----BEGIN ") => {
                Some(PemFile { path, text: text.value, place: node.at.place.clone() })
            }
            Ok(_) => {
                let message = format!("`{path}` is not in PEM form");
                let help = "PEM begins with a line `-----BEGIN …-----`; a keystore is turned into it \
                            with `openssl pkcs12 -in FILE`";
                self.error(Code::BadValue, &node.at, message).help(help);
                None
            }
            Err(message) => {
                let help = "paths are relative to the stack file";
                self.error(Code::NoFile, &node.at, message).help(help);
                None
            }
        }
    }

    /// A URL, or a map.
    fn rest(&mut self, node: &Node, file: &Utf8Path) -> Option<RestAt> {
        if matches!(node.value, Value::Scalar(_)) {
            let url = self.url(node)?;
            return Some(RestAt { url, login: None, tls: TlsAt::default() });
        }
        let fields = self.map(node, REST)?;
        self.rest_of(&fields, file)
    }

    fn rest_of(&mut self, fields: &Fields<'_>, file: &Utf8Path) -> Option<RestAt> {
        let url = self.required(fields, "url", "write `url: https://HOST:PORT`");
        let url = url.and_then(|node| self.url(node));
        let login = self.login(fields);
        for (one, other) in [("user", "password"), ("password", "user")] {
            if let (Some((key, _)), None) = (fields.entry(one), fields.get(other)) {
                let message = format!("`{one}` stands without `{other}`");
                self.error(Code::MissingKey, &key.at, message).help("a login has both");
            }
        }
        let tls = self.tls(fields, file);
        let url = url?;
        if url.starts_with("http:") {
            for (key, _) in ["ca", "certificate", "key"].iter().filter_map(|key| fields.entry(key))
            {
                let message = format!("`{}` does not belong to a URL with `http:`", key.name);
                let help = "leave it out, or write `https:`";
                self.error(Code::Modifier, &key.at, message).help(help);
            }
        }
        Some(RestAt { url, login, tls })
    }

    fn registry_at(&mut self, node: &Node, file: &Utf8Path) -> Option<RegistryAt> {
        if matches!(node.value, Value::Scalar(_)) {
            return Some(RegistryAt {
                rest: self.rest(node, file)?,
                inside: None,
                ca_inside: None,
            });
        }
        let fields = self.map(node, REGISTRY)?;
        let rest = self.rest_of(&fields, file);
        let inside = fields.get("seen_from_components").and_then(|node| self.url(node));
        let ca = fields.get("ca_seen_from_components").and_then(|node| self.text(node, "a path"));
        Some(RegistryAt { rest: rest?, inside, ca_inside: ca.map(Utf8PathBuf::from) })
    }

    /// `http://host:port`, without a final slash.
    pub(super) fn url(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node, "a URL")?;
        let help = "write `http://HOST:PORT` or `https://HOST:PORT`";
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let Some(rest) = rest else {
            let message = "this is no URL with `http:` or `https:`";
            self.error(Code::BadValue, &node.at, message).help(help);
            return None;
        };
        let place = rest.split('/').next().unwrap_or(rest);
        if place.contains('@') {
            let message = "the URL holds a login";
            let help = "write it beside `url`: `user: …` and `password: {env: NAME}`";
            self.error(Code::BadValue, &node.at, message).help(help);
            return None;
        }
        let has_port = place.contains(':');
        let is_place = if has_port { host_port(place).is_some() } else { !place.is_empty() };
        if !is_place || text.contains(['?', '#']) {
            let message = format!("`{text}` is not the URL of an API");
            self.error(Code::BadValue, &node.at, message).help(help);
            return None;
        }
        Some(text.trim_end_matches('/').to_owned())
    }

    fn host_port(&mut self, node: &Node) -> Option<HostPort> {
        let text = self.text(node, "a host and a port")?;
        let found = host_port(&text);
        if found.is_none() {
            let message = format!("`{text}` is not `HOST:PORT`");
            self.error(Code::BadValue, &node.at, message).help("as in `postgres:5432`");
        }
        found
    }

    fn fault_commands(&mut self, node: &Node) -> BTreeMap<Target, BTreeMap<Verb, String>> {
        let mut all = BTreeMap::new();
        let Some(fields) = self.map(node, FAULTS) else { return all };
        for (key, node) in FAULTS.known.iter().filter_map(|key| fields.entry(key)) {
            let (Some(target), Some(commands)) = (Target::of(&key.name), self.map(node, COMMANDS))
            else {
                continue;
            };
            let found = self.commands(&commands, COMMANDS);
            self.mended(&found, &commands.at);
            all.insert(target, found);
        }
        all
    }

    fn commands(&mut self, fields: &Fields<'_>, words: Words) -> BTreeMap<Verb, String> {
        let entries = words.known.iter().filter_map(|key| fields.entry(key));
        let command = |(key, node): &(yaml::Key, Node)| {
            Some((Verb::of(&key.name)?, self.text(node, "a command")?))
        };
        entries.filter_map(command).collect()
    }

    /// What can be broken can be mended.
    fn mended(&mut self, commands: &BTreeMap<Verb, String>, at: &At) {
        let has = |verb: &Verb| commands.contains_key(verb);
        for (breaks, mends) in
            [(Verb::Kill, Verb::Start), (Verb::Stop, Verb::Start), (Verb::Pause, Verb::Resume)]
        {
            if has(&breaks) && !has(&mends) {
                let message = format!("there is a `{breaks}` and no `{mends}`");
                let help = "a run leaves nothing down: say how it is brought back";
                self.error(Code::MissingKey, at, message).help(help);
            }
        }
    }
}

/// `host:port`, or `[address]:port`.
fn host_port(text: &str) -> Option<HostPort> {
    let (host, port) = text.rsplit_once(':')?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let is_digit = |c: char| c.is_ascii_hexdigit() || ":.".contains(c);
    let is_valid = match bare {
        Some(address) => address.contains(':') && address.chars().all(is_digit),
        None => !host.is_empty() && host.chars().all(is_host),
    };
    let port = port.parse().ok().filter(|port| *port > 0)?;
    is_valid.then(|| HostPort { host: bare.unwrap_or(host).to_owned(), port })
}
