//! The jars: fetched by Maven once and compared with the pinned sums, checked by name and size at
//! every start and by their sums when a component has died, never fetched again.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::error::{Doing, StackError, end_of_log};
use super::jar_sums::{self, Difference, Sums};
use super::lock::{Lock, Mode};
use super::paths::Paths;
use super::process::{Launch, Running, Surroundings};
use super::sets::{self, Kind, Set};
use super::{OwnOptions, Say, StackOptions, archive, files, infra, jar_files, machine};
use crate::client::wait::{self, Look, WaitError};

/// How long one fetch may take: some 200 MB over a slow line.
const FETCH_LIMIT: Duration = Duration::from_mins(30);
/// How long to wait for another process that fills the same cache.
const FILL_LIMIT: Duration = Duration::from_mins(90);

/// The name of the file that lists what a complete set holds.
const MANIFEST: &str = "manifest";

/// Where the jars are.
#[derive(Debug, Clone)]
pub(super) struct Jars {
    /// The class path of the broker and of Connect, in order.
    pub(super) kafka: Vec<Utf8PathBuf>,
    /// The class path of the Flink processes, in order.
    pub(super) flink: Vec<Utf8PathBuf>,
    /// The folder of the connector, for `plugin.path`.
    pub(super) plugins: Utf8PathBuf,
    /// The folder of the converter, for `plugin.path`.
    pub(super) converter: Utf8PathBuf,
    /// What tells the figures of Kafka and Connect, where the stack has metrics.
    pub(super) agent: Option<Utf8PathBuf>,
    /// The class path of the server of object storage, where the stack has one.
    pub(super) storage: Vec<Utf8PathBuf>,
    /// What stands behind `flink` on that class path where it has storage or metrics.
    pub(super) behind: Vec<Utf8PathBuf>,
    /// The folder of Flink's plugins, where it has one.
    pub(super) flink_plugins: Option<Utf8PathBuf>,
    /// Where the schema registry is, once it was fetched.
    pub(super) registry: Utf8PathBuf,
    /// The folder of the programs of Postgres, unless it is the machine's own.
    pub(super) postgres: Option<Utf8PathBuf>,
}

/// The jars of a lane, if every one is there; else a sentence that says what is missing.
pub(super) fn cached(paths: &Paths, own: &OwnOptions) -> Result<Jars, String> {
    let lane = &own.lane;
    let jars = |kind: Kind| -> Result<Vec<Utf8PathBuf>, String> {
        let Some(set) = kind.of(lane) else { return Ok(Vec::new()) };
        let (folder, names) = complete(paths, &set)?;
        Ok(names.iter().map(|name| folder.join(name)).collect())
    };
    let below = |kind: Kind, place: fn(&Paths, &Set) -> Utf8PathBuf| {
        kind.of(lane).map(|set| place(paths, &set))
    };
    for kind in [sets::DEBEZIUM, sets::CONVERTER, sets::POSTGRES] {
        jars(kind)?;
    }
    let mut flink = jars(sets::FLINK)?;
    if infra::LAKE {
        flink.extend(jars(sets::LAKE)?);
    }
    let of_storage = |kind: Kind| if own.storage { jars(kind) } else { Ok(Vec::new()) };
    of_storage(sets::S3)?;
    let of_metrics = |kind: Kind| if own.metrics { jars(kind) } else { Ok(Vec::new()) };
    Ok(Jars {
        storage: of_storage(sets::STORAGE)?,
        behind: [of_storage(sets::CATALOG)?, of_metrics(sets::REPORTER)?].concat(),
        agent: of_metrics(sets::AGENT)?.pop(),
        flink_plugins: below(sets::S3, folder).filter(|_| own.storage),
        kafka: jars(sets::KAFKA)?,
        flink,
        plugins: below(sets::DEBEZIUM, content).unwrap_or_default(),
        converter: below(sets::CONVERTER, folder).unwrap_or_default(),
        registry: below(sets::REGISTRY, content).unwrap_or_default(),
        postgres: below(sets::POSTGRES, content).map(|content| content.join("bin")),
    })
}

