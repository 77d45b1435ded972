//! Printing keeps what a file says, its comments, and itself.

use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn printed(source: &str) -> String {
    let text = Text::whole("a.yaml".into(), source.to_owned());
    canonical(&text).unwrap_or_else(|error| panic!("{error:?} for\n{source}"))
}

#[rstest]
#[case::indent("a:\n    - b: 1\n      c: 2\n", "a:\n  - b: 1\n    c: 2\n")]
#[case::list_at_its_key("a:\n- 1\n- 2\n", "a:\n  - 1\n  - 2\n")]
#[case::flow("a: {b:   1,c: [1,2]}\n", "a: {b: 1, c: [1, 2]}\n")]
#[case::yaml_1_1("a: no\nb: 10:30\nn: 012\n", "a: 'no'\nb: '10:30'\n'n': '012'\n")]
#[case::comments(
    "# top\na: 1 # beside\n\n\n# above\nb: # of b\n    # in b\n    c: 2\n    # end of b\nd: 3\n# end\n",
    "# top\na: 1 # beside\n\n# above\nb: # of b\n  # in b\n  c: 2\n  # end of b\nd: 3\n# end\n"
)]
#[case::literal(
    "a: |   # why\n     x\n       y\n\nb: |-\n z\n",
    "a: | # why\n  x\n    y\n\nb: |-\n  z\n"
)]
#[case::folded("a: >-\n     x\n     y\n\n     z\n", "a: >-\n  x\n  y\n\n  z\n")]
#[case::folded_after_a_blank_line("a: >\n\n  b'\n  c\n", "a: |2\n\n  b' c\n")]
#[case::plain_lines("a: x\n    y\n\n    z\nb: 1\n", "a: x\n  y\n\n  z\nb: 1\n")]
#[case::entries(
    "t:\n  - a: BEGIN\n\n  - b: |\n      X\n    within: 5s\n",
    "t:\n  - a: BEGIN\n\n  - b: |\n      X\n    within: 5s\n"
)]
#[case::nothing("a:\nb: null\nc: ''\n", "a:\nb: null\nc: ''\n")]
#[case::nested_lists("a:\n  -  - 1\n     - 2\n", "a:\n  - - 1\n    - 2\n")]
#[case::comment_in_flow("a: {b: 1, # why\n  c: 2}\n", "a:\n  b: 1 # why\n  c: 2\n")]
fn the_canonical_form(#[case] source: &str, #[case] expected: &str) {
    assert_eq!(printed(source), expected);
    assert_eq!(printed(expected), expected, "it is its own canonical form");
}

/// A value as it is written, at a given indent.
fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9 .]{0,8}[a-z]",
        "(no|on|null|012|10:30|2\\.10|true|2025-01-31|1)",
        "'([a-zé \"#:]|''){0,8}'",
        "\"([a-zé '#:]|\\\\n|\\\\t|\\\\\"){0,8}\"",
        Just(String::new()),
    ]
}

#[derive(Debug, Clone)]
enum Tree {
    Scalar(String),
    Literal(Vec<String>, &'static str),
    Flow(Vec<String>),
    List(Vec<(Tree, String)>),
    Map(Vec<(Tree, String)>),
}

fn trees() -> impl Strategy<Value = Tree> {
    let chomp = prop_oneof![Just("|"), Just("|-"), Just("|+"), Just(">"), Just(">-")];
    let leaf = prop_oneof![
        4 => scalar().prop_map(Tree::Scalar),
        1 => (prop::collection::vec("[a-z][a-z |#]{0,6}[a-z]|", 1..4), chomp)
            .prop_map(|(lines, chomp)| Tree::Literal(lines, chomp)),
        1 => prop::collection::vec("[a-z]{1,5}|'[a-z, ]{0,4}'", 0..4).prop_map(Tree::Flow),
    ];
    let noise = prop_oneof![
        5 => Just(String::new()),
        1 => Just("\n".to_owned()),
        1 => Just("# why\n".to_owned()),
        1 => Just("\n# why\n\n".to_owned()),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        let entries = prop::collection::vec((inner, noise.clone()), 1..5);
        prop_oneof![entries.clone().prop_map(Tree::List), entries.prop_map(Tree::Map)]
    })
}

/// The tree as somebody might write it, `step` columns a level.
fn write(tree: &Tree, indent: usize, step: usize, text: &mut String) {
    let pad = " ".repeat(indent);
    match tree {
        Tree::Scalar(value) => *text += &format!(" {value}\n"),
        Tree::Flow(items) => *text += &format!("  [ {} ]\n", items.join(" ,")),
        Tree::Literal(lines, chomp) => {
            *text += &format!(" {chomp}\n");
            // The first line with text says the indent.
            *text += &format!("{pad}first\n");
            for line in lines {
                *text += &if line.is_empty() { "\n".to_owned() } else { format!("{pad}{line}\n") };
            }
        }
        Tree::List(items) => {
            *text += "\n";
            for (item, noise) in items {
                *text += &noise.replace('#', &format!("{pad}#"));
                *text += &format!("{pad}-");
                write(item, indent + step, step, text);
            }
        }
        Tree::Map(entries) => {
            *text += "\n";
            for (n, (value, noise)) in entries.iter().enumerate() {
                *text += &noise.replace('#', &format!("{pad}#"));
                *text += &format!("{pad}k{n}:");
                write(value, indent + step, step, text);
            }
        }
    }
}

proptest! {
    #[test]
    fn printing_keeps_what_a_file_says_and_its_comments_and_is_its_own_form(
        trees in prop::collection::vec(trees(), 1..4), step in 1_usize..5,
    ) {
        let root = Tree::Map(trees.into_iter().map(|tree| (tree, String::new())).collect());
        let mut source = String::new();
        write(&root, 0, step, &mut source);
        // `canonical` itself compares the trees and the number of comments.
        let once = printed(&source);
        prop_assert_eq!(printed(&once), once.clone(), "{}", source);
    }

    #[test]
    fn printing_never_panics(
        source in "(a: |b:\n|- |\\||>|  |\n|'|\"|\\\\|x|é|#|\\{|\\}|\\[|\\]|,|\r\n|\t){0,30}",
    ) {
        let text = Text::whole("a.yaml".into(), source);
        if let Ok(once) = canonical(&text) {
            let again = canonical(&Text::whole("a.yaml".into(), once.clone()));
            prop_assert_eq!(again.ok(), Some(once));
        }
    }
}
