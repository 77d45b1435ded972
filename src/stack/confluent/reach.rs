//! From a stack file and the environment to addresses, logins and clients.

use crate::client::cloud::connectors::Connectors;
use crate::client::cloud::statements::Statements;
use crate::client::cloud::topics::Topics;
use crate::client::cloud::{Api, CloudError, Patience};
use crate::client::reach::{Kafka, Login, Mechanism, Pem, Reach, Rest, Sasl, Security, Tls, Twice};
use crate::scenario::stack::{Confluent as Written, KeyAt};
use crate::stack::StackError;
use crate::stack::attached::reach::{Environment, Reader, complete};

/// Where everything is, with the keys.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// Postgres, brokers and registry.
    pub(super) reach: Reach,
    cloud: Rest,
    flink: Rest,
    kafka: Option<Rest>,
}

/// The cloud's services.
#[derive(Debug, Clone)]
pub(super) struct Services {
    /// Everything that says where something is.
    pub(super) cloud: Api,
    /// Statements.
    pub(super) statements: Statements,
    /// Connectors.
    pub(super) connectors: Connectors,
    /// Topics, where the cluster's REST API is known.
    pub(super) topics: Option<Topics>,
}

/// Everything that is missing in the environment or unusable is said at once.
pub(super) fn of(written: &Written, variable: Environment<'_>) -> Result<Places, StackError> {
    let of_postgres = written.postgres.tls.iter().filter_map(|tls| tls.ca.as_ref());
    let authorities = of_postgres.chain(&written.ca).collect();
    complete(written.variables(), authorities, variable)?;
    let reader = Reader(variable);
    let tls = Tls { ca: written.ca.as_ref().map(|ca| Pem(ca.text.clone())), identity: None };
    let login = |key: &KeyAt| Login {
        user: reader.secret(&key.key).0,
        password: reader.secret(&key.secret),
    };
    let rest = |url: &str, key: &KeyAt| Rest {
        url: url.to_owned(),
        login: Some(login(key)),
        tls: tls.clone(),
        ca_inside: None,
    };
    let keys = &written.keys;
    let sasl = Sasl { mechanism: Mechanism::Plain, login: login(&keys.kafka), relocated: false };
    let kafka = Kafka {
        bootstrap: written.cluster.bootstrap.clone(),
        security: Security { sasl: Some(sasl), tls: Some(tls.clone()) },
    };
    let registry = written.registry.as_deref().zip(keys.registry.as_ref());
    let reach = Reach {
        postgres: reader.postgres(&written.postgres),
        kafka: Twice::same(kafka),
        registry: registry.map(|(url, key)| Twice::same(rest(url, key))),
        is_confluents_registry: true,
        ..Reach::default()
    };
    Ok(Places {
        reach,
        cloud: rest(&written.cloud, &keys.cloud),
        flink: rest(&written.flink, &keys.flink),
        kafka: written.cluster.rest.as_deref().map(|url| rest(url, &keys.kafka)),
    })
}

impl Places {
    /// All logins besides those of `reach`.
    pub(super) fn logins(&self) -> impl Iterator<Item = &Login> {
        let all = [&self.cloud, &self.flink].into_iter().chain(&self.kafka);
        all.filter_map(|rest| rest.login.as_ref())
    }

    /// Clients of the services, each call with this patience.
    pub(super) fn services(
        &self,
        written: &Written,
        environment: &str,
        patience: Patience,
    ) -> Result<Services, CloudError> {
        let cloud = Api::new(&self.cloud, patience)?;
        let flink = Api::new(&self.flink, patience)?;
        let cluster = &written.cluster.id;
        let topics = self.kafka.as_ref().map(|at| Api::new(at, patience)).transpose()?;
        Ok(Services {
            connectors: Connectors::new(cloud.clone(), environment, cluster),
            statements: Statements::new(flink, &written.organization, environment),
            topics: topics.map(|api| Topics::new(api, cluster)),
            cloud,
        })
    }
}
