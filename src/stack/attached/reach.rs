//! From a stack file and the environment to addresses and logins.

use crate::client::reach::{
    Address, Identity, Kafka, Key, Login, Mechanism, Password, Pem, Postgres, PostgresTls, Reach,
    Rest, Rights, Sasl, Security, Tls, TlsMode, Twice,
};
use crate::client::unusable_authorities;
use crate::scenario::stack::{
    Attached, Brokers, HostPort, LoginAt, PemFile, PostgresAt, RestAt, Said, SecurityAt, TlsAt,
    Variable,
};
use crate::stack::StackError;

/// Looks a variable up.
pub(in crate::stack) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Where everything is. Everything that is missing in the environment or unusable is said at once.
pub(super) fn of(written: &Attached, variable: Environment<'_>) -> Result<Reach, StackError> {
    complete(written.variables(), authorities(written), variable)?;
    Ok(Reader(variable).reach(written))
}

/// That every variable is set and every file of authorities can serve as one. All that is wrong is said
/// at once.
pub(in crate::stack) fn complete(
    variables: Vec<&Variable>,
    authorities: Vec<&PemFile>,
    variable: Environment<'_>,
) -> Result<(), StackError> {
    let unset = variables.into_iter().filter(|one| variable(&one.name).is_none());
    let mut wrong: Vec<String> = unset
        .map(|Variable { name, place }| format!("{place}: the variable {name} is not set"))
        .collect();
    for pem in authorities {
        if let Some(why) = unusable_authorities(&Pem(pem.text.clone())) {
            wrong.push(format!("{}: `{}` is no list of authorities: {why}", pem.place, pem.path));
        }
    }
    wrong.sort();
    wrong.dedup();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(StackError::Missing {
        what: wrong.join("\n"),
        mend: "set the variables, and name PEM files of certificates".to_owned(),
    })
}

fn authorities(written: &Attached) -> Vec<&PemFile> {
    let postgres = written.postgres.tls.iter().filter_map(|tls| tls.ca.as_ref());
    let brokers = std::iter::once(&written.kafka.outside).chain(&written.kafka.inside);
    let brokers = brokers.filter_map(|one| one.security.as_ref()?.tls.as_ref()?.ca.as_ref());
    let rest = [&written.connect, &written.flink, &written.gateway].into_iter();
    let rest = rest.chain(written.registry.iter().map(|registry| &registry.rest));
    postgres.chain(brokers).chain(rest.filter_map(|at| at.tls.ca.as_ref())).collect()
}

pub(in crate::stack) struct Reader<'a>(pub(in crate::stack) Environment<'a>);

impl Reader<'_> {
    fn reach(&self, written: &Attached) -> Reach {
        let outside = self.kafka(&written.kafka.outside);
        let inside = written.kafka.inside.as_ref().map_or_else(
            || outside.clone(),
            |inside| {
                let kafka = self.kafka(inside);
                let security = match inside.security {
                    Some(_) => kafka.security,
                    None => outside.security.clone(),
                };
                Kafka { security, ..kafka }
            },
        );
        let registry = written.registry.as_ref().map(|registry| {
            let outside = self.rest(&registry.rest);
            let url = registry.inside.clone().unwrap_or_else(|| outside.url.clone());
            let inside = Rest { url, ca_inside: registry.ca_inside.clone(), ..outside.clone() };
            Twice { outside, inside }
        });
        Reach {
            postgres: self.postgres(&written.postgres),
            kafka: Twice { outside, inside },
            connect: self.rest(&written.connect),
            flink: self.rest(&written.flink),
            gateway: self.rest(&written.gateway),
            registry,
            is_confluents_registry: false,
            storage: None,
            secured: None,
        }
    }

    pub(in crate::stack) fn postgres(&self, at: &PostgresAt) -> Postgres {
        let outside = address(&at.at);
        let password = at.password.as_ref().map_or_else(Password::default, |one| self.secret(one));
        let tls = at.tls.as_ref().map_or_else(PostgresTls::default, |tls| PostgresTls {
            mode: match tls.mode {
                "require" => TlsMode::Require,
                "verify-ca" => TlsMode::VerifyCa,
                "verify-full" => TlsMode::VerifyFull,
                _ => TlsMode::Disable,
            },
            ca: tls.ca.as_ref().map(pem),
            ca_inside: tls.ca_inside.clone(),
        });
        Postgres {
            at: Twice { inside: at.inside.as_ref().map_or(outside.clone(), address), outside },
            user: at.user.clone(),
            reference: at.reference.clone().unwrap_or_else(|| password.0.clone()),
            password,
            tls,
            rights: Rights::Databases,
        }
    }

    fn kafka(&self, brokers: &Brokers) -> Kafka {
        let security = brokers.security.as_ref();
        Kafka {
            bootstrap: brokers.bootstrap.clone(),
            security: security.map_or_else(Security::default, |at| self.security(at)),
        }
    }

    fn security(&self, at: &SecurityAt) -> Security {
        let sasl = at.sasl.as_ref().map(|(mechanism, login)| Sasl {
            mechanism: match *mechanism {
                "SCRAM-SHA-256" => Mechanism::ScramSha256,
                "SCRAM-SHA-512" => Mechanism::ScramSha512,
                _ => Mechanism::Plain,
            },
            login: self.login(login),
            // What Flink has is told by the cluster.
            relocated: false,
        });
        Security { sasl, tls: at.tls.as_ref().map(tls) }
    }

    fn rest(&self, at: &RestAt) -> Rest {
        Rest {
            url: at.url.clone(),
            login: at.login.as_ref().map(|login| self.login(login)),
            tls: tls(&at.tls),
            ca_inside: None,
        }
    }

    fn login(&self, login: &LoginAt) -> Login {
        let user = match &login.user {
            Said::Plain(user) => user.clone(),
            Said::Env(variable) => self.secret(variable).0,
        };
        Login { user, password: self.secret(&login.password) }
    }

    pub(in crate::stack) fn secret(&self, variable: &Variable) -> Password {
        Password((self.0)(&variable.name).unwrap_or_default())
    }
}

