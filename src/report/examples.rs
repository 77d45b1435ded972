//! Hand-made verdicts for the tests of every form of report.

use std::collections::BTreeMap;

use super::Case;
use crate::base::anomaly::Anomaly;
use crate::base::difference;
use crate::base::exit::Exit;
use crate::base::position::{Lsn, Position, RecordPosition, Xid};
use crate::base::text::Place;
use crate::check::verdict::{
    Difference, Finding, Gap, Invalid, Judged, Outcome, Seen, Status, Unmet, Verdict,
};
use crate::history::event::{FORMAT, Header};
use crate::scenario::pipeline::{Dialect, Pipeline};
use crate::scenario::settings::Cell;
use crate::scenario::trial::Trial;

pub(super) fn header() -> Header {
    let pipeline = Pipeline {
        file: Some("flink-sql/card_tx_oss/pipeline.yaml".into()),
        source: Vec::new(),
        left_out: Vec::new(),
        connectors: Vec::new(),
        outbox: BTreeMap::new(),
        topics: BTreeMap::new(),
        format: None,
        dialect: Dialect::Flink,
        statements: Vec::new(),
        sinks: BTreeMap::new(),
    };
    let title = "A transaction that completes leaves the pending table";
    let trial = Trial {
        covers: vec!["SNK-05".to_owned()],
        cell: Cell(vec![("partitions".to_owned(), "3".to_owned())]),
        seed: 7,
        ..Trial::idle("card_tx/pending-to-completed", title, pipeline)
    };
    Header {
        format: FORMAT,
        changeproof: "0.1.0".to_owned(),
        run: "20260115-101112-pending-to-completed".to_owned(),
        trial,
        stack: "local".to_owned(),
        versions: BTreeMap::from([("flink".to_owned(), "2.2.0".to_owned())]),
        command: "changeproof run scenarios/card_tx/pending-to-completed.yaml --cell partitions=3 \
                  --seed 7"
            .to_owned(),
    }
}

pub(super) fn case<'a>(header: &'a Header, verdict: &'a Verdict) -> Case<'a> {
    let folder = ".changeproof/runs/20260115-101112-pending-to-completed".into();
    Case { elapsed_ms: Some(934), ..Case::recorded(header, verdict, Some(folder)) }
}

pub(super) fn pass() -> Verdict {
    Verdict {
        outcome: Outcome::Pass,
        control: false,
        proof: None,
        invalid: None,
        findings: Vec::new(),
        unmet: Vec::new(),
        gaps: Vec::new(),
        not_judged: vec!["sink `raw`: the pipeline says `unjudged`".to_owned()],
        warnings: Vec::new(),
        differences: differences(),
        figures: BTreeMap::from([("changes".to_owned(), 4), ("records".to_owned(), 5)]),
    }
}

pub(super) fn differences() -> Vec<difference::Difference> {
    let at = |line, column| Place { file: "connector.json".into(), line, column };
    let difference = difference::Difference::new;
    vec![
        difference("connector", "tasks.max", "the connector has one task")
            .theirs("4")
            .ours("1")
            .at(at(3, 5)),
        difference("connector", "database.password", "the database is the run's").theirs("…"),
        difference("source", "OWNER TO app", "there is no such role").theirs("OWNER TO app"),
    ]
}

pub(super) fn control() -> Verdict {
    let judged = |key: &str| Judged {
        finding: Finding { key: Some(key.to_owned()), ..ghost() },
        status: Status::Demanded,
    };
    Verdict { control: true, findings: vec![judged("t1"), judged("t2")], ..pass() }
}

