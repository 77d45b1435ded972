//! The broker's listener that is encrypted and asks for a login, as a cloud's brokers do.

use camino::Utf8Path;
use minijinja::Value;

use super::error::{Doing, StackError};
use super::files;
use super::machine::User;
use super::templates;
use crate::client::reach::{
    Address, Identity, Kafka, Key, Login, Mechanism, Password, Pem, Sasl, Security, Tls,
};

/// The file of key and certificate, in the folder of a start.
const FILE: &str = "conf/kafka.pem";
/// The names that a certificate is made out to.
const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// Who may log in, and what the broker shows.
#[derive(Debug, Clone)]
pub(super) struct Secured {
    login: Login,
    identity: Identity,
}

/// A new certificate for servers of this machine, signed by itself, with its key. Both are new at
/// every start and kept nowhere else.
pub fn new_identity() -> Result<Identity, StackError> {
    let names: Vec<String> = NAMES.map(str::to_owned).to_vec();
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| StackError::Refused {
        doing: "make a certificate".to_owned(),
        cause: error.to_string(),
    })?;
    Ok(Identity {
        certificate: Pem(made.cert.pem()),
        key: Key(Password(made.signing_key.serialize_pem())),
    })
}

impl Secured {
    pub(super) fn new() -> Result<Self, StackError> {
        let user = templates::new_password()?.0.chars().take(16).collect::<String>().to_uppercase();
        let login = Login { user, password: templates::new_password()? };
        Ok(Self { login, identity: new_identity()? })
    }

    /// What the template of the broker's options is told.
    pub(super) fn values(&self) -> Value {
        let Login { user, password } = &self.login;
        minijinja::context! { user => user, secret => &password.0, file => FILE }
    }

    /// Writes key and certificate where the broker looks for them.
    pub(super) fn write(&self, folder: &Utf8Path, user: Option<User>) -> Result<(), StackError> {
        let path = folder.join(FILE);
        let text = format!("{}{}", self.identity.key.0.0, self.identity.certificate.0);
        files::replace(&path, text.as_bytes())?;
        files::lend(&path, user).doing("lend the broker its key")
    }

    /// The brokers by that listener.
    pub(super) fn reach(&self, port: u16) -> Kafka {
        let host = "localhost".to_owned();
        Kafka {
            bootstrap: Address { host, port }.to_string(),
            security: Security {
                sasl: Some(Sasl {
                    mechanism: Mechanism::Plain,
                    login: self.login.clone(),
                    relocated: false,
                }),
                tls: Some(Tls { ca: Some(self.identity.certificate.clone()), identity: None }),
            },
        }
    }
}
