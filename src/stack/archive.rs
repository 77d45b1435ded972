//! Archives within archives: Postgres comes as a packed folder in a jar.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use lzma_rust2::XzReader;

use super::files;

/// What a packed folder is named.
const PACKED: &str = "txz";

/// Puts the content of the packed folder in `folder` in the place of all that is there.
pub(super) fn open_nested(folder: &Utf8Path) -> io::Result<()> {
    let names = files::names(folder, "");
    let packed = names.iter().find(|name| Utf8Path::new(name).extension() == Some(PACKED));
    let packed = packed.ok_or_else(|| io::Error::other("there is no packed folder in it"))?;
    let opened = Utf8PathBuf::from(format!("{folder}.opened"));
    fs_err::create_dir(&opened)?;
    let file = io::BufReader::new(fs_err::File::open(folder.join(packed))?);
    tar::Archive::new(XzReader::new(file, true)).unpack(&opened)?;
    fs_err::remove_dir_all(folder)?;
    fs_err::rename(&opened, folder)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn packed(entries: &[(&str, u32, &str)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, mode, text) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len().try_into().unwrap());
            header.set_mode(*mode);
            tar.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        let bytes = tar.into_inner().unwrap();
        let options = lzma_rust2::XzOptions::default();
        let mut xz = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
        xz.write_all(&bytes).unwrap();
        xz.finish().unwrap()
    }

    #[test]
    fn programs_of_a_packed_folder_can_be_started_and_the_jar_is_gone() {
        let temporary = tempfile::tempdir().unwrap();
        let lib = Utf8Path::from_path(temporary.path()).unwrap().join("lib");
        fs_err::create_dir(&lib).unwrap();
        let bytes = packed(&[("bin/initdb", 0o755, "x"), ("share/a.sql", 0o644, "y")]);
        fs_err::write(lib.join("postgres.txz"), bytes).unwrap();
        fs_err::write(lib.join("MANIFEST.MF"), "z").unwrap();
        open_nested(&lib).unwrap();
        assert_eq!(files::names(&lib, ""), ["bin", "share"]);
        files::publish(&lib).unwrap();
        let mode =
            |name: &str| fs_err::metadata(lib.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("bin/initdb"), mode("share/a.sql")), (0o755, 0o644));
    }

    #[test]
    fn a_jar_without_a_packed_folder_and_one_that_is_cut_are_refused() {
        let temporary = tempfile::tempdir().unwrap();
        let lib = Utf8Path::from_path(temporary.path()).unwrap().join("lib");
        fs_err::create_dir(&lib).unwrap();
        assert!(open_nested(&lib).is_err());
        let mut bytes = packed(&[("bin/initdb", 0o755, "x")]);
        bytes.truncate(bytes.len() / 2);
        fs_err::write(lib.join("postgres.txz"), bytes).unwrap();
        assert!(open_nested(&lib).is_err());
    }
}
