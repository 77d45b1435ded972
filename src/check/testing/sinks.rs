//! What the sink of a scene writes: row kinds, files, several partitions.

use serde_json::json;

use super::{SINK, Scene, Total, text};
use crate::history::event::{Event, JobProof};
use crate::history::files::{DataFile, Holds};

impl Scene {
    /// The sink writes that a row comes, or goes.
    pub(in crate::check) fn writes(&mut self, op: &str, total: Total<'_>) {
        self.writes_on(0, op, total);
    }

    /// The same, on a partition of a sink that has several.
    pub(in crate::check) fn writes_on(
        &mut self,
        partition: usize,
        op: &str,
        (account, end, total): Total<'_>,
    ) {
        let row = json!({"account": account, "window_end": text(end), "total": total});
        let (before, after) = if op == "c" { (None, Some(row)) } else { (Some(row), None) };
        let value = json!({"before": before, "after": after, "op": op});
        self.record(SINK, partition, None, Some(value.to_string()));
    }

    /// The topic of the sink has so many partitions.
    pub(in crate::check) fn spread(&mut self, partitions: usize) {
        self.n_files = partitions;
        for event in &mut self.events {
            if let Event::Topics { topics } = event {
                let sinks = topics.iter_mut().filter(|topic| topic.name == SINK);
                sinks.for_each(|sink| sink.partitions = i32::try_from(partitions).unwrap());
            }
        }
    }

    /// The file of the sink that was committed last is of a partition.
    pub(in crate::check) fn parted(&mut self, partition: &str) {
        let files = self.events.iter_mut().rev();
        let mut files = files.filter_map(|event| match event {
            Event::File(file) => Some(file),
            _ => None,
        });
        files.next().expect("a file").partition = Some(partition.to_owned());
    }

    /// Two statements write the sink, each with a proof of its own.
    pub(in crate::check) fn job(&mut self, name: &str) {
        let proofs = self.events.iter_mut().rev();
        let mut proofs = proofs.filter_map(|event| match event {
            Event::Proof(proof) => Some(proof),
            _ => None,
        });
        let proof = proofs.next().expect("a proof");
        let first = proof.jobs.first().expect("a job").clone();
        proof.jobs.push(JobProof { job: name.to_owned(), ..first });
    }

    /// A file of the sink is committed with these rows, each a JSON object; gives its name.
    pub(in crate::check) fn file(
        &mut self,
        (holds, commit): (Holds, i64),
        rows: &[String],
    ) -> String {
        let number = self.events.iter().filter(|event| matches!(event, Event::File(_))).count();
        self.n_files = number + 1;
        let name = format!("data/{number}.parquet");
        self.events.push(Event::File(DataFile {
            topic: SINK.to_owned(),
            number: i32::try_from(number).unwrap(),
            name: name.clone(),
            holds,
            commit,
            partition: None,
            rows: i64::try_from(rows.len()).unwrap(),
        }));
        for row in rows {
            self.record(SINK, number, None, Some(row.clone()));
        }
        name
    }
}
