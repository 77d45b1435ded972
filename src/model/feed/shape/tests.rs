//! Tests of the chain of lists and transforms, over rows of one table.

use rstest::rstest;

use super::*;
use crate::base::value::Value;
use crate::codec::debezium::Encoding;
use crate::codec::types::DataType;
use crate::history::testing::text_table;

const OWN: &str = "org.apache.kafka.connect.transforms.";
const UNWRAP: &str = "io.debezium.transforms.ExtractNewRecordState";

/// Options of one a line, as `key=value`; transforms of Kafka's by the ends of their names.
fn options(written: &str) -> Options {
    let one = |line: &str| {
        let (key, value) = line.trim().split_once('=').unwrap();
        let is_type = key.rsplit('.').next() == Some("type") && !value.contains('.');
        let value = if is_type { format!("{OWN}{value}") } else { value.to_owned() };
        (key.to_owned(), value)
    };
    written.lines().filter(|line| !line.trim().is_empty()).map(one).collect()
}

fn table() -> Table {
    Table { key: vec!["id".to_owned()], ..text_table("people", &["id", "name", "2nd"]) }
}

fn shape(written: &str) -> Result<Shape, String> {
    let table = table();
    let shapes = Shapes::of(&options(written)).map_err(|problems| problems.join("; "))?;
    shapes.of_table(&table, &table.key)
}

fn unwrapped(rest: &str) -> String {
    format!("transforms=u,t\ntransforms.u.type={UNWRAP}\n{rest}")
}

/// A row as a record shows it, by its columns, and what does not hold what it should.
fn read(shape: &Shape, row: &str) -> (String, Vec<Odd>) {
    let mut odd = Vec::new();
    let row = shape.row(serde_json::from_str(row).unwrap(), &mut odd);
    let row = row.into_iter().map(|(name, raw)| format!("{name}={}", raw.get()));
    (row.collect::<Vec<_>>().join(" "), odd)
}

#[rstest]
#[case::whole(r#"{"id":1,"name":"x","_2nd":null}"#, Some(0))]
#[case::before_a_column_was_added(r#"{"id":1,"name":"x"}"#, Some(1))]
#[case::before_a_column_was_dropped(r#"{"id":1,"name":"x","_2nd":null,"more":1}"#, None)]
#[case::by_its_column(r#"{"id":1,"2nd":null}"#, None)]
fn a_row_fits_the_fields_that_its_table_had(#[case] row: &str, #[case] lacking: Option<usize>) {
    let shape = shape("field.name.adjustment.mode=avro").unwrap();
    assert_eq!(shape.lacking(&serde_json::from_str(row).unwrap()), lacking);
}

#[test]
fn without_options_rows_are_as_they_are() {
    let table = table();
    assert!(shape("").unwrap().is_plain(&table, &table.key));
    // With the envelope around them a transform does not reach the columns.
    let masked = shape("transforms=t\ntransforms.t.type=MaskField$Value\ntransforms.t.fields=name");
    assert!(masked.unwrap().is_plain(&table, &table.key));
}

#[rstest]
#[case::renamed(
    "transforms.t.type=ReplaceField$Value\ntransforms.t.renames=name:called,id:name",
    r#"{"name":1,"called":"x","2nd":null}"#,
    "2nd=null id=1 name=\"x\""
)]
#[case::not_renamed(
    "transforms.t.type=ReplaceField$Value\ntransforms.t.renames=name:called",
    r#"{"id":1,"name":"x","2nd":null}"#,
    "2nd=null id=1"
)]
#[case::put_in(
    "transforms.t.type=InsertField$Value\ntransforms.t.static.field=at!\ntransforms.t.static.value=here",
    r#"{"id":1,"name":"x","2nd":null,"at":"here"}"#,
    "2nd=null id=1 name=\"x\""
)]
#[case::left_out_and_there(
    "transforms.t.type=ReplaceField$Value\ntransforms.t.exclude=name",
    r#"{"id":1,"name":"x","2nd":null}"#,
    "2nd=null id=1 name=\"x\""
)]
fn rows_are_read_by_their_columns(#[case] rest: &str, #[case] row: &str, #[case] expected: &str) {
    let shape = shape(&unwrapped(rest)).unwrap();
    let (row, odd) = read(&shape, row);
    assert_eq!((row.as_str(), odd.is_empty()), (expected, true));
}