fn address(at: &HostPort) -> Address {
    Address { host: at.host.clone(), port: at.port }
}

fn pem(file: &PemFile) -> Pem {
    Pem(file.text.clone())
}

fn tls(at: &TlsAt) -> Tls {
    let identity = at.identity.as_ref().map(|(certificate, key)| Identity {
        certificate: pem(certificate),
        key: Key(Password(key.text.clone())),
    });
    Tls { ca: at.ca.as_ref().map(pem), identity }
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::*;
    use crate::scenario::stack::{Kind, load_stack};

    fn written(text: &str) -> Attached {
        let folder = tempfile::tempdir().unwrap();
        let file = Utf8Path::from_path(folder.path()).unwrap().join("stack.yaml");
        fs_err::write(&file, text).unwrap();
        match load_stack(&file).stack.unwrap().kind {
            Kind::Attached(attached) => *attached,
            Kind::Local | Kind::Confluent(_) => panic!("it is attached"),
        }
    }

    const TEXT: &str = "stack: v1
kind: attached
postgres: {url: 'postgres://tester@db:5433/postgres', password: {env: PG}, seen_from_components: 'pg:5432'}
kafka:
  bootstrap: out:1
  security: {protocol: SASL_SSL, mechanism: PLAIN, user: {env: KU}, password: {env: KP}}
  seen_from_components: {bootstrap: 'in:1'}
connect: http://localhost:8083
flink: {rest: 'http://localhost:8081', gateway: 'http://localhost:8084'}
";

    #[test]
    fn every_address_stands_twice_and_secrets_come_from_the_environment() {
        let variable = |name: &str| Some(format!("value-of-{name}"));
        let at = of(&written(TEXT), &variable).unwrap();
        assert_eq!(at.postgres.at.outside.to_string(), "db:5433");
        assert_eq!(at.postgres.at.inside.to_string(), "pg:5432");
        assert_eq!(at.postgres.password.0, "value-of-PG");
        // Without a reference the connector's configuration holds the password.
        assert_eq!(at.postgres.reference, "value-of-PG");
        let sasl = at.kafka.outside.security.sasl.as_ref().unwrap();
        assert_eq!(sasl.login.user, "value-of-KU");
        assert_eq!(at.kafka.inside.security, Security::default());
        assert_eq!(at.kafka.inside.bootstrap, "in:1");
        assert_eq!(at.as_role("other".to_owned()).postgres.user, "tester");
        assert!(!format!("{at:?}").contains("value-of-KP"));
    }

    #[test]
    fn brokers_seen_from_components_are_protected_in_the_same_way_unless_it_is_said() {
        let text = TEXT.replace("{bootstrap: 'in:1'}", "in:1");
        let at = of(&written(&text), &|_| Some("x".to_owned())).unwrap();
        assert_eq!(at.kafka.inside.security, at.kafka.outside.security);
    }

    #[test]
    fn every_variable_that_is_not_set_is_told_at_once_with_its_place() {
        let error = of(&written(TEXT), &|_| None).unwrap_err().to_string();
        for told in [":3:", "PG is not set", "KU is not set", "KP is not set"] {
            assert!(error.contains(told), "{error}");
        }
    }
}
