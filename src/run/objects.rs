//! The objects of a run: the catalog of its tables, the manners of the storage, what is read there and
//! kept, and the removal of all. Nothing of it is done where files are kept in a folder.

use camino::Utf8PathBuf;

use super::outcome::Stop;
use super::prepare::Run;
use super::prepare::files::{Home, inside};
use crate::capture::diagnose;
use crate::capture::lake::Room;
use crate::client::http::HttpError;
use crate::client::postgres::{self, CONTROL_DATABASE, PostgresError};
use crate::client::storage::Door;
use crate::history::event::SinkTable;
use crate::history::files::Kept;
use crate::scenario::settings::S3;
use crate::scenario::timeline::Entry;

impl Run<'_> {
    fn has_objects(&self) -> bool {
        matches!(self.home, Home::Objects(_))
    }

    fn door(&self) -> Result<Option<Door>, HttpError> {
        Door::of(self.context.reach(), &self.names.base)
    }

    /// Makes the catalog, and asks for the manners of the settings.
    pub(in crate::run) async fn begin_objects(&self) -> Result<(), Stop> {
        if !self.has_objects() {
            return Ok(());
        }
        let name = self.names.catalog();
        let control =
            postgres::connect(self.context.mirror(), CONTROL_DATABASE, "changeproof").await?;
        self.tools.created.database(&name);
        control.create_database(&name, &self.names.owner()).await?;
        self.ask_manners(self.trial.settings.s3).await
    }

    /// Asks the storage for manners from here on.
    pub(in crate::run) async fn ask_manners(&self, manners: S3) -> Result<(), Stop> {
        match self.door()? {
            Some(door) if !manners.is_plain() => Ok(door.ask(manners).await?),
            Some(_) | None => Ok(()),
        }
    }

    /// Manners that nothing met have tried nothing; `last` is where that is told.
    pub(in crate::run) async fn refuse_unmet_manners(
        &self,
        last: Option<&Entry>,
    ) -> Result<(), Stop> {
        let (Some(door), Some(last)) = (self.door()?, last) else { return Ok(()) };
        let left = door.left().await?;
        let never = |n: u32, what: &str, deed: &str| match n {
            1 => format!("1 {what} that was to be {deed} never came"),
            n => format!("{n} {what}s that were to be {deed} never came"),
        };
        let unmet = match (left.refuse, left.cut) {
            (0, 0) => return Ok(()),
            (0, cuts) => never(cuts, "upload", "cut"),
            (refusals, _) => never(refusals, "request", "refused"),
        };
        let message = format!("the object storage was asked for manners that nothing met: {unmet}");
        let mut diagnostic = diagnose::entry(diagnose::FAULT, last, message);
        let help = "write lower numbers under `s3`, or more changes before the last proof";
        diagnostic.help = Some(help.to_owned());
        Err(diagnostic.into())
    }

    /// Where the files of a sink are.
    pub(in crate::run) async fn room(&self, sink: &SinkTable, place: &str) -> Result<Room, Stop> {
        if !self.has_objects() {
            return Ok(Room::Folder(Utf8PathBuf::from(self.home.name(place))));
        }
        let url = self.home.url(place);
        let metadata = match sink.kept {
            Kept::Iceberg => self.metadata(&url).await?,
            Kept::Parquet | Kept::Csv | Kept::Json | Kept::Topic => None,
        };
        self.objects_at(inside(place), url, metadata)
    }

    /// The newest metadata of a table, as its catalog has it; `None` before the first.
    async fn metadata(&self, url: &str) -> Result<Option<String>, PostgresError> {
        let at = self.context.mirror().as_role(self.names.owner());
        let catalog = postgres::connect(&at, &self.names.catalog(), "changeproof catalog").await?;
        if catalog.value("SELECT to_regclass('iceberg_tables')::text").await?.is_none() {
            return Ok(None);
        }
        let start = postgres::literal(&format!("{url}/metadata/"));
        let find = format!(
            "SELECT metadata_location FROM iceberg_tables WHERE starts_with(metadata_location, {start})"
        );
        catalog.value(&find).await
    }
}

#[cfg(feature = "lake")]
mod read {
    use camino::{Utf8Path, Utf8PathBuf};

    use crate::capture::lake::{Objects, Room};
    use crate::client::storage::Bucket;
    use crate::run::context::RunContext;
    use crate::run::names::Names;
    use crate::run::outcome::Stop;
    use crate::run::prepare::Run;

    impl Run<'_> {
        pub(super) fn objects_at(
            &self,
            folder: Utf8PathBuf,
            url: String,
            metadata: Option<String>,
        ) -> Result<Room, Stop> {
            let bucket = Bucket::of(self.context.reach(), &self.names.base).map_err(unread)?;
            let bucket = bucket.ok_or_else(|| Stop::Internal("there is no storage".to_owned()))?;
            Ok(Room::Objects(Objects { bucket, folder, url, metadata }))
        }

        /// Copies all objects into the folder of the run that is kept.
        pub(in crate::run) async fn fetch_objects(&self) -> Option<String> {
            let copied = copy(self.context, &self.names, &self.claim.lake).await;
            copied.err().map(|error| format!("the objects of the run could not be kept: {error:#}"))
        }
    }

    fn unread(error: crate::client::storage::BucketError) -> Stop {
        Stop::Stack(format!("the object storage cannot be read: {error}"))
    }

    async fn copy(context: &RunContext, names: &Names, to: &Utf8Path) -> anyhow::Result<()> {
        let Some(bucket) = Bucket::of(context.reach(), &names.base)? else { return Ok(()) };
        for name in bucket.names("").await? {
            let file = to.join(&name);
            if let Some(folder) = file.parent() {
                fs_err::create_dir_all(folder)?;
            }
            fs_err::write(&file, bucket.read(&name).await?)?;
        }
        Ok(())
    }
}

#[cfg(not(feature = "lake"))]
mod read {
    use camino::Utf8PathBuf;

    use crate::capture::lake::Room;
    use crate::run::outcome::Stop;
    use crate::run::prepare::Run;

    impl Run<'_> {
        /// Such runs are refused before anything starts.
        pub(super) fn objects_at(
            &self,
            _: Utf8PathBuf,
            _: String,
            _: Option<String>,
        ) -> Result<Room, Stop> {
            Err(Stop::Internal("objects without the feature `lake`".to_owned()))
        }

        /// There are none.
        pub(in crate::run) async fn fetch_objects(&self) -> Option<String> {
            None
        }
    }
}
