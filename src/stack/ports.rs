//! Free ports.

use std::net::{Ipv4Addr, TcpListener};

use minijinja::Value;

use super::error::StackError;

/// The ports of one stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ports {
    pub(super) postgres: u16,
    pub(super) kafka: u16,
    pub(super) controller: u16,
    pub(super) connect: u16,
    /// The JobManager's RPC.
    pub(super) jobmanager: u16,
    /// The JobManager's REST API.
    pub(super) flink: u16,
    pub(super) gateway: u16,
    /// Kept free for the schema registry, which starts later if at all.
    pub(super) registry: u16,
    /// The door before the object storage.
    pub(super) storage: u16,
    /// The server behind it.
    pub(super) objects: u16,
    /// The broker's other listener, encrypted and with a login.
    pub(super) secured: u16,
    /// Where figures are scraped, on a stack that exposes them.
    pub(super) metrics: MetricsPorts,
}

/// The ports at which the components tell their figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MetricsPorts {
    pub(super) postgres: u16,
    pub(super) kafka: u16,
    pub(super) connect: u16,
    pub(super) jobmanager: u16,
    pub(super) taskmanager: u16,
}

impl Ports {
    /// The ports by the names that the templates use.
    pub(super) fn values(self) -> Value {
        minijinja::context! {
            postgres => self.postgres,
            kafka => self.kafka,
            controller => self.controller,
            connect => self.connect,
            jobmanager => self.jobmanager,
            flink => self.flink,
            gateway => self.gateway,
            storage => self.storage,
            objects => self.objects,
            secured => self.secured,
        }
    }
}

/// Ports are taken from below the range that the kernel gives to outgoing connections: a client
/// that tries again and again to reach a loopback port in that range can end up connected to
/// itself, and the server then cannot bind.
const FIRST: u16 = 15_000;
const COUNT: u16 = 16_000;

/// Sixteen free ports; the search starts at a place that `seed` gives, so that stacks that start at
/// the same time look at different ports.
pub(super) fn choose(seed: u64) -> Result<Ports, StackError> {
    let start = u16::try_from(seed % u64::from(COUNT)).unwrap_or(0);
    let mut free = (start..COUNT)
        .chain(0..start)
        .map(|step| FIRST + step)
        .filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    let mut next = || {
        free.next().ok_or_else(|| StackError::Missing {
            what: "there are not sixteen free ports on 127.0.0.1 between 15000 and 31000"
                .to_owned(),
            mend: "end programs that listen there".to_owned(),
        })
    };
    Ok(Ports {
        postgres: next()?,
        kafka: next()?,
        controller: next()?,
        connect: next()?,
        jobmanager: next()?,
        flink: next()?,
        gateway: next()?,
        registry: next()?,
        storage: next()?,
        objects: next()?,
        secured: next()?,
        metrics: MetricsPorts {
            postgres: next()?,
            kafka: next()?,
            connect: next()?,
            jobmanager: next()?,
            taskmanager: next()?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_passed_over() {
        let first = choose(15_999).unwrap();
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, first.postgres));
        let second = choose(15_999).unwrap();
        assert_ne!(first.postgres, second.postgres);
    }
}
