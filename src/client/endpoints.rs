//! Where the components of a stack listen. Written by the stack, read by everything live.

use serde::{Deserialize, Serialize};

/// A password. It is read and written as any text is, and never shown.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(pub String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// The addresses of one running stack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// Host of Postgres.
    pub postgres_host: String,
    /// Port of Postgres.
    pub postgres_port: u16,
    /// The superuser.
    pub postgres_user: String,
    /// The superuser's password, another one at each start.
    pub postgres_password: Password,
    /// What a connector's configuration says in the place of that password: its worker, which
    /// anybody on the machine can ask for configurations, looks it up.
    pub postgres_reference: String,
    /// `host:port` of the broker.
    pub kafka: String,
    /// `http://host:port` of Connect's REST API, without a final slash.
    pub connect: String,
    /// `http://host:port` of the JobManager's REST API.
    pub flink: String,
    /// `http://host:port` of the SQL Gateway's REST API.
    pub gateway: String,
    /// `http://host:port` of the schema registry, once it was asked for.
    #[serde(default)]
    pub registry: String,
}

impl Endpoints {
    /// The same without what must not be shown.
    #[must_use]
    pub fn without_password(self) -> Self {
        Self { postgres_password: Password::default(), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_written_and_never_shown() {
        let at = Endpoints { postgres_password: Password("s3cret".into()), ..Endpoints::default() };
        assert!(!format!("{at:?}").contains("s3cret"));
        let written = serde_json::to_string(&at).unwrap();
        assert_eq!(serde_json::from_str::<Endpoints>(&written).unwrap(), at);
        let shown = serde_json::to_string(&at.without_password()).unwrap();
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
