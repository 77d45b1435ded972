//! What the source operators gave on, where a format leaves out what it cannot read.
//!
//! `numRecordsOut` counts rows. It is read only after the sources have delivered everything, a
//! checkpoint that was triggered after that has completed, and the JobManager has fetched metrics
//! since: then it does not grow any more.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Unproven;
use super::job::Watched;
use crate::client::flink::FlinkError;
use crate::client::jobs::fetched_anew;
use crate::client::metric;
use crate::history::event::Reading;

impl Watched<'_> {
    /// The readings of a job's lenient tables, with the topics' names on the broker; to be asked for
    /// once its checkpoint has completed.
    pub(super) async fn readings(&self, limit: Duration) -> Result<Vec<Reading>, Unproven> {
        let broken = |error: FlinkError| Unproven::broken(&error);
        let lenient = self.job.reads.iter().filter(|read| read.lenient.is_some());
        let tables = lenient.map(|read| read.table.as_str()).collect::<BTreeSet<_>>();
        if tables.is_empty() {
            return Ok(Vec::new());
        }
        fetched_anew(&self.flink, limit).await.map_err(|error| Unproven::broken(&error))?;
        let mut readings = Vec::new();
        for table in tables {
            let reads = self.job.reads.iter().filter(|read| read.table == table);
            let reads = reads.collect::<Vec<_>>();
            let Some(how) = reads.iter().find_map(|read| read.lenient.as_ref()) else { continue };
            // A task that was started again counts from zero.
            let counts = how.whole && !self.is_restored();
            let rows = if counts { self.rows_of(table).await.map_err(broken)? } else { None };
            readings.push(Reading {
                table: table.to_owned(),
                topics: reads.iter().map(|read| read.topic.clone()).collect(),
                format: how.format.clone(),
                schema_include: Some(how.schema_include),
                mode: how.mode,
                rows,
            });
        }
        Ok(readings)
    }

    /// The rows that the source operators of a table gave on.
    async fn rows_of(&self, table: &str) -> Result<Option<u64>, FlinkError> {
        let mut rows = None;
        let vertices = self.graph.vertices.iter();
        for vertex in vertices.filter(|vertex| metric::source_table(&vertex.name) == Some(table)) {
            let prefix = metric::sanitised(&format!("Source: {table}["));
            let mut names = self.flink.metric_names(&self.graph.id, &vertex.id).await?;
            names.retain(|name| {
                metric::rows_given_on(name).is_some_and(|operator| operator.starts_with(&prefix))
            });
            for value in self.flink.metrics(&self.graph.id, &vertex.id, &names).await?.values() {
                let counted = value.parse::<u64>().ok();
                rows = counted.map(|n| rows.unwrap_or_default() + n).or(rows);
            }
        }
        Ok(rows)
    }
}
