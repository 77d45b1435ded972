//! How a sink is written: what stands in the keys of its records, and by which statements.

use crate::base::text::Place;
use crate::history::written::RecordKey;
use crate::run::prepare::Run;
use crate::run::prepare::table::TopicTable;

/// The key of a table's records, of a table with this primary key.
pub(in crate::run) fn key(table: &TopicTable, primary_key: &[String]) -> Option<RecordKey> {
    let with = table.create.with.as_ref().filter(|_| table.kept.is_topic())?;
    let format = with.get("key.format")?.to_owned();
    let columns = match with.get("key.fields") {
        Some(fields) => fields.split(';').map(|name| name.trim().to_owned()).collect(),
        None => primary_key.to_vec(),
    };
    let is = |key: &str, value: &str| {
        with.get(key).is_some_and(|set| set.replace('-', "_").eq_ignore_ascii_case(value))
    };
    let charset = with.get("key.raw.charset");
    Some(RecordKey {
        columns,
        prefix: with.get("key.fields-prefix").unwrap_or_default().to_owned(),
        format,
        little_endian: is("key.raw.endianness", "little_endian"),
        charset: charset.filter(|set| !set.eq_ignore_ascii_case("UTF-8")).map(ToOwned::to_owned),
        in_value: !is("value.fields-include", "except_key"),
    })
}

/// Where a statement writes a sink.
pub(in crate::run) fn at(run: &Run<'_>, statement: usize, sink: &str) -> Option<Place> {
    places(run, statement, sink).next()
}

/// Where the statements stand that write a sink besides the first that does.
pub(in crate::run) fn also_by(run: &Run<'_>, submitted: &[usize], sink: &str) -> Vec<Place> {
    submitted.iter().flat_map(|n| places(run, *n, sink)).skip(1).collect()
}

fn places<'r>(
    run: &'r Run<'_>,
    statement: usize,
    sink: &'r str,
) -> impl Iterator<Item = Place> + 'r {
    let prepared = run.effective.statements.prepared.get(statement);
    prepared.into_iter().flat_map(move |prepared| {
        let inserts = prepared.statement.inserts().iter();
        let own = inserts.filter(move |insert| insert.target.table() == sink);
        own.map(|insert| prepared.written.place(insert.span.start))
    })
}