/// The jars of the options' lane; those that are missing are fetched first.
pub(super) async fn resolve(options: &StackOptions, say: Say<'_>) -> Result<Jars, StackError> {
    let (paths, own) = (Paths::of(options), &options.own);
    let refused = |what: String| StackError::Refused { doing: "find the jars".into(), cause: what };
    if let Ok(jars) = cached(&paths, own) {
        return Ok(jars);
    }
    let mut sets = sets::needed(&own.lane);
    let of_storage = sets::FOR_STORAGE.into_iter().filter(|_| own.storage);
    let of_metrics = sets::FOR_METRICS.into_iter().filter(|_| own.metrics);
    for kind in of_storage.chain(of_metrics) {
        sets.push(needed(kind, options)?);
    }
    fetch_all(options, &paths, sets, say).await?;
    cached(&paths, own).map_err(refused)
}

/// The jar of Flink's model provider, for `ADD JAR`; fetched first if it is missing.
pub async fn model_jar(options: &StackOptions, say: Say<'_>) -> Result<Utf8PathBuf, StackError> {
    let paths = Paths::of(options);
    let set = needed(sets::MODEL, options)?;
    if complete(&paths, &set).is_err() {
        fetch_all(options, &paths, [set.clone()], say).await?;
    }
    let refused = |what: String| StackError::Refused { doing: "find the jars".into(), cause: what };
    let (folder, names) = complete(&paths, &set).map_err(refused)?;
    let jar = names.iter().find(|name| name.starts_with("flink-model-openai"));
    let missing = || refused(format!("there is no flink-model-openai in {folder}"));
    jar.map(|jar| folder.join(jar)).ok_or_else(missing)
}

/// Fetches the schema registry if it is missing.
pub(super) async fn resolve_registry(
    options: &StackOptions,
    say: Say<'_>,
) -> Result<(), StackError> {
    let paths = Paths::of(options);
    let set = needed(sets::REGISTRY, options)?;
    if complete(&paths, &set).is_ok() {
        return Ok(());
    }
    fetch_all(options, &paths, [set], say).await
}

/// A set that the options' lane must have.
fn needed(kind: Kind, options: &StackOptions) -> Result<Set, StackError> {
    let lane = &options.own.lane;
    kind.of(lane).ok_or_else(|| {
        let why = lane.lacks(kind.name).unwrap_or("the lane does without");
        StackError::Missing {
            what: format!("there are no jars of {} for the lane {lane}: {why}", kind.name),
            mend: "take another version (`changeproof lanes` lists them)".to_owned(),
        }
    })
}

/// The jar that is started, in the folder of the registry.
pub(super) fn registry_jar(folder: &Utf8Path) -> Result<Utf8PathBuf, StackError> {
    let mut names = files::names(folder, "apicurio-registry-app");
    names.retain(|name| name.ends_with("-runner.jar"));
    let found = names.pop().map(|name| folder.join(name));
    found.ok_or_else(|| StackError::Missing {
        what: format!("the schema registry is not in {folder}"),
        mend: "start a run with Avro, which fetches it".to_owned(),
    })
}

/// Fetches those of `sets` that are missing, one process at a time.
async fn fetch_all(
    options: &StackOptions,
    paths: &Paths,
    sets: impl IntoIterator<Item = Set>,
    say: Say<'_>,
) -> Result<(), StackError> {
    let what = "the other process that fills the cache to be done";
    let _filling =
        Lock::take(&paths.cache_lock(), Mode::Exclusive, (FILL_LIMIT, what), say).await?;
    fs_err::create_dir_all(paths.jars()).doing("make the folder of the jars")?;
    for set in sets {
        if let Err(missing) = complete(paths, &set) {
            fetch(options, paths, &set, &missing, say).await?;
        }
    }
    Ok(())
}

/// Changed whenever something else is made of what Maven fetched.
const FORMAT: &str = "4";

/// A set's folder is named after its POM, its versions and its pinned sums, so that another version
/// is another folder.
fn folder(paths: &Paths, set: &Set) -> Utf8PathBuf {
    let service = set.kind.service.map(|(_, classes)| classes);
    let pinned = jar_sums::pinned(&set.name);
    let texts = [set.kind.pom, set.kind.goal, FORMAT].into_iter().chain(service);
    let open = set.properties.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    let digest = infra::digest(texts.chain(open).chain(pinned.values().map(String::as_str)));
    paths.jars().join(format!("{}-{digest}", set.name))
}

