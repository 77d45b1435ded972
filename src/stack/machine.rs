//! What the machine gives: Java, Postgres, `setpriv`, an unprivileged user, memory, disk.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::StackOptions;
use super::error::StackError;
use super::process::{Launch, Surroundings};

/// The least major version of Java.
pub(super) const JAVA_LEAST: u32 = 17;
/// The least major version of Postgres.
pub(super) const POSTGRES_LEAST: u32 = 15;
/// What a small program may take to print its version.
const VERSION_LIMIT: Duration = Duration::from_secs(20);

/// A user that a child becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Its number.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
}

impl User {
    /// Whether it may enter a folder with this owner, group and mode.
    fn enters(self, (owner, group, mode): (u32, u32, u32)) -> bool {
        let bit = if owner == self.uid {
            0o100
        } else if group == self.gid {
            0o010
        } else {
            0o001
        };
        mode & bit != 0
    }
}

/// All that a start needs of the machine.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    pub(super) java: Utf8PathBuf,
    /// The first line of `java -version`, for people; all of it decides about class archives.
    pub(super) java_version: String,
    pub(super) postgres: Utf8PathBuf,
    pub(super) initdb: Utf8PathBuf,
    /// `15.18`.
    pub(super) postgres_version: String,
    pub(super) setpriv: Utf8PathBuf,
    /// What tells the figures of Postgres, where the stack has metrics.
    pub(super) exporter: Option<Utf8PathBuf>,
    /// Whom the components run as; `None`: as us, because we are not root.
    pub(super) user: Option<User>,
}

impl Machine {
    /// Looks for everything; the first thing missing is the error. `postgres`: the folder of a
    /// Postgres that is taken instead of the machine's own.
    pub(super) async fn find(
        options: &StackOptions,
        postgres: Option<&Utf8Path>,
    ) -> Result<Self, StackError> {
        let setpriv = setpriv(options)?;
        let user = unprivileged()?;
        let java = java(options)?;
        let folder = match postgres {
            Some(folder) => folder.to_owned(),
            None => postgres_folder(options)?,
        };
        can_be_entered(&folder_of(&java)?, "JAVA_HOME")?;
        can_be_entered(&folder_of(&folder.join("postgres"))?, "CHANGEPROOF_POSTGRES_BIN")?;
        let (postgres, initdb) = (folder.join("postgres"), folder.join("initdb"));
        let (java_version, postgres_version) = tokio::join!(
            version(&setpriv, &java, "-version"),
            version(&setpriv, &postgres, "--version"),
        );
        let (java_version, postgres_version) = (java_version?, postgres_version?);
        check_java(&java, &java_version)?;
        let postgres_version = check_postgres(&postgres, &postgres_version)?;
        let exporter = if options.own.metrics { Some(exporter(options)?) } else { None };
        Ok(Self { java, java_version, postgres, initdb, postgres_version, setpriv, exporter, user })
    }

    /// `17.0.15`, or all of the first line if it reads otherwise.
    pub(super) fn java_number(&self) -> String {
        let first = self.java_version.lines().next().unwrap_or_default();
        first.split('"').nth(1).unwrap_or(first).to_owned()
    }

    /// A component with an environment of its own.
    pub(super) fn launch(&self, program: &Utf8Path, folder: &Utf8Path) -> Launch {
        let variables = [
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("HOME", folder.as_str()),
            ("LC_ALL", "C.UTF-8"),
            ("TZ", "UTC"),
        ];
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        Launch {
            setpriv: self.setpriv.clone(),
            program: program.to_owned(),
            args: Vec::new(),
            environment: Surroundings::Only(variables.collect()),
            folder: folder.to_owned(),
            user: self.user,
            wall: None,
        }
    }
}

/// Java with its version, if it will do; for people.
pub(super) async fn find_java(options: &StackOptions) -> Result<String, StackError> {
    let java = java(options)?;
    let text = version(&setpriv(options)?, &java, "-version").await?;
    check_java(&java, &text)?;
    Ok(format!("{java}: {}", text.lines().next().unwrap_or_default()))
}

