//! Where a setting stands that a trial has only the value of.

use camino::Utf8PathBuf;

use crate::base::text::{Span, Text};

/// The file and the place of an option of the settings: where its key stands before its value, else
/// its key, else the first file.
pub(super) fn setting(key: &str, value: &str, sources: &[(Utf8PathBuf, String)]) -> (Text, Span) {
    let yaml = |path: &Utf8PathBuf| matches!(path.extension(), Some("yaml" | "yml"));
    let files = || sources.iter().filter(|(path, _)| yaml(path));
    let found = |wanted: &dyn Fn(&str) -> bool| {
        files().find_map(|(path, text)| Some((path, text, keyed(key, text, wanted)?)))
    };
    let first = |line: &str| line.contains(value);
    let found = found(&first).or_else(|| found(&|_| true));
    match found {
        Some((path, text, at)) => {
            let span = Span::new(at, at + key.len());
            (Text::whole(path.clone(), text.clone()), span)
        }
        None => match files().next() {
            Some((path, text)) => (Text::whole(path.clone(), text.clone()), Span::default()),
            None => (Text::whole("scenario".into(), String::new()), Span::default()),
        },
    }
}

/// Where `key` stands as a key of YAML whose line is as wanted behind it.
fn keyed(key: &str, text: &str, wanted: &dyn Fn(&str) -> bool) -> Option<usize> {
    text.match_indices(key).map(|(at, _)| at).find(|at| {
        let before = text.get(..*at).and_then(|before| before.chars().next_back());
        let behind = text.get(at + key.len()..).unwrap_or("");
        let line = behind.lines().next().unwrap_or("");
        let is_key = line.trim_start_matches(['"', '\'', ' ']).starts_with(':');
        let starts = before.is_none_or(|c| c.is_whitespace() || "{,\"'".contains(c));
        starts && is_key && wanted(line)
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("settings:\n  flink: {a.b: x, c: y}\n", "a.b", "x", 20)]
    #[case("# a.b\nsettings:\n  flink:\n    a.b: z\n    'a.b': x\n", "a.b", "x", 41)]
    #[case("a.b: [x, z]\n", "a.b", "z", 0)]
    #[case("nothing: 1\n", "a.b", "x", 0)]
    fn a_setting_is_found(
        #[case] yaml: &str,
        #[case] key: &str,
        #[case] value: &str,
        #[case] at: usize,
    ) {
        let sources = [("s.yaml".into(), yaml.to_owned())];
        let (text, span) = setting(key, value, &sources);
        assert_eq!((text.file.as_str(), span.start), ("s.yaml", at));
    }
}
