//! What the source holds by the journal: compared with the source itself, and what the references
//! say over it.

use crate::capture::journal::Journal;
use crate::capture::recorder::Recorder;
use crate::capture::shadow::{Compared, Shadow};
use crate::client::postgres::Connection;
use crate::history::event::{Event, Reference, Side};
use crate::run::outcome::Stop;
use crate::run::prepare::Run;
use crate::run::start::coming::published;
use crate::run::start::jobs::Jobs;
use crate::run::start::source::Source;
use crate::run::start::stream::JOURNAL_LIMIT;

/// So often the source may have moved on before it is taken as it was seen last.
const LOOKS: usize = 20;

/// Brings the shadow up to the journal, compares it with the source, and runs the references.
pub(super) async fn evaluate(
    run: &Run<'_>,
    shadow: &mut Shadow,
    source: &Source,
    jobs: &Jobs,
    proof: u32,
) -> Result<(Vec<Event>, Vec<Reference>), Stop> {
    let mut sides = Sides {
        shadow,
        source: &source.database,
        journal: &source.capture.journal,
        recorder: &run.recorder,
    };
    sides.follow().await?;
    let compared = standing_still(&mut sides).await?;
    let captures = compared.into_iter().map(|compared| Event::Capture {
        proof,
        table: compared.table,
        source: compared.source,
        shadow: compared.shadow,
    });
    let tables = published(run, &source.database, &source.tables).await?;
    let publication = Event::Publication { proof, tables };
    let references = shadow.references(&jobs.sinks, proof, Side::Journal).await?;
    run.log("the references are computed");
    Ok((captures.chain([publication]).collect(), references))
}

/// Two sides that should be equal as soon as nobody writes.
trait Look {
    /// Compares them as they are now.
    async fn compare(&mut self) -> Result<Vec<Compared>, Stop>;
    /// Takes in what was committed until now; whether there was something.
    async fn catch_up(&mut self) -> Result<bool, Stop>;
}

struct Sides<'a> {
    shadow: &'a mut Shadow,
    source: &'a Connection,
    journal: &'a Journal,
    recorder: &'a Recorder,
}

impl Sides<'_> {
    async fn follow(&mut self) -> Result<bool, Stop> {
        Ok(self.shadow.follow(self.recorder).await?)
    }
}

impl Look for Sides<'_> {
    async fn compare(&mut self) -> Result<Vec<Compared>, Stop> {
        Ok(self.shadow.compare(self.source).await?)
    }

    async fn catch_up(&mut self) -> Result<bool, Stop> {
        self.journal.until_read(JOURNAL_LIMIT).await?;
        self.follow().await
    }
}

/// The comparison of two sides that stood still: one of them may be ahead of the other for a moment,
/// because the connector writes into a signal table whenever it likes. A difference counts only if
/// nothing was committed between two looks that both see it.
async fn standing_still(sides: &mut impl Look) -> Result<Vec<Compared>, Stop> {
    let mut compared = sides.compare().await?;
    for _ in 1..LOOKS {
        if compared.iter().all(|table| table.source == table.shadow) {
            break;
        }
        let moved = sides.catch_up().await?;
        compared = sides.compare().await?;
        if !moved {
            break;
        }
    }
    Ok(compared)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// Rows of the source and of the shadow at each look, and whether the journal moved before it.
    struct Script(Vec<(bool, u64, u64)>, usize);

    impl Look for Script {
        async fn compare(&mut self) -> Result<Vec<Compared>, Stop> {
            let (_, source, shadow) = self.0[self.1.min(self.0.len() - 1)];
            let digest = |rows: u64| (rows, format!("digest {rows}"));
            let (source, shadow) = (digest(source), digest(shadow));
            Ok(vec![Compared { table: "public.signals".to_owned(), source, shadow }])
        }

        async fn catch_up(&mut self) -> Result<bool, Stop> {
            self.1 += 1;
            Ok(self.0[self.1.min(self.0.len() - 1)].0)
        }
    }

    #[rstest]
    #[case::equal_at_once(&[(false, 1, 1)], 1, (1, 1))]
    #[case::the_connector_wrote_before_the_look(&[(false, 3, 1), (true, 3, 3)], 2, (3, 3))]
    #[case::it_writes_on(&[(false, 2, 1), (true, 3, 2), (true, 3, 3)], 3, (3, 3))]
    #[case::the_journal_is_ahead(&[(false, 1, 2), (false, 2, 2)], 2, (2, 2))]
    #[case::a_row_is_lost(&[(false, 3, 1), (false, 3, 1)], 2, (3, 1))]
    #[case::a_row_is_lost_while_others_come(
        &[(false, 3, 1), (true, 4, 3), (false, 4, 3)], 3, (4, 3))]
    #[case::nobody_ever_rests(&[(true, 3, 1)], LOOKS, (3, 1))]
    #[tokio::test]
    async fn a_difference_counts_where_nothing_moved(
        #[case] script: &[(bool, u64, u64)],
        #[case] looks: usize,
        #[case] (source, shadow): (u64, u64),
    ) {
        let mut script = Script(script.to_vec(), 0);
        let compared = standing_still(&mut script).await.expect("looks");
        assert_eq!(script.1 + 1, looks);
        assert_eq!((compared[0].source.0, compared[0].shadow.0), (source, shadow));
    }
}
