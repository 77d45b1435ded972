//! The words of stack files.

use crate::base::limits;
use crate::scenario::types::Type;
use crate::scenario::words::{VERSION, Word, Words, words};

words! {
    /// Keys of a stack file.
    STACK = "a stack file" {
        "stack" [must Type::Word(&VERSION)] "The version of the language.";
        "kind" [must Type::Word(&KIND)] "Who keeps the components.";
        "organization" [may Type::Text] "Of `confluent`, which needs it: the id of the organisation.";
        "environment" [may Type::Text] "Of `confluent`, which needs it: the environment's id (`env-…`) or name.";
        "cluster" [may Type::Map(&CLUSTER)] "Of `confluent`, which needs it: the Kafka cluster.";
        "provider" [may Type::Word(&PROVIDER)] "Of `confluent`: who keeps the machines, for the address of Flink's API.";
        "region" [may Type::Text] "Of `confluent`: the region of the compute pool, for the address of Flink's API.";
        "cloud" [may Type::Text] "Of `confluent`: the URL of the cloud's own API. Left out: `https://api.confluent.cloud`.";
        "compute_pool" [may Type::Text] "Of `confluent`, which needs it: the compute pool (`lfcp-…`) that statements run in.";
        "principal" [may Type::Text] "Of `confluent`: as whom statements run (`sa-…`). Left out: as the owner of the key.";
        "keys" [may Type::Map(&KEYS)] "Of `confluent`, which needs it: the API keys, one an API.";
        "ca" [may Type::Path] "Of `confluent`: a file of PEM certificates, the authorities that may have signed those of all its APIs and brokers. Those of the system if left out.";
        "budget" [may Type::Map(&BUDGET)] "Of `confluent`: what a command may use at most. When it is used up, the command ends and says so.";
        "postgres" [may Type::Map(&POSTGRES)] "The source. Every stack that somebody else keeps has it.";
        "kafka" [may Type::Map(&KAFKA)] "The brokers. Every attached stack has them.";
        "connect" [may Type::OneOf(&[Type::Text, Type::Map(&REST)])] "Connect's REST API: its URL, or a map. Every attached stack has it.";
        "flink" [may Type::OneOf(&[Type::Text, Type::Map(&FLINK)])] "Flink's two REST APIs, which every attached stack has. Of `confluent`: the URL of Flink's API, in the place of `provider` and `region`.";
        "registry" [may Type::OneOf(&[Type::Text, Type::Map(&REGISTRY)])] "The schema registry: its URL, or a map; of `confluent` its URL. Without it, scenarios with a registry are not run.";
        "faults" [may Type::Map(&FAULTS)] "How to break and mend what changeproof does not own. Without a command, scenarios that need it are not run.";
    } later ["versions"];
    /// Who keeps the components.
    KIND = "`kind`" {
        "local" "changeproof: processes of this machine.";
        "attached" "Somebody else. A run makes only things of its own there, and removes them.";
        "confluent" "Confluent Cloud. A run makes only things of its own there, and removes them.";
    } later ["container"];
    /// Keys of `cluster`.
    CLUSTER = "`cluster`" {
        "id" [must Type::Text] "Its id (`lkc-…`).";
        "name" [may Type::Text] "Its name, which is that of Flink's database. Left out: the id, by which Flink knows it too.";
        "bootstrap" [must Type::Text] "`HOST:PORT` of its brokers, several separated by commas.";
        "rest" [may Type::Text] "The URL of its REST API. Left out: `stack check` does not look at it.";
    } later [];
    /// Words of `provider`.
    PROVIDER = "`provider`" {
        "aws" "Amazon Web Services.";
        "gcp" "Google Cloud.";
        "azure" "Microsoft Azure.";
    } later [];
    /// Keys of `keys`.
    KEYS = "`keys`" {
        "cloud" [must Type::Map(&KEY)] "For connectors and everything that says where something is.";
        "flink" [must Type::Map(&KEY)] "For statements, in the region of the compute pool.";
        "kafka" [must Type::Map(&KEY)] "For the brokers. The connector gets it too.";
        "registry" [may Type::Map(&KEY)] "For the registry, which needs it.";
    } later [];
    /// Keys of an API key.
    KEY = "an API key" {
        "key" [must Type::Map(&ENV)] "The key.";
        "secret" [must Type::Map(&ENV)] "Its secret.";
    } later [];
    /// Keys of `budget`.
    BUDGET = "`budget`" {
        "max_cfu" [may Type::Count(limits::CFU)] "Units of Flink that the compute pool may grow to: `stack check` warns of one that may grow further. Left out: 10.";
        "max_minutes" [may Type::Count(limits::MINUTES)] "After so many minutes of a command no further trial begins. Left out: 60.";
        "max_connectors" [may Type::Count(limits::CONNECTORS)] "Connectors that may be there at once. Left out: 4.";
    } later [];
    /// Keys of `postgres`.
    POSTGRES = "`postgres`" {
        "url" [must Type::Text] "`postgres://USER@HOST:PORT/postgres`: what changeproof uses. The user needs CREATEDB and REPLICATION, and nothing more.";
        "password" [may Type::Map(&ENV)] "The user's password.";
        "password_seen_from_components" [may Type::Text] "What the connector's configuration says in the place of the password, such as `${env:PG_PASSWORD}`: a reference that the worker's own `config.providers` look up. Left out, the configuration holds the password itself, and whoever may read Connect's REST API reads it while the run lasts.";
        "seen_from_components" [may Type::Text] "`HOST:PORT` that the connector must use. As in `url` if left out.";
        "tls" [may Type::Map(&POSTGRES_TLS)] "How connections are encrypted. Left out: not at all.";
    } later [];
    /// Keys of `tls`.
    POSTGRES_TLS = "`tls`" {
        "mode" [must Type::Word(&TLS_MODE)] "How much of the server's certificate is verified.";
        "ca" [may Type::Path] "A file of PEM certificates: the authorities that may have signed it.";
        "ca_seen_from_components" [may Type::Text] "The path of that file where Connect's worker runs. The whole path of `ca` if left out.";
    } later [];
    /// Words of `mode`, as libpq has them.
    TLS_MODE = "`mode`" {
        "disable" "No TLS.";
        "require" "TLS, whoever answers; with `ca` as `verify-ca`.";
        "verify-ca" "An authority of `ca` has signed the certificate.";
        "verify-full" "And it is made out to the host.";
    } later [];
    /// Keys of `kafka`.
    KAFKA = "`kafka`" {
        "bootstrap" [must Type::Text] "`HOST:PORT`, several separated by commas: what changeproof uses.";
        "security" [may Type::Map(&SECURITY)] "How it is protected. Left out: not at all.";
        "seen_from_components" [may Type::OneOf(&[Type::Text, Type::Map(&KAFKA_INSIDE)])] "What the statements must use: the addresses, protected in the same way, or a map. As `bootstrap` if left out.";
    } later [];
    /// Keys of `seen_from_components` of `kafka`.
    KAFKA_INSIDE = "`seen_from_components`" {
        "bootstrap" [must Type::Text] "`HOST:PORT`, several separated by commas.";
        "security" [may Type::Map(&SECURITY)] "How it is protected. Left out: not at all.";
    } later [];
    /// Keys of `security`.
    SECURITY = "`security`" {
        "protocol" [must Type::Word(&PROTOCOL)] "Kafka's word.";
        "mechanism" [may Type::Word(&MECHANISM)] "How one logs in, with SASL.";
        "user" [may Type::OneOf(&[Type::Text, Type::Map(&ENV)])] "Who logs in, with SASL.";
        "password" [may Type::Map(&ENV)] "The user's password.";
        "ca" [may Type::Path] "A file of PEM certificates: the authorities that may have signed the brokers'. Those of the system if left out.";
        "certificate" [may Type::Path] "A file of PEM certificates that the brokers are shown.";
        "key" [may Type::Path] "The file of its private key in PEM form.";
    } later [];
    /// Words of `protocol`.
    PROTOCOL = "`protocol`" {
        "PLAINTEXT" "Neither TLS nor a login.";
        "SSL" "TLS.";
        "SASL_PLAINTEXT" "A login without TLS.";
        "SASL_SSL" "A login with TLS.";
    } later [];
    /// Words of `mechanism`.
    MECHANISM = "`mechanism`" {
        "PLAIN" "The password itself is sent.";
        "SCRAM-SHA-256" "A proof is sent that one knows it.";
        "SCRAM-SHA-512" "The same with a longer digest.";
    } later ["OAUTHBEARER" "GSSAPI"];
    /// Keys of a REST API.
    REST = "a REST API" {
        "url" [must Type::Text] "`http://HOST:PORT` or `https://HOST:PORT`: what changeproof uses.";
        "user" [may Type::OneOf(&[Type::Text, Type::Map(&ENV)])] "Who logs in, by HTTP's basic authentication.";
        "password" [may Type::Map(&ENV)] "The user's password.";
        "ca" [may Type::Path] "A file of PEM certificates: the authorities that may have signed the server's. Those of the system if left out.";
        "certificate" [may Type::Path] "A file of PEM certificates that the server is shown.";
        "key" [may Type::Path] "The file of its private key in PEM form.";
    } later [];
    /// Keys of `flink`.
    FLINK = "`flink`" {
        "rest" [must Type::OneOf(&[Type::Text, Type::Map(&REST)])] "The JobManager's REST API: its URL, or a map.";
        "gateway" [must Type::OneOf(&[Type::Text, Type::Map(&REST)])] "The SQL Gateway's REST API: its URL, or a map.";
    } later [];
    /// Keys of `registry`.
    REGISTRY = "`registry`" {
        "url" [must Type::Text] "`http://HOST:PORT` or `https://HOST:PORT`: what changeproof uses.";
        "user" [may Type::OneOf(&[Type::Text, Type::Map(&ENV)])] "Who logs in, by HTTP's basic authentication.";
        "password" [may Type::Map(&ENV)] "The user's password.";
        "ca" [may Type::Path] "A file of PEM certificates: the authorities that may have signed the server's. Those of the system if left out.";
        "certificate" [may Type::Path] "A file of PEM certificates that the server is shown.";
        "key" [may Type::Path] "The file of its private key in PEM form.";
        "seen_from_components" [may Type::Text] "Its URL for Connect and Flink. As `url` if left out.";
        "ca_seen_from_components" [may Type::Text] "The path of a truststore with the authorities where Flink runs.";
    } later [];
    /// Keys of `faults`.
    FAULTS = "`faults`" {
        "postgres" [may Type::Map(&COMMANDS)] "The database server.";
        "kafka" [may Type::Map(&COMMANDS)] "The broker.";
        "worker" [may Type::Map(&COMMANDS)] "Connect's process.";
        "taskmanager" [may Type::Map(&COMMANDS)] "Flink's worker.";
        "jobmanager" [may Type::Map(&COMMANDS)] "Flink's coordinator.";
    } later [];
    /// Keys of one of them.
    COMMANDS = "a fault" {
        "kill" [may Type::Text] "A command that kills it: when the command ends, it is gone.";
        "stop" [may Type::Text] "A command that ends it in an orderly way.";
        "pause" [may Type::Text] "A command that lets it stand still.";
        "resume" [may Type::Text] "A command that lets it go on after `pause`.";
        "start" [may Type::Text] "A command that starts it again. What can be killed or stopped needs it.";
    } later [];
    /// Where a secret stands.
    ENV = "a secret" {
        "env" [must Type::Text] "The name of the environment variable that holds it. What was read from one is never printed, logged or recorded.";
    } later [];
}
