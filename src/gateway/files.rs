//! What a gateway leaves for its clients: a stack file, the keys, the certificates, its addresses.

use std::fs::Permissions;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::json;

use super::ids::Ids;
use super::{Gateway, GatewayError};
use crate::client::reach::Login;

/// The files of a gateway, in a folder of their own.
#[derive(Debug)]
pub struct Files {
    folder: Utf8PathBuf,
}

/// Where the files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// A stack file of the kind `confluent`.
    pub stack: Utf8PathBuf,
    /// The keys, as lines of a shell that set environment variables.
    pub keys: Utf8PathBuf,
    /// Addresses and ids as JSON.
    pub addresses: Utf8PathBuf,
    /// The certificates that clients have to trust.
    pub ca: Utf8PathBuf,
}

impl Files {
    /// Files in this folder, which is made, and left to its owner alone.
    pub fn open(folder: &Utf8Path) -> Result<Self, GatewayError> {
        let made = fs_err::create_dir_all(folder)
            .and_then(|()| fs_err::set_permissions(folder, Permissions::from_mode(0o700)));
        made.map_err(|error| GatewayError::new("making the folder of keys", error))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Writes them.
    pub fn write(&self, gateway: &Gateway) -> Result<Written, GatewayError> {
        let at = |name: &str| self.folder.join(name);
        let written = Written {
            stack: at("stack.yaml"),
            keys: at("keys.env"),
            addresses: at("gateway.json"),
            ca: at("ca.pem"),
        };
        write(&written.stack, &stack(gateway))?;
        write(&written.keys, &keys(gateway))?;
        write(&written.addresses, &addresses(gateway))?;
        write(&written.ca, &certificates(gateway))?;
        Ok(written)
    }

    /// Takes them away.
    pub fn remove(&self, written: &Written) {
        for path in [&written.stack, &written.keys, &written.addresses, &written.ca] {
            // What somebody else has taken away is gone.
            fs_err::remove_file(path).ok();
        }
        fs_err::remove_dir(&self.folder).ok();
    }
}

/// Writes a file that nobody but its owner reads.
fn write(path: &Utf8Path, text: &str) -> Result<(), GatewayError> {
    let written = || {
        let mut options = fs_err::OpenOptions::new();
        options.options_mut().mode(0o600);
        let mut file = options.write(true).create(true).truncate(true).open(path)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        std::io::Write::write_all(&mut file, text.as_bytes())
    };
    written().map_err(|error| GatewayError::new("writing a file of the gateway", error))
}

fn stack(gateway: &Gateway) -> String {
    let Gateway { ids, address, reach, .. } = gateway;
    let Ids { organization, environment, cluster, pool, account, .. } = ids;
    let (user, postgres) = (&reach.postgres.user, &reach.postgres.at.outside);
    let key = |name: &str| {
        let variable = name.to_uppercase();
        format!(
            "  {name}: {{key: {{env: CC_{variable}_KEY}}, secret: {{env: CC_{variable}_SECRET}}}}\n"
        )
    };
    let keys = ["cloud", "flink", "kafka", "registry"].map(key).concat();
    format!(
        "stack: v1\nkind: confluent\norganization: {organization}\nenvironment: {environment}\n\
         cluster: {{id: {cluster}, name: {name}, bootstrap: '{bootstrap}', rest: '{address}'}}\n\
         registry: '{address}'\ncloud: '{address}'\nflink: '{address}'\nca: ca.pem\n\
         compute_pool: {pool}\nprincipal: {account}\nkeys:\n{keys}\
         postgres:\n  url: 'postgres://{user}@{postgres}/postgres'\n  password: {{env: PG_PASSWORD}}\n\
         budget: {{max_cfu: 50, max_minutes: 600, max_connectors: 100}}\n",
        name = Ids::CLUSTER,
        bootstrap = gateway.bootstrap(),
    )
}

fn keys(gateway: &Gateway) -> String {
    let keys = &gateway.keys;
    let all = [
        ("CLOUD", &keys.cloud),
        ("FLINK", &keys.flink),
        ("KAFKA", &keys.kafka),
        ("REGISTRY", &keys.registry),
    ];
    let lines = all.map(|(name, Login { user, password })| {
        format!("export CC_{name}_KEY={user}\nexport CC_{name}_SECRET={}\n", password.0)
    });
    format!("{}export PG_PASSWORD={}\n", lines.concat(), gateway.reach.postgres.password.0)
}

fn addresses(gateway: &Gateway) -> String {
    let Ids { organization, environment, cluster, pool, registry, account } = &gateway.ids;
    let json = json!({
        "url": gateway.address,
        "bootstrap": gateway.bootstrap(),
        "organization": organization,
        "environment": {"id": environment, "name": Ids::ENVIRONMENT},
        "cluster": {"id": cluster, "name": Ids::CLUSTER},
        "compute_pool": pool,
        "registry": registry,
        "principal": account,
        "cloud": Ids::CLOUD,
        "region": Ids::REGION,
    });
    format!("{json:#}\n")
}

/// Those of the brokers and, with TLS, of the gateway itself.
fn certificates(gateway: &Gateway) -> String {
    let secured = gateway.reach.secured.as_ref();
    let tls = secured.and_then(|kafka| kafka.security.tls.as_ref());
    let brokers = tls.and_then(|tls| tls.ca.as_ref()).map(|pem| pem.0.as_str());
    let own = gateway.certificate.as_ref().map(|pem| pem.0.as_str());
    brokers.into_iter().chain(own).collect()
}
