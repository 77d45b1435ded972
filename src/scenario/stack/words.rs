//! The words of stack files.

use crate::scenario::types::Type;
use crate::scenario::words::{VERSION, Word, Words, words};

words! {
    /// Keys of a stack file.
    STACK = "a stack file" {
        "stack" [must Type::Word(&VERSION)] "The version of the language.";
        "kind" [must Type::Word(&KIND)] "Who keeps the components.";
        "postgres" [may Type::Map(&POSTGRES)] "The source. Every attached stack has it.";
        "kafka" [may Type::Map(&KAFKA)] "The brokers. Every attached stack has them.";
        "connect" [may Type::OneOf(&[Type::Text, Type::Map(&REST)])] "Connect's REST API: its URL, or a map. Every attached stack has it.";
        "flink" [may Type::Map(&FLINK)] "Flink's two REST APIs. Every attached stack has them.";
        "registry" [may Type::OneOf(&[Type::Text, Type::Map(&REGISTRY)])] "The schema registry: its URL, or a map. Without it, scenarios with Avro are not run.";
        "faults" [may Type::Map(&FAULTS)] "How to break and mend what changeproof does not own. Without a command, scenarios that need it are not run.";
    } later ["versions"];
    /// Who keeps the components.
    KIND = "`kind`" {
        "local" "changeproof: processes of this machine.";
        "attached" "Somebody else. A run makes only things of its own there, and removes them.";
    } later ["container" "confluent"];
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