fn content(paths: &Paths, set: &Set) -> Utf8PathBuf {
    folder(paths, set).join("lib")
}

/// A line of a manifest: a file below the folder of its set.
#[derive(Debug, PartialEq, Eq)]
struct Listed<'m> {
    sum: &'m str,
    size: &'m str,
    name: &'m str,
}

impl<'m> Listed<'m> {
    fn read(line: &'m str) -> Option<Self> {
        let (sum, rest) = line.split_once(' ')?;
        let (size, name) = rest.split_once(' ')?;
        Some(Self { sum, size, name })
    }
}

/// The folder of a set and the names below it, if all of them are there with their sizes.
fn complete(paths: &Paths, set: &Set) -> Result<(Utf8PathBuf, Vec<String>), String> {
    let manifest = folder(paths, set).join(MANIFEST);
    let Ok(text) = fs_err::read_to_string(&manifest) else {
        return Err(format!("the jars of {} are not in {}", set.name, paths.jars()));
    };
    let content = content(paths, set);
    let mut names = Vec::new();
    for line in text.lines() {
        let Some(listed) = Listed::read(line) else {
            return Err(format!("{manifest} is damaged"));
        };
        let path = content.join(listed.name);
        let found = fs_err::metadata(&path).map(|found| found.len().to_string()).ok();
        match found {
            Some(found) if found == listed.size => names.push(listed.name.to_owned()),
            Some(found) => {
                return Err(format!("{path} has {found} bytes instead of {}", listed.size));
            }
            None => return Err(format!("{path} is missing")),
        }
    }
    if names.is_empty() {
        return Err(format!("{manifest} is empty"));
    }
    Ok((content, names))
}

/// A set of the cache that is not what was fetched.
#[derive(Debug)]
pub(super) struct Damaged {
    /// The folder to remove.
    pub(super) folder: Utf8PathBuf,
    /// What is wrong with which file.
    pub(super) what: String,
}

/// The first set of the cache whose files are not those that were fetched. Reads all of them.
pub(super) fn damaged(paths: &Paths) -> Option<Damaged> {
    let mut there = sets::all().filter(|set| folder(paths, set).join(MANIFEST).is_file());
    let (set, difference) = there.find_map(|set| {
        let difference = difference(paths, &set)?;
        Some((set, difference))
    })?;
    let what = format!("{difference}, in {}", content(paths, &set));
    Some(Damaged { folder: folder(paths, &set), what })
}

fn difference(paths: &Paths, set: &Set) -> Option<Difference> {
    let text = fs_err::read_to_string(folder(paths, set).join(MANIFEST)).ok()?;
    let listed = text.lines().filter_map(Listed::read);
    let listed: Sums =
        listed.map(|listed| (listed.name.to_owned(), listed.sum.to_owned())).collect();
    let content = content(paths, set);
    let found = listed
        .keys()
        .filter_map(|name| Some((name.clone(), jar_sums::sum(&content.join(name)).ok()?)));
    jar_sums::first_difference(&listed, &found.collect())
}

/// Makes the next start fetch a damaged set again; a cache that cannot be written is left as it is.
pub(super) fn forget(damaged: &Damaged) -> Result<(), StackError> {
    files::remove(&damaged.folder.join(MANIFEST))
}

