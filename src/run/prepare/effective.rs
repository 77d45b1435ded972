//! What of a trial is submitted, and how it differs from what the author's files say.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use crate::base::diagnostic::Diagnostic;
use crate::base::difference::Difference;
use crate::base::text::Text;
use crate::capture::diagnose::{self, PIPELINE};
use crate::client::endpoints::{Endpoints, Password};
use crate::contain::source;
use crate::dialect::connector::Mapped;
use crate::dialect::{self, Translation};
use crate::run::names::Names;
use crate::run::prepare::connector::Connector;
use crate::run::prepare::own;
use crate::run::prepare::session;
use crate::run::prepare::statements::{self, Statements};
use crate::run::prepare::table::Places;
use crate::run::prepare::unfit;
use crate::scenario::pipeline::Dialect;
use crate::scenario::trial::Trial;
use crate::sql::edit::with_options;
use crate::sql::flink::Statement;

/// A trial as it is submitted at certain places.
#[derive(Debug, Clone)]
pub(in crate::run) struct Effective {
    /// The author's connector file.
    pub(in crate::run) written: Mapped,
    /// The statements in open-source SQL.
    pub(in crate::run) translation: Translation,
    /// The connector.
    pub(in crate::run) connector: Connector,
    /// The statements with addresses and names of topics filled in.
    pub(in crate::run) statements: Statements,
    /// The source DDL.
    pub(in crate::run) source: source::Prepared,
}

impl Effective {
    /// The effective form of a trial. `sources` are the files that were read for it.
    pub(in crate::run) fn of(
        trial: &Trial,
        sources: &[(Utf8PathBuf, String)],
        places: &Places<'_>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let settings = &trial.settings;
        let dialect::Applied { connector: written, translation } =
            dialect::apply(&trial.pipeline, settings, sources)?;
        let mut connector =
            Connector::new(&written, &settings.connector, places.names, places.endpoints)
                .map_err(|problems| unnamed(trial, &problems))?;
        let of_the_worker = connector.of_the_worker(&settings.worker);
        connector.differences.extend(of_the_worker);
        // The dialect has applied the tables' options already.
        let of_tables = match trial.pipeline.dialect {
            Dialect::Flink => settings.tables.clone(),
            Dialect::Confluent => BTreeMap::new(),
        };
        let mut statements = statements::prepare(&translation, &of_tables, places)?;
        statements.differences.extend(session::differences(trial, places.names));
        if statements.reads_topic(&connector.routes.messages_routed()) {
            connector = connector.with_messages_apart(places.names);
        }
        let refused = unfit::refuse(trial, &statements);
        if !refused.is_empty() {
            return Err(refused);
        }
        let source = source::prepare(trial);
        Ok(Self { written, translation, connector, statements, source })
    }

    /// All that differs from the author's files, part by part.
    pub(in crate::run) fn differences(&self) -> Vec<Difference> {
        let mut all = self.source.differences.clone();
        all.extend(self.connector.differences.iter().cloned());
        all.extend(self.statements.differences.iter().cloned());
        all
    }
}

/// Topics whose names the connector's file does not tell.
fn unnamed(trial: &Trial, problems: &[String]) -> Vec<Diagnostic> {
    let file = trial.pipeline.connector.as_ref().map(|file| file.path.clone());
    let text = Text::whole(file.unwrap_or_else(|| "connector".into()), String::new());
    problems.iter().map(|problem| diagnose::at(PIPELINE, &text, problem)).collect()
}

/// What a run of the trial would submit otherwise than its files say, with words in the place of
/// the names and addresses that only a run has.
pub fn differences(
    trial: &Trial,
    sources: &[(Utf8PathBuf, String)],
) -> Result<Vec<Difference>, Vec<Diagnostic>> {
    let names = Names::shown().with(&trial.naming);
    let endpoints = Endpoints {
        postgres_host: "<host of the run's Postgres>".to_owned(),
        postgres_user: "<user of the run's Postgres>".to_owned(),
        postgres_password: Password("…".to_owned()),
        kafka: "<the run's broker>".to_owned(),
        registry: "<the run's registry>".to_owned(),
        ..Endpoints::default()
    };
    let files = Utf8Path::new("<the run's folder>");
    let places = Places { names: &names, endpoints: &endpoints, files };
    let effective = Effective::of(trial, sources, &places)?;
    let mut differences = effective.differences();
    let prepared = effective.statements.prepared.iter();
    for prepared in prepared.filter(|one| matches!(one.statement, Statement::CreateModel(_))) {
        let service =
            [("endpoint", "<the run's scoring service>"), ("api-key", "<a token of the run>")];
        let told = with_options(&prepared.submitted, service.map(|(key, to)| (key, Some(to))));
        differences.extend(own::model(&prepared.submitted, &told));
    }
    // A port is a number and cannot hold words.
    let ports = differences.iter_mut().filter(|one| one.key == "database.port");
    ports.for_each(|port| port.ours = Some("<port of the run's Postgres>".to_owned()));
    Ok(differences)
}
