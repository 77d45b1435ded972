//! `CREATE TABLE … LIKE other`: what the new table has of the other one.

use super::{ColumnKind, CreateTable, WithOption};

/// What is taken of one part of the other table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// All; the same in both is an error.
    Including,
    /// Nothing.
    Excluding,
    /// All but what the new table says itself.
    Overwriting,
}

/// How a `LIKE` takes over each part.
struct Likes {
    constraints: Taken,
    generated: Taken,
    metadata: Taken,
    options: Taken,
    watermarks: Taken,
}

impl Likes {
    fn of(create: &CreateTable) -> Self {
        let mut likes = Self {
            constraints: Taken::Including,
            generated: Taken::Including,
            metadata: Taken::Including,
            options: Taken::Overwriting,
            watermarks: Taken::Including,
        };
        for (how, what) in &create.likes {
            let how = match how.as_str() {
                "INCLUDING" => Taken::Including,
                "EXCLUDING" => Taken::Excluding,
                _ => Taken::Overwriting,
            };
            let parts = [
                ("CONSTRAINTS", &mut likes.constraints),
                ("GENERATED", &mut likes.generated),
                ("METADATA", &mut likes.metadata),
                ("OPTIONS", &mut likes.options),
                ("WATERMARKS", &mut likes.watermarks),
            ];
            for (name, part) in parts {
                if what == "ALL" || what == name {
                    *part = how;
                }
            }
        }
        likes
    }
}

/// Whether a table that is made like another one has its options.
pub fn takes_options(create: &CreateTable) -> bool {
    Likes::of(create).options != Taken::Excluding
}

/// `create`, which is made like `base`, with all that it has in the end. The places of what comes
/// from `base` are those in its own statement.
pub fn merged(create: &CreateTable, base: &CreateTable) -> CreateTable {
    let likes = Likes::of(create);
    let taken = |how: Taken| how != Taken::Excluding;
    let mut whole = create.clone();
    let theirs = base.columns.iter().filter(|column| match column.kind {
        ColumnKind::Physical(_) => true,
        ColumnKind::Computed => taken(likes.generated),
        ColumnKind::Metadata { .. } => taken(likes.metadata),
    });
    let is_own = |name: &str| create.columns.iter().any(|column| column.name == name);
    let theirs = theirs.filter(|column| !is_own(&column.name)).cloned();
    whole.columns = theirs.chain(create.columns.iter().cloned()).collect();
    if whole.primary_key.is_empty() && taken(likes.constraints) {
        whole.primary_key.clone_from(&base.primary_key);
    }
    if whole.watermark.is_none() && taken(likes.watermarks) {
        whole.watermark.clone_from(&base.watermark);
    }
    if let (true, Some(theirs)) = (taken(likes.options), &base.with) {
        let mut with = create.with.clone().unwrap_or_default();
        let is_new = |option: &&WithOption| with.get(&option.key).is_none();
        let new: Vec<_> = theirs.options.iter().filter(is_new).cloned().collect();
        with.options.extend(new);
        whole.with = Some(with);
    }
    whole.like = None;
    whole
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::base::text::Text;
    use crate::sql::flink::{Statement, parse};

    fn table(sql: &str) -> CreateTable {
        match parse(&Text::whole("a.sql".into(), sql.to_owned())) {
            Statement::CreateTable(create) => *create,
            other => panic!("no table: {other:?}"),
        }
    }

    const BASE: &str = "CREATE TABLE base (id INT, at TIMESTAMP(3), n AS id + 1, o BIGINT METADATA, \
                        PRIMARY KEY (id) NOT ENFORCED, WATERMARK FOR at AS at) \
                        WITH ('connector' = 'kafka', 'topic' = 'a', 'format' = 'json')";

    #[rstest]
    #[case("CREATE TABLE t LIKE base", "id at n o", "id", true, "kafka a")]
    #[case(
        "CREATE TABLE t (x INT) WITH ('topic' = 'b') LIKE base",
        "id at n o x",
        "id",
        true,
        "kafka b"
    )]
    #[case(
        "CREATE TABLE t WITH ('connector' = 'print') LIKE base (EXCLUDING ALL)",
        "id at",
        "",
        false,
        "print -"
    )]
    #[case(
        "CREATE TABLE t LIKE base (EXCLUDING CONSTRAINTS EXCLUDING WATERMARKS EXCLUDING OPTIONS)",
        "id at n o",
        "",
        false,
        "- -"
    )]
    #[case(
        "CREATE TABLE t WITH ('topic' = 'c') LIKE base (EXCLUDING ALL INCLUDING OPTIONS)",
        "id at",
        "",
        false,
        "kafka c"
    )]
    fn a_table_has_what_its_like_takes(
        #[case] sql: &str,
        #[case] columns: &str,
        #[case] key: &str,
        #[case] has_watermark: bool,
        #[case] options: &str,
    ) {
        let whole = merged(&table(sql), &table(BASE));
        let names: Vec<_> = whole.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names.join(" "), columns);
        assert_eq!(whole.primary_key.join(" "), key);
        assert_eq!(whole.watermark.is_some(), has_watermark);
        let get = |key: &str| whole.with.as_ref().and_then(|with| with.get(key)).unwrap_or("-");
        assert_eq!(format!("{} {}", get("connector"), get("topic")), options);
    }
}