/// Postgres with its version, if it will do; for people.
pub(super) async fn find_postgres(options: &StackOptions) -> Result<String, StackError> {
    let postgres = postgres_folder(options)?.join("postgres");
    let text = version(&setpriv(options)?, &postgres, "--version").await?;
    Ok(format!("{postgres}: {}", check_postgres(&postgres, &text)?))
}

/// The folder that a program really lies in.
fn folder_of(program: &Utf8Path) -> Result<Utf8PathBuf, StackError> {
    let real = program.canonicalize_utf8();
    let real = real.map_err(|error| StackError::io(format!("find {program}"), &error))?;
    Ok(real.parent().unwrap_or(&real).to_owned())
}

/// Whether another user can enter a folder that `variable` names, if the components run as one.
pub(super) fn can_be_entered(folder: &Utf8Path, variable: &str) -> Result<(), StackError> {
    let Some(user) = unprivileged()? else { return Ok(()) };
    let closed = folder.ancestors().find(|above| {
        fs_err::metadata(above)
            .is_ok_and(|found| !user.enters((found.uid(), found.gid(), found.mode())))
    });
    closed.map_or(Ok(()), |closed| {
        Err(StackError::Missing {
            what: format!(
                "{closed} is closed to other users, and the components, which do not run as root, \
                 need {folder}"
            ),
            mend: format!("name a folder in {variable} that everybody can enter"),
        })
    })
}

async fn version(
    setpriv: &Utf8Path,
    program: &Utf8Path,
    argument: &str,
) -> Result<String, StackError> {
    let launch = Launch {
        setpriv: setpriv.to_owned(),
        program: program.to_owned(),
        args: vec![argument.to_owned()],
        environment: Surroundings::Only(BTreeMap::new()),
        folder: "/".into(),
        user: None,
        wall: None,
    };
    Ok(launch.output(VERSION_LIMIT).await?.text)
}

