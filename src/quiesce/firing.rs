//! Where the windows of a sink fire, in the graph of its job.
//!
//! A window fires by the input watermark of its own operator. What stands behind that operator (a join
//! with a table, a lookup, a union) gives rows on as they come, and its own watermark decides nothing:
//! beside a table without a watermark it never leaves its start.
//!
//! Operators go by the names that Flink's planner gives them (`GlobalWindowAggregate[7]`), in the names
//! of vertices.

use std::collections::BTreeMap;

use super::job::{Delivered, Watched};
use super::watermark::Place;
use crate::client::metric;
use crate::history::event::Zoned;

/// A watermark that a place has come to for sure, and at most.
pub(super) type Span = (Option<i64>, Option<i64>);

/// Operators that hold rows back until their input watermark has passed a time.
const HOLDING: &[&str] = &[
    "GlobalWindowAggregate",
    "WindowAggregate",
    "WindowJoin",
    "WindowRank",
    "WindowDeduplicate",
    "GroupWindowAggregate",
    "GroupWindowTableAggregate",
    "PythonGroupWindowAggregate",
    "TemporalJoin",
    "OverAggregate",
    "TemporalSort",
    "Match",
];

/// Operators that may write a row of a window again, because of other rows.
const REWORKING: &[&str] = &[
    "GroupAggregate",
    "GlobalGroupAggregate",
    "IncrementalGroupAggregate",
    "GroupTableAggregate",
    "Rank",
    "Limit",
    "SortLimit",
    "Deduplicate",
];

/// A vertex, with the names of its operators.
#[derive(Debug, Clone, Default)]
pub(super) struct Vertex {
    /// As Flink shows it.
    pub(super) name: String,
    /// The vertices it reads from.
    pub(super) place: Place,
}

/// What is known of the windows that come out of a place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Firing {
    /// The watermark by which they have fired for sure.
    pub(super) least: Option<i64>,
    /// That by which they may have fired.
    pub(super) most: Option<i64>,
    /// The operators that fire them, as their vertices are called; none where they have fired in
    /// statements before.
    pub(super) at: Vec<String>,
    /// The sources whose rows the windows are made of.
    pub(super) of: Vec<String>,
    /// The sources whose rows are windows already.
    pub(super) through: Vec<String>,
    /// The sources that reach the place beside the windows.
    pub(super) beside: Vec<String>,
    /// A row may be written again, because of other rows than those of its window.
    pub(super) reworked: bool,
    /// The time zone of its statement, where it is not UTC.
    pub(super) zoned: Option<Zoned>,
}

/// The windows that a topic holds.
#[derive(Debug, Clone)]
pub(super) struct Held {
    /// The watermark by which they have fired.
    pub(super) span: Span,
    /// The time zone of their statement, where it is not UTC.
    pub(super) zoned: Option<Zoned>,
}

/// A job's graph, for windows.
#[derive(Debug)]
pub(super) struct Graph<'a> {
    /// By id.
    pub(super) vertices: &'a BTreeMap<String, Vertex>,
    /// What input watermark each vertex has come to for sure, and at most.
    pub(super) watermarks: &'a BTreeMap<String, Span>,
    /// The source vertices that read windows, as the statements before have fired them.
    pub(super) windows: &'a BTreeMap<String, Span>,
}

impl Graph<'_> {
    /// How windows reach a vertex; `None` if there are none.
    pub(super) fn at(&self, id: &str) -> Option<Firing> {
        if let Some((least, most)) = self.windows.get(id) {
            let through = vec![id.to_owned()];
            let (least, most) = (*least, *most);
            let reworked = self.is_reworked(id);
            return Some(Firing { least, most, through, reworked, ..Firing::default() });
        }
        let vertex = self.vertices.get(id)?;
        if operators(&vertex.name).any(|name| HOLDING.contains(&name)) {
            let (least, most) = self.watermarks.get(id).copied().unwrap_or_default();
            let (at, of) = (vec![vertex.name.clone()], self.sources(id));
            let reworked = self.is_reworked(id);
            return Some(Firing { least, most, at, of, reworked, ..Firing::default() });
        }
        // A job's graph has no cycle, so this ends.
        let inputs = || vertex.place.inputs.iter().map(|from| (from, self.at(from)));
        let mut firing = inputs().filter_map(|(_, firing)| firing).reduce(Firing::beside)?;
        let plain = inputs().filter(|(_, firing)| firing.is_none()).map(|(from, _)| from);
        let plain = plain.flat_map(|from| self.sources(from)).collect::<Vec<_>>();
        let joins = operators(&vertex.name).any(|name| name.ends_with("Join"));
        if !plain.is_empty() && !joins {
            // Rows of a union that are no windows wait for nothing.
            firing.most = Some(i64::MAX);
        }
        firing.reworked |= self.is_reworked(id) || joins && vertex.place.inputs.len() > 1;
        firing.beside.extend(plain);
        Some(firing)
    }

    fn is_reworked(&self, id: &str) -> bool {
        let name = self.vertices.get(id).map_or("", |vertex| vertex.name.as_str());
        operators(name).any(|name| REWORKING.contains(&name))
    }

    /// The vertices without an input that a vertex reads from, itself one of them if it has none.
    fn sources(&self, id: &str) -> Vec<String> {
        let inputs = self.vertices.get(id).map_or(&[][..], |vertex| &vertex.place.inputs);
        if inputs.is_empty() {
            return vec![id.to_owned()];
        }
        inputs.iter().flat_map(|from| self.sources(from)).collect()
    }
}