#[test]
fn what_a_transform_puts_in_is_looked_at() {
    let put = "transforms.t.type=InsertField$Value\ntransforms.t.static.field=at\ntransforms.t.static.value=here";
    let shape = shape(&unwrapped(put)).unwrap();
    let (_, odd) = read(&shape, r#"{"id":1,"name":"x","2nd":null,"at":"there"}"#);
    assert_eq!(odd, [("at".to_owned(), "here".to_owned(), Some("\"there\"".to_owned()))]);
    assert_eq!(read(&shape, r#"{"id":1}"#).1.len(), 1);
}

#[rstest]
#[case::excluded("column.exclude.list=public.people.NAME", &["2nd", "id"])]
#[case::included("column.include.list=public.people.(id|name), public.other.*", &["id", "name"])]
#[case::masked("column.mask.with.3.chars=.*name", &["2nd", "id", "name"])]
fn the_lists_say_which_columns_are_there(#[case] written: &str, #[case] expected: &[&str]) {
    let shape = shape(written).unwrap();
    let shown = shape.columns.keys().filter(|column| shape.has(column)).collect::<Vec<_>>();
    assert_eq!(shown, expected);
    assert_eq!(shape.key(), ["id"]);
}

#[rstest]
#[case("none", "2nd", "2nd")]
#[case("avro", "2nd", "_2nd")]
#[case("avro", "größe", "gr__e")]
#[case("avro_unicode", "2nd", "_u0032nd")]
#[case("avro_unicode", "a_b", "a_u005fb")]
#[case("avro_unicode", "größe", "gr_u00f6_u00dfe")]
#[case("avro", "a-b.c", "a_b_c")]
fn names_are_spelt_as_the_connector_spells_them(
    #[case] mode: &str,
    #[case] column: &str,
    #[case] field: &str,
) {
    let lists = Lists::of(&options(&format!("field.name.adjustment.mode={mode}"))).unwrap();
    assert_eq!(lists.field(column), field);
}

#[rstest]
#[case::of_values(
    "transforms.t.type=ValueToKey\ntransforms.t.fields=name,id",
    r#"{"name":"x","id":1}"#,
    "id=1 name=\"x\""
)]
#[case::bare("transforms.t.type=ExtractField$Key\ntransforms.t.field=id", "1", "id=1")]
#[case::hoisted(
    "transforms.t.type=HoistField$Key\ntransforms.t.field=k",
    r#"{"k":{"id":1}}"#,
    "id=1"
)]
#[case::cast("transforms.t.type=Cast$Key\ntransforms.t.spec=id:string", r#"{"id":"1"}"#, "id=1")]
#[case::behind_a_schema(
    "transforms.t.type=ExtractField$Key\ntransforms.t.field=id",
    r#"{"schema":{"type":"int32"},"payload":1}"#,
    "id=1"
)]
fn keys_are_read_by_their_columns(#[case] rest: &str, #[case] key: &str, #[case] expected: &str) {
    let rest = format!("transforms.u.delete.tombstone.handling.mode=rewrite\n{rest}");
    let shape = shape(&unwrapped(&rest)).unwrap();
    let row = shape.key_row(key.as_bytes(), &mut Vec::new()).unwrap().unwrap();
    let row = row.into_iter().map(|(name, raw)| format!("{name}={}", raw.get()));
    assert_eq!(row.collect::<Vec<_>>().join(" "), expected);
}

#[rstest]
#[case::unknown("transforms=t\ntransforms.t.type=x.Own", "what a Own does to records has no model")]
#[case::flat("transforms=t\ntransforms.t.type=Flatten$Value", "whose images are flattened")]
#[case::no_operation(
    "transforms=t\ntransforms.t.type=ReplaceField$Value\ntransforms.t.exclude=op",
    "without `op`"
)]
#[case::masked_source(
    "transforms=t\ntransforms.t.type=MaskField$Value\ntransforms.t.fields=source",
    "`source` is masked"
)]
#[case::a_key_of_an_envelope(
    "transforms=t\ntransforms.t.type=ValueToKey\ntransforms.t.fields=id",
    "no such fields"
)]
#[case::a_masked_key(
    "transforms=t\ntransforms.t.type=MaskField$Key\ntransforms.t.fields=id",
    "`id` is changed"
)]
#[case::a_hash("column.mask.hash.MD2.with.salt.x=.*name", "the algorithm MD2 has no model")]
#[case::two_cuts(
    "column.truncate.to.2.chars=.*name\ncolumn.truncate.to.3.chars=.*name",
    "two options map"
)]
#[case::a_dropped_mark(
    "transforms=u,t\ntransforms.u.type=io.debezium.transforms.ExtractNewRecordState\ntransforms.u.delete.tombstone.handling.mode=rewrite\n\
     transforms.t.type=ReplaceField$Value\ntransforms.t.exclude=__deleted",
    "not marked"
)]
fn what_has_no_model_is_told(#[case] written: &str, #[case] told: &str) {
    let problem = shape(written).unwrap_err();
    assert!(problem.contains(told), "{problem}");
}

