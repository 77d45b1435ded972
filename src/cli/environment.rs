//! What the environment says. Nothing else in the crate reads it.

use std::ffi::{OsStr, OsString};

use camino::Utf8PathBuf;

use crate::stack::Network;
use crate::stack::network::VARIABLE;

/// The variables that changeproof knows, read once.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `CHANGEPROOF_LOG`: log filters, as in `changeproof=debug`.
    pub log: Option<String>,
    /// The cache folder: `CHANGEPROOF_CACHE`, else `/var/cache/changeproof` for root, whose components
    /// run as another user and must get to it, else `changeproof` in `XDG_CACHE_HOME`, else in
    /// `~/.cache`. `None` when none of the three is set.
    pub cache: Option<Utf8PathBuf>,
    /// `CHANGEPROOF_STATE`: the folder for the data of a running stack.
    pub state: Option<Utf8PathBuf>,
    /// `CHANGEPROOF_NETWORK`: `machine` (as without it) or `own`, the network that a stack listens on.
    pub network: Network,
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

/// A variable that cannot be read. To take it for one that is not set would use another folder, or
/// another network, than the one that it names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// One that names something.
    #[error("the environment variable {0} is not UTF-8: set it to a name in UTF-8, or unset it")]
    NotText(String),
    /// One that chooses.
    #[error("{VARIABLE} is `{0}`: set it to `own` or `machine`, or unset it")]
    NoNetwork(String),
}

fn network(name: Option<String>) -> Result<Network, Unreadable> {
    let Some(name) = name else { return Ok(Network::default()) };
    Network::named(&name).ok_or(Unreadable::NoNetwork(name))
}

impl Environment {
    /// Reads the variables; an empty one counts as not set.
    pub fn read() -> Result<Self, Unreadable> {
        Self::from(variable, rustix::process::geteuid().is_root())
    }

    fn from(
        variable: impl Fn(&str) -> Option<OsString>,
        is_root: bool,
    ) -> Result<Self, Unreadable> {
        let text = |name: &str| match variable(name).map(OsString::into_string) {
            Some(Ok(value)) => Ok(Some(value)),
            Some(Err(_)) => Err(Unreadable::NotText(name.to_owned())),
            None => Ok(None),
        };
        let folder = |name: &str| Ok(text(name)?.map(Utf8PathBuf::from));
        let cache = match folder("CHANGEPROOF_CACHE")? {
            Some(cache) => Some(cache),
            None if is_root => Some("/var/cache/changeproof".into()),
            None => match folder("XDG_CACHE_HOME")? {
                Some(base) => Some(base.join("changeproof")),
                None => folder("HOME")?.map(|home| home.join(".cache/changeproof")),
            },
        };
        Ok(Self {
            log: text("CHANGEPROOF_LOG")?,
            cache,
            state: folder("CHANGEPROOF_STATE")?,
            network: network(text(VARIABLE)?)?,
            postgres_bin: folder("CHANGEPROOF_POSTGRES_BIN")?,
            postgres_url: text("CHANGEPROOF_POSTGRES_URL")?,
            score_token: text("CHANGEPROOF_SCORE_TOKEN")?,
            java_home: folder("JAVA_HOME")?,
            path: folders(&variable("PATH").unwrap_or_default()),
        })
    }
}

/// The folders of a search path; nothing that is looked for lies in one that is not UTF-8.
fn folders(path: &OsStr) -> Vec<Utf8PathBuf> {
    let folders = std::env::split_paths(path).filter_map(|folder| folder.try_into().ok());
    folders.filter(|folder: &Utf8PathBuf| !folder.as_str().is_empty()).collect()
}

/// What a variable holds that a stack file names.
pub fn secret(name: &str) -> Option<String> {
    variable(name)?.into_string().ok()
}

#[expect(clippy::disallowed_methods, reason = "this is the one reader of the environment")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_where_the_nearest_variable_says() {
        let of = |set: &[(&str, &str)], is_root| {
            let find = |name: &str| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into())
            };
            Environment::from(find, is_root).unwrap().cache
        };
        let cache = |set: &[(&str, &str)]| of(set, false);
        assert_eq!(cache(&[("HOME", "/h")]), Some("/h/.cache/changeproof".into()));
        let both = [("HOME", "/h"), ("XDG_CACHE_HOME", "/x")];
        assert_eq!(cache(&both), Some("/x/changeproof".into()));
        assert_eq!(cache(&[("CHANGEPROOF_CACHE", "/c"), ("HOME", "/h")]), Some("/c".into()));
        assert_eq!(cache(&[]), None);
        assert_eq!(of(&both, true), Some("/var/cache/changeproof".into()));
    }

    #[test]
    fn a_network_is_one_of_two() {
        let of = |value: &'static str| {
            let find = |name: &str| (name == VARIABLE).then(|| value.into());
            Environment::from(find, false).map(|found| found.network)
        };
        assert_eq!(of("own"), Ok(Network::Own));
        assert_eq!(of("machine"), Ok(Network::Machine));
        assert_eq!(of("none"), Err(Unreadable::NoNetwork("none".to_owned())));
    }

    #[test]
    fn a_variable_that_is_not_utf8_is_no_variable_that_is_not_set() {
        use std::os::unix::ffi::OsStringExt as _;
        let latin = || OsString::from_vec(b"/d\xe9p\xf4t".to_vec());
        let only = |set: &'static str| move |name: &str| (name == set).then(latin);
        let wrong = Environment::from(only("CHANGEPROOF_STATE"), false).err();
        assert_eq!(wrong, Some(Unreadable::NotText("CHANGEPROOF_STATE".to_owned())));
        assert_eq!(Environment::from(only("PATH"), false).unwrap().path, Vec::<Utf8PathBuf>::new());
    }
}