impl Firing {
    /// The windows of two ways that come together.
    pub(super) fn beside(mut self, other: Self) -> Self {
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
        self.at.extend(other.at);
        self.of.extend(other.of);
        self.through.extend(other.through);
        self.beside.extend(other.beside);
        self.reworked |= other.reworked;
        self
    }
}

impl Watched<'_> {
    /// How windows reach the sinks that the job writes. `windows` are the topics that hold windows of
    /// the statements before, with their watermarks.
    pub(super) fn firings(
        &self,
        delivered: &Delivered,
        windows: &BTreeMap<String, Held>,
    ) -> Vec<(String, Firing)> {
        let sources = self.sources();
        let topics = |id: &String| {
            let reads = sources.iter().filter(|source| source.vertex.id == *id);
            let topics = reads.flat_map(|source| &source.reads).map(|read| read.topic.clone());
            topics.collect::<Vec<_>>()
        };
        let passed = |id: &String| {
            let known = topics(id).into_iter().filter_map(|topic| windows.get(&topic));
            known.map(|held| held.span).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
        };
        let mut places = self.places();
        let vertices = self.graph.vertices.iter().map(|vertex| {
            let place = places.remove(&vertex.id).unwrap_or_default();
            (vertex.id.clone(), Vertex { name: vertex.name.clone(), place })
        });
        let vertices = vertices.collect::<BTreeMap<_, _>>();
        let spans = vertices.keys().filter_map(|id| Some((id.clone(), passed(id)?))).collect();
        let graph = Graph { vertices: &vertices, watermarks: &delivered.inputs, windows: &spans };
        let mut found = Vec::new();
        for sink in &self.job.sinks {
            let writers = vertices.iter().filter(|(_, it)| metric::writes(&it.name, &sink.sink));
            let firings = writers.filter_map(|(id, _)| graph.at(id));
            let Some(mut firing) = firings.reduce(Firing::beside) else { continue };
            for places in [&mut firing.of, &mut firing.through, &mut firing.beside] {
                places.sort();
                places.dedup();
                *places = places.iter().flat_map(&topics).collect();
            }
            let of = self.job.reads.iter().filter(|read| firing.of.contains(&read.topic));
            let mut passed = firing.through.iter().filter_map(|topic| windows.get(topic));
            let mut zones = of.filter_map(|read| read.zoned.clone());
            firing.zoned = zones.next().or_else(|| passed.find_map(|held| held.zoned.clone()));
            found.push((sink.sink.clone(), firing));
        }
        found
    }

    /// The input watermark of the task that writes a sink.
    pub(super) fn at_writer(&self, delivered: &Delivered, sink: &str) -> Span {
        let writers = self.graph.vertices.iter().filter(|it| metric::writes(&it.name, sink));
        let mut seen = writers.filter_map(|vertex| delivered.inputs.get(&vertex.id).copied());
        seen.next_back().unwrap_or_default()
    }
}

/// The names of a vertex's operators: `Source: t[1] -> Calc[2] -> GlobalWindowAggregate(…)[3]`.
fn operators(vertex: &str) -> impl Iterator<Item = &str> {
    let words = vertex.split([' ', '(', ')', ',']).scan(false, |after_source, word| {
        let is_table = std::mem::replace(after_source, word == "Source:");
        Some(if is_table { "" } else { word })
    });
    words.map(|word| word.split_once('[').map_or(word, |(name, _)| name))
}

