//! Object storage: what lies below the name of a run, over the API of S3, and the manners that a run asks
//! for at the door before it.

use serde_json::json;

use super::http::{Http, HttpError};
use super::reach::{Reach, Rest, Storage};
use crate::scenario::settings::S3;

/// The path at the door below which a run asks for manners.
pub const MANNERS: &str = "/-/manners/";

/// The door before the object storage, for one run.
#[derive(Debug, Clone)]
pub struct Door {
    http: Http,
    run: String,
}

impl Door {
    /// That of a stack; `None` where it has no object storage.
    pub fn of(reach: &Reach, run: &str) -> Result<Option<Self>, HttpError> {
        let Some(Storage { at, login }) = &reach.storage else { return Ok(None) };
        let at = Rest { login: Some(login.clone()), ..Rest::plain(at.inside.clone()) };
        Ok(Some(Self { http: Http::below(&at, MANNERS)?, run: run.to_owned() }))
    }

    /// Asks for manners from here on.
    pub async fn ask(&self, manners: S3) -> Result<(), HttpError> {
        self.http.put::<S3>(&self.run, &json!(manners)).await.map(drop)
    }

    /// What is left of what was asked for.
    pub async fn left(&self) -> Result<S3, HttpError> {
        self.http.get(&self.run).await
    }
}

#[cfg(feature = "lake")]
pub use bucket::{Bucket, BucketError};

#[cfg(feature = "lake")]
mod bucket {
    use futures::TryStreamExt as _;
    use object_store::aws::{AmazonS3, AmazonS3Builder};
    use object_store::client::{HttpClient, HttpConnector};
    use object_store::path::Path;
    use object_store::{ClientOptions, ObjectStore as _, ObjectStoreExt as _};

    use crate::client::http::Http;
    use crate::client::reach::{BUCKET, Reach, Storage};

    /// Why objects cannot be read.
    pub type BucketError = object_store::Error;

    /// The objects of one run.
    #[derive(Debug, Clone)]
    pub struct Bucket {
        store: AmazonS3,
        run: String,
    }

    /// All calls go by the client that every API is called with.
    #[derive(Debug)]
    struct Ours;

    impl HttpConnector for Ours {
        fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
            let client = Http::plain().map_err(|error| object_store::Error::Generic {
                store: "S3",
                source: Box::new(error),
            })?;
            Ok(HttpClient::new(client))
        }
    }

    impl Bucket {
        /// That of a stack; `None` where it has no object storage.
        pub fn of(reach: &Reach, run: &str) -> Result<Option<Self>, BucketError> {
            let Some(Storage { at, login }) = &reach.storage else { return Ok(None) };
            let store = AmazonS3Builder::new()
                .with_http_connector(Ours)
                .with_endpoint(&at.outside)
                .with_allow_http(true)
                .with_virtual_hosted_style_request(false)
                .with_bucket_name(BUCKET)
                .with_region("us-east-1")
                .with_access_key_id(&login.user)
                .with_secret_access_key(&login.password.0)
                .build()?;
            Ok(Some(Self { store, run: run.to_owned() }))
        }

        /// The names of the objects in a folder of the run, those of folders in it too.
        pub async fn names(&self, folder: &str) -> Result<Vec<String>, BucketError> {
            let prefix = self.path(folder)?;
            let objects = self.store.list(Some(&prefix));
            let names = objects.map_ok(|object| {
                let name = object.location.as_ref();
                let below = name.strip_prefix(prefix.as_ref()).unwrap_or(name);
                below.trim_start_matches('/').to_owned()
            });
            names.try_collect().await
        }

        /// An object in a folder of the run.
        pub async fn read(&self, name: &str) -> Result<Vec<u8>, BucketError> {
            Ok(self.store.get(&self.path(name)?).await?.bytes().await?.to_vec())
        }

        /// The names of all runs that have objects on a stack.
        pub async fn runs(reach: &Reach) -> Result<Vec<String>, BucketError> {
            let Some(all) = Self::of(reach, "")? else { return Ok(Vec::new()) };
            let folders = all.store.list_with_delimiter(None).await?.common_prefixes;
            Ok(folders.iter().map(ToString::to_string).collect())
        }

        /// Removes all objects of the run.
        pub async fn clear(&self) -> Result<(), BucketError> {
            for name in self.names("").await? {
                self.store.delete(&self.path(&name)?).await?;
            }
            Ok(())
        }

        fn path(&self, name: &str) -> Result<Path, BucketError> {
            Ok(Path::parse(format!("{}/{name}", self.run).trim_end_matches('/'))?)
        }
    }
}