#[rstest]
#[case::by_topic(r"cdc\.public\.people", "false", true)]
#[case::not_by_topic(r"cdc\.public\.others", "false", false)]
#[case::by_another_topic(r"cdc\.public\.others", "true", true)]
fn a_transform_is_for_the_topics_of_its_predicate(
    #[case] pattern: &str,
    #[case] negate: &str,
    #[case] applies: bool,
) {
    let rest = format!(
        "transforms.t.type=ReplaceField$Value\ntransforms.t.exclude=name\ntransforms.t.predicate=p\n\
         transforms.t.negate={negate}\npredicates=p\npredicates.p.pattern={pattern}\n\
         predicates.p.type={OWN}predicates.TopicNameMatches"
    );
    assert_eq!(!shape(&unwrapped(&rest)).unwrap().has("name"), applies);
}

fn encoding() -> Encoding {
    Encoding::of(&options("decimal.handling.mode=string")).unwrap()
}

fn form(steps: &[Step], text: &str, kind: &str) -> String {
    let kind = DataType::postgres(kind);
    let value = encoding().expected(text, &kind).unwrap();
    step::shown(steps, (&value, Some(text)), &kind, &encoding()).text()
}

#[rstest]
#[case::cut(Step::Cut(3), "äöüß", "text", "äöü")]
#[case::cut_as_java_counts(Step::Cut(2), "𝄞x", "text", "𝄞")]
#[case::masked(Step::Mask(None), "x", "text", "")]
#[case::masked_with(Step::Mask(Some("**".to_owned())), "x", "text", "**")]
#[case::masked_number(Step::Mask(None), "5", "integer", "0")]
#[case::masked_number_with(Step::Mask(Some("7".to_owned())), "5", "integer", "7")]
#[case::masked_decimal(Step::Mask(Some("7".to_owned())), "5.50", "numeric(6,2)", "7")]
#[case::masked_truth(Step::Mask(None), "t", "boolean", "false")]
#[case::text_of_a_number(Step::Cast(Cast::Text), "5", "integer", "5")]
#[case::text_of_a_decimal(Step::Cast(Cast::Text), "5.50", "numeric(6,2)", "5.50")]
#[case::number_of_a_text(Step::Cast(Cast::Whole(32)), "-5", "text", "-5")]
#[case::too_large_a_number(Step::Cast(Cast::Whole(8)), "200", "integer", "-56")]
#[case::truth_of_a_number(Step::Cast(Cast::Bool), "2", "integer", "true")]
#[case::number_of_a_truth(Step::Cast(Cast::Whole(8)), "t", "boolean", "1")]
#[case::no_number(Step::Cast(Cast::Whole(32)), "x", "text", "?")]
fn values_become_what_the_transforms_make_of_them(
    #[case] step: Step,
    #[case] text: &str,
    #[case] kind: &str,
    #[case] expected: &str,
) {
    assert_eq!(form(&[step], text, kind), expected);
}

#[test]
fn a_null_stays_one_unless_it_is_shown_as_a_text() {
    let kind = DataType::postgres("text");
    let of = |step| step::shown(&[step], (&Value::Null, None), &kind, &encoding()).text();
    assert_eq!(of(Step::Mask(Some("x".to_owned()))), "NULL");
    assert_eq!(of(Step::Shown("***".to_owned())), "***");
}

/// The digests are those of `sha256sum`, of the salt and then the text, or what Java writes of it.
#[rstest]
#[case(true, "43e65e7f7ea7c28977d9a35c20b581e4ef68c04bb062306cce46e9b51a88910a")]
#[case(false, "62e17d3bc3ebca91f7caca78fb613cfef1fef504b1583f3c04bec75d644ad605")]
fn a_hash_is_that_of_its_salt_and_text(#[case] is_plain: bool, #[case] digest: &str) {
    let hash = step::Hash::of("SHA-256", "salt", is_plain).unwrap();
    assert_eq!(form(&[Step::Hash(hash.clone(), None)], "ann", "text"), digest);
    assert_eq!(form(&[Step::Hash(hash, Some(8))], "ann", "text"), digest[..8]);
}

#[test]
fn transforms_that_do_nothing_or_fail_are_known() {
    let remarks = |written: &str| {
        let table = table();
        Shapes::of(&options(written)).unwrap().remarks(&table, &table.key)
    };
    let mask = "transforms=t\ntransforms.t.type=MaskField$Value\ntransforms.t.fields=name";
    let in_envelope = remarks(mask);
    assert_eq!((in_envelope.idle.len(), in_envelope.failing.len()), (1, 1));
    let mask = "transforms.t.type=MaskField$Value\ntransforms.t.fields=name";
    let in_rows = remarks(&unwrapped(mask));
    assert_eq!((in_rows.idle.len(), in_rows.failing.len()), (0, 1));
    let rewrite = "transforms.u.delete.tombstone.handling.mode=rewrite";
    assert_eq!(remarks(&unwrapped(&format!("{rewrite}\n{mask}"))), Remarks::default());
}
