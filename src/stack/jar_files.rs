//! Jars as files: one with a service in it, and those whose jars can be read without inflating.
//!
//! Flink keeps its planner and its RPC system in jars within jars, and every one of its processes
//! unpacks them when it starts. Inflating them twice, once from the outer jar and once class by
//! class, was a fourteenth of all that a cold start computes. Stored, they are copied.

use std::io::{self, Cursor, Read, Seek, Write as _};

use camino::Utf8Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::files;

fn stored() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored)
}

/// Writes a jar that holds nothing but one service file.
pub(super) fn write_service(path: &Utf8Path, interface: &str, classes: &str) -> io::Result<()> {
    let mut jar = ZipWriter::new(fs_err::File::create(path)?);
    jar.start_file(format!("META-INF/services/{interface}"), stored())?;
    jar.write_all(classes.as_bytes())?;
    jar.finish()?;
    Ok(())
}

/// Rewrites every jar in `folder` that holds a jar, so that neither is compressed.
pub(super) fn unpress_nested(folder: &Utf8Path) -> io::Result<()> {
    for name in files::names(folder, "").into_iter().filter(|name| is_jar(name)) {
        let path = folder.join(name);
        let mut outer = ZipArchive::new(fs_err::File::open(&path)?)?;
        if outer.file_names().flatten().any(|name| is_jar(&name)) {
            let unpressed = unpressed(&mut outer)?;
            fs_err::write(&path, unpressed)?;
        }
    }
    Ok(())
}

fn is_jar(name: &str) -> bool {
    Utf8Path::new(name).extension() == Some("jar")
}

/// The same entries in the same order, stored; and so on in the jars among them.
fn unpressed(jar: &mut ZipArchive<impl Read + Seek>) -> io::Result<Vec<u8>> {
    let mut written = ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..jar.len() {
        let mut entry = jar.by_index(index)?;
        let name = entry.name()?.into_owned();
        let options = stored().last_modified_time(entry.last_modified().unwrap_or_default());
        if entry.is_dir() {
            written.add_directory(name, options)?;
            continue;
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        if is_jar(&name) {
            content = unpressed(&mut ZipArchive::new(Cursor::new(content))?)?;
        }
        written.start_file(name, options)?;
        written.write_all(&content)?;
    }
    Ok(written.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASS: &[u8] = &[b'c'; 4000];

    fn pressed(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut jar = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        jar.add_directory("META-INF/", options).unwrap();
        for (name, content) in entries {
            jar.start_file(*name, options).unwrap();
            jar.write_all(content).unwrap();
        }
        jar.finish().unwrap().into_inner()
    }

    /// Names and contents in order; every entry must be stored.
    fn stored_entries(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut jar = ZipArchive::new(Cursor::new(bytes.to_vec())).unwrap();
        let mut entries = Vec::new();
        for index in 0..jar.len() {
            let mut entry = jar.by_index(index).unwrap();
            assert_eq!(entry.compression(), CompressionMethod::Stored, "entry {index}");
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            entries.push((entry.name().unwrap().into_owned(), content));
        }
        entries
    }

    #[test]
    fn a_jar_within_a_jar_is_stored_and_a_jar_without_one_stays_as_it_is() {
        let temp = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(temp.path()).unwrap();
        let inner = pressed(&[("B.class", CLASS)]);
        let plain = pressed(&[("A.class", CLASS)]);
        fs_err::write(folder.join("outer.jar"), pressed(&[("inner.jar", &inner), ("x", b"y")]))
            .unwrap();
        fs_err::write(folder.join("plain.jar"), &plain).unwrap();

        unpress_nested(folder).unwrap();

        assert_eq!(fs_err::read(folder.join("plain.jar")).unwrap(), plain);
        let outer = stored_entries(&fs_err::read(folder.join("outer.jar")).unwrap());
        let names: Vec<&str> = outer.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["META-INF/", "inner.jar", "x"]);
        let inner = stored_entries(&outer[1].1);
        assert_eq!(inner[1], ("B.class".to_owned(), CLASS.to_vec()));
    }
}