pub(super) fn fail() -> Verdict {
    let also = Finding {
        anomaly: Anomaly::DivergedSink,
        place: "txp_fct_hourly_tx_metrics".to_owned(),
        key: Some("ACC1,2025-01-01 10:00:00".to_owned()),
        sentence: "total is 15.00 where the reference has 5.00".to_owned(),
        difference: Vec::new(),
        life: Vec::new(),
        ..ghost()
    };
    let witness = Finding {
        anomaly: Anomaly::LsnInversion,
        place: "transactions".to_owned(),
        key: None,
        sentence: "xid 731 committed before xid 730".to_owned(),
        ..also.clone()
    };
    Verdict {
        outcome: Outcome::Fail,
        findings: vec![
            Judged { finding: ghost(), status: Status::Failing },
            Judged { finding: also, status: Status::Failing },
            Judged { finding: witness, status: Status::Witness },
        ],
        unmet: vec![Unmet {
            demand: "rows".to_owned(),
            at: Some("scenarios/card_tx/pending-to-completed.yaml:19:5".to_owned()),
            sentence: "the rows of src_txp_transaction differ".to_owned(),
            difference: vec![Difference {
                column: Some("status".to_owned()),
                expected: Some("COMPLETED".to_owned()),
                captured: None,
            }],
        }],
        ..pass()
    }
}

pub(super) fn unknown() -> Verdict {
    Verdict {
        outcome: Outcome::Unknown,
        gaps: vec![Gap {
            what: "whether src_txp_pending_transaction agrees with its reference".to_owned(),
            missing: "it never held a row; nothing in the timeline reaches it".to_owned(),
        }],
        ..pass()
    }
}

pub(super) fn invalid() -> Verdict {
    let sentence = "the shadow of `customers` differs from the table: 3 rows against 2";
    Verdict {
        outcome: Outcome::Invalid,
        invalid: Some(Invalid { exit: Exit::CaptureBroken, sentence: sentence.to_owned() }),
        ..pass()
    }
}

fn ghost() -> Finding {
    let journal = |lsn, xid, event: &str, row: &str| Seen {
        hop: "journal".to_owned(),
        commit: Some(Lsn(lsn + 0x100)),
        lsn: Some(Lsn(lsn)),
        xid: Some(Xid(xid)),
        record: None,
        event: event.to_owned(),
        row: row.to_owned(),
        marked: false,
    };
    let record = |topic: &str, offset, event: &str, row: &str| Seen {
        hop: topic.to_owned(),
        commit: None,
        lsn: None,
        xid: None,
        record: Some(RecordPosition { topic: topic.to_owned(), partition: 1, offset, file: None }),
        event: event.to_owned(),
        row: row.to_owned(),
        marked: false,
    };
    let topic = "card-tx.public.transactions";
    let pending = "src_txp_pending_transaction";
    let carried = |lsn, xid, seen: Seen| Seen { lsn: Some(Lsn(lsn)), xid: Some(Xid(xid)), ..seen };
    let (born, completed) = ("t1 | ACC1 | 10.00 | PENDING", "t1 | ACC1 | 10.00 | COMPLETED");
    Finding {
        anomaly: Anomaly::GhostRow,
        place: pending.to_owned(),
        key: Some("t1".to_owned()),
        sentence: "row t1 is still in src_txp_pending_transaction; Postgres has no such row since \
                   xid 731"
            .to_owned(),
        record: Some(RecordPosition {
            topic: pending.to_owned(),
            partition: 1,
            offset: 0,
            file: None,
        }),
        position: Some(Position { commit: Lsn(0x16B_3848), index: 0 }),
        first_hop: Some("card-tx.public.transactions → src_txp_pending_transaction".to_owned()),
        proof: None,
        statement: Some("flink-sql/card_tx/pending.sql:3:13".to_owned()),
        difference: vec![Difference {
            column: None,
            expected: None,
            captured: Some("t1 | ACC1 | 10.00 | PENDING".to_owned()),
        }],
        life: vec![
            journal(0x16B_3600, 730, "insert", born),
            journal(0x16B_3748, 731, "update", completed),
            carried(0x16B_3600, 730, record(topic, 0, "c", born)),
            carried(0x16B_3748, 731, record(topic, 1, "u", completed)),
            Seen { marked: true, ..record(pending, 0, "+U", born) },
        ],
    }
}