/// Whether a vertex holds an operator that fires windows.
pub(super) fn fires(vertex: &str) -> bool {
    operators(vertex).any(|name| HOLDING.contains(&name))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn graph(vertices: &[(&str, &str, &[&str])]) -> BTreeMap<String, Vertex> {
        let vertex = |(id, name, inputs): &(&str, &str, &[&str])| {
            let inputs = inputs.iter().map(|&input| input.to_owned()).collect();
            let place = Place { inputs, delays: false };
            ((*id).to_owned(), Vertex { name: (*name).to_owned(), place })
        };
        vertices.iter().map(vertex).collect()
    }

    fn at(
        vertices: &[(&str, &str, &[&str])],
        watermarks: &[(&str, i64)],
        windows: &[(&str, i64)],
    ) -> Option<Firing> {
        let known = |(id, at): &(&str, i64)| ((*id).to_owned(), (Some(*at), Some(*at)));
        let watermarks = watermarks.iter().map(known).collect();
        let windows = windows.iter().map(known).collect();
        let vertices = graph(vertices);
        Graph { vertices: &vertices, watermarks: &watermarks, windows: &windows }.at("sink")
    }

    const SALES: (&str, &str, &[&str]) =
        ("sales", "Source: sales[1] -> Calc[2] -> LocalWindowAggregate[3]", &[]);
    const WINDOW: (&str, &str, &[&str]) =
        ("window", "GlobalWindowAggregate[4] -> Calc[5]", &["sales"]);
    const SHOPS: (&str, &str, &[&str]) = ("shops", "Source: shops[6]", &[]);
    const WRITER: &str = "Calc[8] -> totals[9]: Writer -> totals[9]: Committer";

    #[test]
    fn a_window_fires_by_the_watermark_of_its_own_operator() {
        let writer = ("sink", "GlobalWindowAggregate[4] -> totals[9]: Writer", &["sales"][..]);
        let found = at(&[SALES, writer], &[("sink", 7)], &[]).unwrap();
        assert_eq!((found.least, found.most, found.reworked), (Some(7), Some(7), false));
        assert_eq!((found.at.len(), found.beside), (1, vec![]));
    }

    #[rstest]
    #[case::joined("Join[7] -> ", Some(7), true)]
    #[case::united("", Some(i64::MAX), false)]
    fn what_comes_beside_the_windows_holds_none_of_them_back(
        #[case] operator: &str,
        #[case] most: Option<i64>,
        #[case] reworked: bool,
    ) {
        let name = format!("{operator}{WRITER}");
        let writer = ("sink", name.as_str(), &["window", "shops"][..]);
        let found = at(&[SALES, WINDOW, SHOPS, writer], &[("window", 7)], &[]).unwrap();
        assert_eq!((found.least, found.most, found.reworked), (Some(7), most, reworked));
        assert_eq!(found.beside, ["shops"]);
    }

    #[test]
    fn the_windows_of_a_union_fire_each_by_their_own_watermark() {
        let other = ("other", "WindowAggregate[12]", &["shops"][..]);
        let writer = ("sink", WRITER, &["window", "other"][..]);
        let vertices = [SALES, WINDOW, SHOPS, other, writer];
        let found = at(&vertices, &[("window", 7), ("other", 3)], &[]).unwrap();
        assert_eq!((found.least, found.most, found.beside), (Some(3), Some(7), vec![]));
    }

    #[test]
    fn a_statement_that_reads_windows_passes_them_on() {
        let writer = ("sink", "Source: totals[1] -> Calc[2] -> big[3]: Writer", &[][..]);
        let found = at(&[writer], &[], &[("sink", 5)]).unwrap();
        assert_eq!((found.least, found.through), (Some(5), vec!["sink".to_owned()]));
        assert_eq!(at(&[writer], &[], &[]), None);
    }

    #[test]
    fn windows_of_windows_fire_by_the_later_operator() {
        let writer = ("sink", "GlobalWindowAggregate[14] -> totals[9]: Writer", &["window"][..]);
        let found = at(&[SALES, WINDOW, writer], &[("window", 7), ("sink", 4)], &[]).unwrap();
        assert_eq!((found.least, found.most), (Some(4), Some(4)));
    }

    #[rstest]
    #[case::of_rows("GroupAggregate[7] -> totals[9]: Writer", true)]
    #[case::none("Calc[7] -> totals[9]: Writer", false)]
    #[case::a_table_of_that_name("Source: Rank[1] -> totals[9]: Writer", false)]
    fn an_aggregation_of_windows_writes_rows_again(#[case] name: &str, #[case] reworked: bool) {
        let writer = ("sink", name, &["window"][..]);
        let found = at(&[SALES, WINDOW, writer], &[("window", 7)], &[]).unwrap();
        assert_eq!(found.reworked, reworked);
    }

    #[rstest]
    #[case("Source: t[1] -> LocalWindowAggregate[2]", false)]
    #[case("GlobalWindowAggregate[2] -> Calc[3]", true)]
    #[case("GroupWindowAggregate(groupBy=[a], window=[TumblingGroupWindow(w, ts)])", true)]
    #[case("Source: WindowAggregate[1] -> Calc[2]", false)]
    fn a_vertex_fires_windows_by_the_names_of_its_operators(
        #[case] vertex: &str,
        #[case] expected: bool,
    ) {
        assert_eq!(fires(vertex), expected);
    }
}
