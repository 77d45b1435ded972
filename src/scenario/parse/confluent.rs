//! Stack files that tell of Confluent Cloud.

use camino::Utf8Path;

use super::Reader;
use super::shape::Fields;
use crate::base::limits;
use crate::scenario::code::Code;
use crate::scenario::stack::words::{BUDGET, CLUSTER, KEY, KEYS, PROVIDER};
use crate::scenario::stack::{Budget, ClusterAt, Confluent, KeyAt, Keys};
use crate::scenario::yaml::Node;

/// The parts of such a stack.
const PARTS: [&str; 6] =
    ["organization", "environment", "cluster", "compute_pool", "keys", "postgres"];
/// Where the cloud's own API is.
const CLOUD: &str = "https://api.confluent.cloud";

impl Reader<'_> {
    pub(super) fn confluent(&mut self, fields: &Fields<'_>, file: &Utf8Path) -> Option<Confluent> {
        for part in PARTS {
            self.required(fields, part, "say it: every stack of Confluent Cloud has it");
        }
        let mut text = |key: &str, what: &str| {
            fields
                .get(key)
                .map(|node| self.text(node, what))
                .map_or(Ok(None), |found| found.map(Some).ok_or(()))
        };
        let organization = text("organization", "the id of an organisation");
        let environment = text("environment", "the id or name of an environment");
        let principal = text("principal", "the id of a principal");
        let region = text("region", "a region");
        let pool = fields.get("compute_pool").and_then(|node| self.id(node, "lfcp-"));
        let cluster = fields.get("cluster").and_then(|node| self.cluster(node));
        let keys = fields.get("keys").and_then(|node| self.keys(node));
        let postgres = fields.get("postgres").and_then(|node| self.postgres(node, file));
        let ca = fields.get("ca").map(|node| self.pem(node, file));
        let budget = fields.get("budget").map(|node| self.budget(node));
        let registry = fields.get("registry").map(|node| self.url(node));
        let cloud = fields.get("cloud").map(|node| self.url(node));
        let flink = self.flink_api(fields, region.clone().ok().flatten());
        self.registry_has_a_key(fields, keys.as_ref());
        Some(Confluent {
            organization: organization.ok()??,
            environment: environment.ok()??,
            cluster: cluster?,
            registry: settled(registry)?,
            cloud: settled(cloud)?.unwrap_or_else(|| CLOUD.to_owned()),
            flink: flink?,
            ca: settled(ca)?,
            compute_pool: pool?,
            principal: principal.ok()?,
            keys: keys?,
            postgres: postgres?,
            budget: settled(budget)?.unwrap_or_default(),
        })
    }

    /// Where Flink's API is: as it is said, or by the region.
    fn flink_api(&mut self, fields: &Fields<'_>, region: Option<String>) -> Option<String> {
        let provider = fields.get("provider").map(|node| self.word(node, PROVIDER));
        if let Some(node) = fields.get("flink") {
            for (key, _) in ["provider", "region"].iter().filter_map(|key| fields.entry(key)) {
                let message = format!("`{}` stands beside the URL of Flink's API", key.name);
                let help = "leave one of them out: region and provider are there to make that URL";
                self.error(Code::Modifier, &key.at, message).help(help);
            }
            return self.url(node);
        }
        let help = "write `provider: aws` and `region: us-east-1`, or `flink: https://…`";
        for key in ["provider", "region"] {
            self.required(fields, key, help);
        }
        Some(format!("https://flink.{}.{}.confluent.cloud", region?, provider??))
    }

    fn registry_has_a_key(&mut self, fields: &Fields<'_>, keys: Option<&Keys>) {
        let Some(keys) = keys else { return };
        match (fields.entry("registry"), &keys.registry) {
            (Some((key, _)), None) => {
                let help = "add `registry: {key: {env: …}, secret: {env: …}}` to `keys`";
                self.error(Code::MissingKey, &key.at, "the registry has no key").help(help);
            }
            (None, Some(_)) => {
                let message = "a key of the registry stands without `registry`";
                let help = "say where it is: `registry: https://psrc-….confluent.cloud`";
                self.error(Code::MissingKey, &fields.at, message).help(help);
            }
            _ => {}
        }
    }

    fn cluster(&mut self, node: &Node) -> Option<ClusterAt> {
        let fields = self.map(node, CLUSTER)?;
        let id = self.required(&fields, "id", "write `id: lkc-…`");
        let id = id.and_then(|node| self.id(node, "lkc-"));
        let bootstrap = self.required(&fields, "bootstrap", "write `bootstrap: HOST:PORT`");
        let bootstrap = bootstrap.and_then(|node| self.bootstrap(node));
        let name = fields.get("name").map(|node| self.text(node, "the name of a cluster"));
        let rest = fields.get("rest").map(|node| self.url(node));
        Some(ClusterAt {
            id: id?,
            name: settled(name)?,
            bootstrap: bootstrap?,
            rest: settled(rest)?,
        })
    }

    /// An id, which tells by its beginning what it is of.
    fn id(&mut self, node: &Node, prefix: &str) -> Option<String> {
        let text = self.text(node, "an id")?;
        let rest = text.strip_prefix(prefix);
        if rest.is_some_and(|rest| {
            !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        }) {
            return Some(text);
        }
        let message = format!("`{text}` is not an id that begins with `{prefix}`");
        let help = "ids stand in the console beside the names, and in its URLs";
        self.error(Code::BadValue, &node.at, message).help(help);
        None
    }

    fn keys(&mut self, node: &Node) -> Option<Keys> {
        let fields = self.map(node, KEYS)?;
        let help = "write `{key: {env: NAME}, secret: {env: NAME}}`: each API has a key of its own";
        let mut of =
            |key: &str| self.required(&fields, key, help).and_then(|node| self.api_key(node));
        let (cloud, flink, kafka) = (of("cloud"), of("flink"), of("kafka"));
        let registry = fields.get("registry").map(|node| self.api_key(node));
        Some(Keys { cloud: cloud?, flink: flink?, kafka: kafka?, registry: settled(registry)? })
    }

    fn api_key(&mut self, node: &Node) -> Option<KeyAt> {
        let fields = self.map(node, KEY)?;
        let mut of = |key: &str| {
            self.required(&fields, key, "a login has both").and_then(|node| self.secret(node))
        };
        let (key, secret) = (of("key"), of("secret"));
        Some(KeyAt { key: key?, secret: secret? })
    }

    fn budget(&mut self, node: &Node) -> Option<Budget> {
        let fields = self.map(node, BUDGET)?;
        let mut of = |key: &str, most: u64, default: u32| match fields.get(key) {
            Some(node) => self.count(node, "a number", most),
            None => Some(default),
        };
        let default = Budget::default();
        let cfu = of("max_cfu", limits::CFU, default.max_cfu);
        let minutes = of("max_minutes", limits::MINUTES, default.max_minutes);
        let connectors = of("max_connectors", limits::CONNECTORS, default.max_connectors);
        Some(Budget { max_cfu: cfu?, max_minutes: minutes?, max_connectors: connectors? })
    }
}

/// What may be left out, but not be wrong.
#[expect(clippy::option_option, reason = "what is wrong, what is left out, and what is there")]
fn settled<T>(found: Option<Option<T>>) -> Option<Option<T>> {
    match found {
        Some(found) => found.map(Some),
        None => Some(None),
    }
}