async fn fetch(
    options: &StackOptions,
    paths: &Paths,
    set: &Set,
    missing: &str,
    say: Say<'_>,
) -> Result<(), StackError> {
    let maven = machine::maven(options).map_err(|error| because(missing, error))?;
    say(&format!("fetching the jars of {} ({missing})", set.name));
    // The lock is held: whatever lies there is of a process that did not get to its end.
    for left in files::names(&paths.jars(), ".part-") {
        files::remove(&paths.jars().join(left))?;
    }
    let part = paths.jars().join(format!(".part-{}", set.name));
    let lib = part.join("lib");
    fs_err::create_dir_all(&lib).doing("make a folder for jars")?;
    fs_err::write(part.join("pom.xml"), set.kind.pom).doing("write a POM")?;
    let log = part.join("maven.log");
    let launch = Launch {
        setpriv: machine::setpriv(options)?,
        program: maven,
        args: maven_arguments(set, &part, &lib),
        environment: Surroundings::Ours,
        folder: part.clone(),
        user: None,
        wall: None,
    };
    let mut running = launch.start(&log).doing("start Maven")?;
    follow(&mut running, set, &log, say).await?;
    as_pinned(set, &lib)?;
    if set.kind.is_nested {
        archive::open_nested(&lib).doing(&format!("unpack {}", set.name))?;
    }
    if let Some((interface, classes)) = set.kind.service {
        jar_files::write_service(&lib.join("services.jar"), interface, classes)
            .doing("write a jar with a service file")?;
    }
    jar_files::unpress_nested(&lib).doing("store the jars within jars")?;
    let listed = list(&lib).doing("list the fetched jars")?;
    if listed.is_empty() {
        return Err(failed(set, missing, &log));
    }
    files::replace(&part.join(MANIFEST), listed.join("\n").as_bytes())?;
    // Components that run as another user read them, whatever the mask of new files is.
    files::publish(&part).doing("open the jars to the components")?;
    let target = folder(paths, set);
    files::remove(&target)?;
    files::keep(&part, &target).doing(&format!("move the jars of {} to {target}", set.name))
}

fn maven_arguments(set: &Set, part: &Utf8Path, lib: &Utf8Path) -> Vec<String> {
    let arguments = [
        "--batch-mode".to_owned(),
        format!("--file={part}/pom.xml"),
        format!("dependency:{}", set.kind.goal),
        "-DincludeScope=runtime".to_owned(),
        format!("-DoutputDirectory={lib}"),
    ];
    arguments.into_iter().chain(set.arguments()).collect()
}

/// Refuses what Maven fetched unless it is, byte by byte, what the repository pins.
fn as_pinned(set: &Set, lib: &Utf8Path) -> Result<(), StackError> {
    let fetched = sums(lib, lib).doing("read the fetched jars")?;
    let found = fetched.into_iter().map(|(name, sum, _)| (name, sum)).collect();
    let Some(difference) = jar_sums::first_difference(&jar_sums::pinned(&set.name), &found) else {
        return Ok(());
    };
    Err(StackError::Missing {
        what: format!(
            "what Maven fetched for {} is not what this version of changeproof expects: {difference}",
            set.name
        ),
        mend:
            "remove the file from Maven's local repository (~/.m2/repository) and start again; if \
               that gives the same, the mirror that Maven's settings.xml names is not faithful"
                .to_owned(),
    })
}

/// Waits for Maven and says how far it is.
async fn follow(
    running: &mut Running,
    set: &Set,
    log: &Utf8Path,
    say: Say<'_>,
) -> Result<(), StackError> {
    let mut said = 0;
    let ended = wait::until("Maven to end", FETCH_LIMIT, || {
        let text = fs_err::read_to_string(log).unwrap_or_default();
        let fetched = text.matches("Downloaded from").count();
        if fetched >= said + 25 {
            said = fetched;
            say(&format!("fetching the jars of {}: {fetched} files so far", set.name));
        }
        let ended = running.ended();
        async move {
            Ok::<_, StackError>(match ended.doing("wait for Maven")? {
                Some(status) => Look::Holds(status),
                None => Look::NotYet(format!("{fetched} files are fetched")),
            })
        }
    })
    .await;
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(failed(set, "Maven ended with an error", log)),
        Err(WaitError::TimedOut(late)) => Err(failed(set, &late.to_string(), log)),
        Err(WaitError::Look(error)) => Err(error),
    }
}

fn failed(set: &Set, why: &str, log: &Utf8Path) -> StackError {
    let (_, lines) = end_of_log(log, 400);
    let error = lines.iter().find(|line| line.contains("[ERROR]"));
    let error = error.map_or("Maven did not say why", |line| line.trim());
    if lines.iter().any(|line| line.contains("No space left on device")) {
        return StackError::NoSpace {
            place: format!("the jars of {}", set.name),
            cause: error.to_owned(),
            mend: "free some space, or name a folder on another disk in CHANGEPROOF_CACHE".into(),
        };
    }
    StackError::Missing {
        what: format!("the jars of {} could not be fetched ({why}): {error}", set.name),
        mend: format!("see {log}; Maven needs a repository that it can reach, once"),
    }
}

