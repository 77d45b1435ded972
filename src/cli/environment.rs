//! What the environment says. Nothing else in the crate reads it.

use camino::Utf8PathBuf;

/// The variables that changeproof knows, read once.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `CHANGEPROOF_LOG`: log filters, as in `changeproof=debug`.
    pub log: Option<String>,
    /// The cache folder: `CHANGEPROOF_CACHE`, else `changeproof` in `XDG_CACHE_HOME`, else in
    /// `~/.cache`. `None` when none of the three is set.
    pub cache: Option<Utf8PathBuf>,
    /// `CHANGEPROOF_STATE`: the folder for the data of a running stack.
    pub state: Option<Utf8PathBuf>,
    /// `CHANGEPROOF_POSTGRES_BIN`: the folder that holds `postgres` and `initdb`.
    pub postgres_bin: Option<Utf8PathBuf>,
    /// `CHANGEPROOF_POSTGRES_URL`: where `generate` writes and `new` looks. May hold a password.
    pub postgres_url: Option<String>,
    /// `CHANGEPROOF_SCORE_TOKEN`: what clients of the scoring service must send.
    pub score_token: Option<String>,
    /// `JAVA_HOME`.
    pub java_home: Option<Utf8PathBuf>,
    /// The folders of `PATH`, in order.
    pub path: Vec<Utf8PathBuf>,
}

impl Environment {
    /// Reads the variables; an empty one counts as not set.
    pub fn read() -> Self {
        Self::from(variable)
    }

    fn from(variable: impl Fn(&str) -> Option<String>) -> Self {
        let folder = |name: &str| variable(name).map(Utf8PathBuf::from);
        let cache = folder("CHANGEPROOF_CACHE")
            .or_else(|| folder("XDG_CACHE_HOME").map(|base| base.join("changeproof")))
            .or_else(|| folder("HOME").map(|home| home.join(".cache/changeproof")));
        let path = variable("PATH").unwrap_or_default();
        Self {
            log: variable("CHANGEPROOF_LOG"),
            cache,
            state: folder("CHANGEPROOF_STATE"),
            postgres_bin: folder("CHANGEPROOF_POSTGRES_BIN"),
            postgres_url: variable("CHANGEPROOF_POSTGRES_URL"),
            score_token: variable("CHANGEPROOF_SCORE_TOKEN"),
            java_home: folder("JAVA_HOME"),
            path: path.split(':').filter(|part| !part.is_empty()).map(Utf8PathBuf::from).collect(),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one reader of the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_where_the_nearest_variable_says() {
        let cache = |set: &[(&str, &str)]| {
            let find = |name: &str| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            };
            Environment::from(find).cache
        };
        assert_eq!(cache(&[("HOME", "/h")]), Some("/h/.cache/changeproof".into()));
        let both = [("HOME", "/h"), ("XDG_CACHE_HOME", "/x")];
        assert_eq!(cache(&both), Some("/x/changeproof".into()));
        assert_eq!(cache(&[("CHANGEPROOF_CACHE", "/c"), ("HOME", "/h")]), Some("/c".into()));
        assert_eq!(cache(&[]), None);
    }
}