fn in_folders<'a>(
    folders: impl IntoIterator<Item = &'a Utf8PathBuf>,
    program: &str,
) -> Option<Utf8PathBuf> {
    folders.into_iter().map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// `setpriv` of util-linux.
pub(super) fn setpriv(options: &StackOptions) -> Result<Utf8PathBuf, StackError> {
    tool(options, "setpriv", "util-linux")
}

/// A program of the system's own, which `package` brings.
pub(super) fn tool(
    options: &StackOptions,
    name: &str,
    package: &str,
) -> Result<Utf8PathBuf, StackError> {
    in_folders(&options.search, name).ok_or_else(|| StackError::Missing {
        what: format!("{name} was not found in PATH"),
        mend: format!("apt-get install {package}"),
    })
}

/// `postgres_exporter`, under its own name or Debian's.
pub(super) fn exporter(options: &StackOptions) -> Result<Utf8PathBuf, StackError> {
    let names = ["postgres_exporter", "prometheus-postgres-exporter"];
    let found = names.into_iter().find_map(|name| in_folders(&options.search, name));
    found.ok_or_else(|| StackError::Missing {
        what: "postgres_exporter was not found in PATH; a stack with metrics needs it".to_owned(),
        mend:
            "put it there, or apt-get install prometheus-postgres-exporter (which starts one more \
               as a service)"
                .to_owned(),
    })
}

/// Maven, which is needed until the jars are there.
pub(super) fn maven(options: &StackOptions) -> Result<Utf8PathBuf, StackError> {
    in_folders(&options.search, "mvn").ok_or_else(|| StackError::Missing {
        what: "Maven (mvn) was not found in PATH; it fetches the jars, once".to_owned(),
        mend: "apt-get install maven".to_owned(),
    })
}

const JAVA_MEND: &str =
    "apt-get install openjdk-17-jre-headless, or set JAVA_HOME to a Java of version 17 or newer";

/// `java` of `JAVA_HOME`, else of PATH.
pub(super) fn java(options: &StackOptions) -> Result<Utf8PathBuf, StackError> {
    let (found, place) = match &options.java_home {
        Some(home) => {
            (in_folders([&home.join("bin")], "java"), format!("in {home}/bin (JAVA_HOME)"))
        }
        None => (in_folders(&options.search, "java"), "in PATH".to_owned()),
    };
    found.ok_or_else(|| StackError::Missing {
        what: format!("Java was not found {place}"),
        mend: JAVA_MEND.to_owned(),
    })
}

fn check_java(java: &Utf8Path, text: &str) -> Result<(), StackError> {
    match java_major(text) {
        Some(major) if major >= JAVA_LEAST => Ok(()),
        found => Err(StackError::Missing {
            what: if let Some(major) = found {
                format!("{java} is Java {major}; 17 or newer is needed")
            } else {
                let line = text.lines().next().unwrap_or("nothing");
                format!("{java} does not tell its version, it prints: {line}")
            },
            mend: JAVA_MEND.to_owned(),
        }),
    }
}

/// The major version in what `java -version` prints.
fn java_major(text: &str) -> Option<u32> {
    let number = text.lines().find_map(|line| line.split('"').nth(1))?;
    let mut parts = number.split(['.', '-', '+']);
    match parts.next()?.parse().ok()? {
        1 => parts.next()?.parse().ok(),
        major => Some(major),
    }
}

const POSTGRES_MEND: &str = "apt-get install postgresql (15 or newer), set CHANGEPROOF_POSTGRES_BIN \
                             to the folder of its postgres and initdb, or take one that is fetched, \
                             as with --lane postgres=17";
/// Where Debian keeps Postgres, one folder a version.
const DEBIAN_POSTGRES: &str = "/usr/lib/postgresql";

/// The folder of `postgres` and `initdb`.
pub(super) fn postgres_folder(options: &StackOptions) -> Result<Utf8PathBuf, StackError> {
    let complete =
        |folder: &Utf8PathBuf| folder.join("postgres").is_file() && folder.join("initdb").is_file();
    if let Some(folder) = &options.postgres_bin {
        return Some(folder.clone()).filter(complete).ok_or_else(|| StackError::Missing {
            what: format!("CHANGEPROOF_POSTGRES_BIN is {folder}, where postgres or initdb is not"),
            mend: "set it to the folder of postgres and initdb, or unset it".to_owned(),
        });
    }
    if let Some(folder) = options.search.iter().find(|folder| complete(folder)) {
        return Ok(folder.clone());
    }
    let mut versions: Vec<u32> = super::files::names(Utf8Path::new(DEBIAN_POSTGRES), "")
        .iter()
        .filter_map(|name| name.parse().ok())
        .collect();
    versions.sort_unstable();
    let folders = versions.iter().rev().map(|v| format!("{DEBIAN_POSTGRES}/{v}/bin").into());
    folders.into_iter().find(complete).ok_or_else(|| StackError::Missing {
        what: format!(
            "Postgres was not found (postgres and initdb in PATH or {DEBIAN_POSTGRES}/*/bin)"
        ),
        mend: POSTGRES_MEND.to_owned(),
    })
}

/// The version in `postgres (PostgreSQL) 15.18 (Debian …)`, if it is new enough.
fn check_postgres(postgres: &Utf8Path, text: &str) -> Result<String, StackError> {
    let number = text.split_whitespace().nth(2).unwrap_or_default();
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    match digits.parse::<u32>() {
        Ok(major) if major >= POSTGRES_LEAST => Ok(number.to_owned()),
        Ok(_) => Err(StackError::Missing {
            what: format!("{postgres} is Postgres {number}; 15 or newer is needed"),
            mend: POSTGRES_MEND.to_owned(),
        }),
        Err(_) => Err(StackError::Missing {
            what: format!(
                "{postgres} does not tell its version, it prints: {}",
                text.lines().next().unwrap_or("nothing")
            ),
            mend: POSTGRES_MEND.to_owned(),
        }),
    }
}

/// The user that is made for the components where we are root.
pub(super) const OWN_USER: &str = "changeproof";

/// What runs in the components is what scenarios say, and must not be root: the user to become then.
/// One of other services is never taken, because their files would be within reach.
pub(super) fn unprivileged() -> Result<Option<User>, StackError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let passwd = fs_err::read_to_string("/etc/passwd").unwrap_or_default();
    [OWN_USER, "nobody"].iter().find_map(|name| user(&passwd, name)).map(Some).ok_or_else(|| {
        StackError::Missing {
            what: format!(
                "the components must not run as root, and there is no user {OWN_USER} or nobody"
            ),
            mend: format!("useradd --system {OWN_USER}"),
        }
    })
}

