//! The one command that repeats a trial.

use std::borrow::Cow;

use camino::Utf8Path;

use crate::scenario::trial::Trial;

/// `changeproof run FILE --cell K=V,… --seed N`, as a shell reads it; `on` is the option that chooses the
/// stack, and its value.
pub fn command(file: &Utf8Path, trial: &Trial, on: Option<(&str, &str)>) -> String {
    let mut words = vec!["changeproof".to_owned(), "run".to_owned(), quoted(file.as_str()).into()];
    if !trial.cell.0.is_empty() {
        words.extend(["--cell".to_owned(), quoted(&trial.cell.to_string()).into()]);
    }
    words.extend(["--seed".to_owned(), trial.seed.to_string()]);
    if let Some((option, value)) = on {
        words.extend([option.to_owned(), quoted(value).into()]);
    }
    words.join(" ")
}

/// A word that a shell takes as it stands.
fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=,:@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::examples;

    #[test]
    fn the_command_names_file_cell_and_seed() {
        let trial = examples::header().trial;
        insta::assert_snapshot!(
            command("scenarios/it's one.yaml".into(), &trial, None),
            @r"changeproof run 'scenarios/it'\''s one.yaml' --cell partitions=3 --seed 7"
        );
        insta::assert_snapshot!(
            command("a.yaml".into(), &trial, Some(("--lane", "flink=2.1.0"))),
            @"changeproof run a.yaml --cell partitions=3 --seed 7 --lane flink=2.1.0"
        );
    }
}