fn because(missing: &str, error: StackError) -> StackError {
    match error {
        StackError::Missing { what, mend } => {
            StackError::Missing { what: format!("{missing}; {what}"), mend }
        }
        other => other,
    }
}

/// The lines of a manifest of `folder`.
fn list(folder: &Utf8Path) -> std::io::Result<Vec<String>> {
    let files = sums(folder, folder)?;
    Ok(files.into_iter().map(|(name, sum, size)| format!("{sum} {size} {name}")).collect())
}

/// Name, sum and size of every file below `folder`, sorted by name.
fn sums(folder: &Utf8Path, root: &Utf8Path) -> std::io::Result<Vec<(String, String, u64)>> {
    let mut entries: Vec<_> = folder.read_dir_utf8()?.collect::<Result<_, _>>()?;
    entries.sort_by(|a, b| a.path().cmp(b.path()));
    let mut files = Vec::new();
    for entry in entries {
        if entry.file_type()?.is_dir() {
            files.extend(sums(entry.path(), root)?);
        } else {
            let name = entry.path().strip_prefix(root).unwrap_or(entry.path());
            // Of a link, too, what it leads to.
            let size = fs_err::metadata(entry.path())?.len();
            files.push((name.to_string(), jar_sums::sum(entry.path())?, size));
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::lane::Lane;

    #[test]
    fn every_set_is_pinned() {
        for set in sets::all() {
            assert!(!jar_sums::pinned(&set.name).is_empty(), "{} (run ci/jars)", set.name);
        }
    }

    fn kafka() -> Set {
        sets::KAFKA.of(&Lane::default()).unwrap()
    }

    fn model() -> Set {
        sets::MODEL.of(&Lane::default()).unwrap()
    }

    /// A cache that holds `a.jar` of Kafka's set, as a fetch leaves it.
    fn cache() -> (tempfile::TempDir, Paths) {
        let temporary = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(temporary.path()).unwrap();
        let paths = Paths::new(&root.join("state"), &root.join("cache"));
        let content = content(&paths, &kafka());
        fs_err::create_dir_all(&content).unwrap();
        fs_err::write(content.join("a.jar"), "abc").unwrap();
        let lines = list(&content).unwrap().join("\n");
        fs_err::write(folder(&paths, &kafka()).join(MANIFEST), lines).unwrap();
        (temporary, paths)
    }

    #[test]
    fn a_set_is_complete_until_its_manifest_is_emptied_or_cut() {
        let (_temporary, paths) = cache();
        let (_, names) = complete(&paths, &kafka()).unwrap();
        assert_eq!(names, ["a.jar"]);
        let manifest = folder(&paths, &kafka()).join(MANIFEST);
        for (text, told) in [("", "is empty"), ("ba7816bf", "is damaged")] {
            fs_err::write(&manifest, text).unwrap();
            let missing = complete(&paths, &kafka()).unwrap_err();
            assert!(missing.ends_with(told), "{missing}");
        }
    }

    #[test]
    fn a_jar_that_changed_at_the_same_size_is_found_and_its_set_forgotten() {
        let (_temporary, paths) = cache();
        assert!(damaged(&paths).is_none());
        fs_err::write(content(&paths, &kafka()).join("a.jar"), "abd").unwrap();
        assert!(complete(&paths, &kafka()).is_ok(), "sizes do not tell");
        let damaged = damaged(&paths).unwrap();
        assert!(damaged.what.starts_with("a.jar has the SHA-256 sum a52d159f"), "{}", damaged.what);
        forget(&damaged).unwrap();
        assert!(complete(&paths, &kafka()).is_err());
    }

    #[test]
    fn what_maven_fetched_must_be_what_is_pinned() {
        let temporary = tempfile::tempdir().unwrap();
        let lib = Utf8Path::from_path(temporary.path()).unwrap();
        let (name, sum) = jar_sums::pinned(&model().name).pop_first().unwrap();
        fs_err::write(lib.join(&name), "abc").unwrap();
        let refused = as_pinned(&model(), lib).unwrap_err().to_string();
        let told = format!(
            "what Maven fetched for model-2.2.0 is not what this version of changeproof expects: {name} has \
             the SHA-256 sum ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad instead \
             of {sum}\n"
        );
        assert!(refused.starts_with(&told), "{refused}");
    }
}