/// Whether the components run as a user that nothing else runs as.
pub(super) fn has_own_user() -> bool {
    let passwd = fs_err::read_to_string("/etc/passwd").unwrap_or_default();
    user(&passwd, OWN_USER).is_some()
}

fn user(passwd: &str, name: &str) -> Option<User> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut numbers = line.split(':').skip(2);
    Some(User { uid: numbers.next()?.parse().ok()?, gid: numbers.next()?.parse().ok()? })
}

/// The free bytes of the disk that holds `folder`.
pub(super) async fn free_bytes(
    setpriv: &Utf8Path,
    df: &Utf8Path,
    folder: &Utf8Path,
) -> Result<Option<u64>, StackError> {
    let launch = Launch {
        setpriv: setpriv.to_owned(),
        program: df.to_owned(),
        args: vec!["-Pk".to_owned(), folder.to_string()],
        environment: Surroundings::Only(BTreeMap::new()),
        folder: "/".into(),
        user: None,
        wall: None,
    };
    let text = launch.output(VERSION_LIMIT).await?.text;
    let kib = text.lines().nth(1).and_then(|line| line.split_whitespace().nth(3)?.parse().ok());
    Ok(kib.map(|kib: u64| kib * 1024))
}

/// `df` of PATH.
pub(super) fn df(options: &StackOptions) -> Option<Utf8PathBuf> {
    in_folders(&options.search, "df")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime", Some(17))]
    #[case("openjdk version \"21\" 2023-09-19", Some(21))]
    #[case("java version \"1.8.0_402\"", Some(8))]
    #[case("openjdk version \"24-ea\" 2025-03-18", Some(24))]
    #[case("command not found", None)]
    fn the_major_version_of_java_is_read(#[case] text: &str, #[case] major: Option<u32>) {
        assert_eq!(java_major(text), major);
    }

    #[rstest]
    #[case("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", Some("15.18"))]
    #[case("postgres (PostgreSQL) 18beta1", Some("18beta1"))]
    #[case("postgres (PostgreSQL) 14.2", None)]
    #[case("nonsense", None)]
    fn an_old_postgres_is_refused(#[case] text: &str, #[case] version: Option<&str>) {
        assert_eq!(check_postgres("/p".into(), text).ok().as_deref(), version);
    }

    #[rstest]
    #[case::everybody_may((0, 0, 0o711), true)]
    #[case::its_group_may((0, 9, 0o710), true)]
    #[case::others_may_and_its_group_not((0, 9, 0o701), false)]
    #[case::the_owner_may((7, 0, 0o700), true)]
    #[case::nobody_else_may((0, 0, 0o700), false)]
    fn a_folder_is_entered_as_its_mode_says(#[case] folder: (u32, u32, u32), #[case] may: bool) {
        assert_eq!(User { uid: 7, gid: 9 }.enters(folder), may);
    }

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let passwd = "postgresx:x:1:2::/:/x\npostgres:x:101:104:PostgreSQL:/var/lib:/bin/bash\n";
        assert_eq!(user(passwd, "postgres"), Some(User { uid: 101, gid: 104 }));
        assert_eq!(user(passwd, "nobody"), None);
    }
}
