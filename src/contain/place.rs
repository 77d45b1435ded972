//! Whether a value looks like a place, whatever its key: an address, a host with a port, a path.
//!
//! It decides about options that nobody knows, so it errs on the side of a refusal, but a plain
//! word, a number, a list of names, a class and a regular expression are not places.

use std::fmt;

/// What kind of place a value names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `https://host/…`, `jdbc:postgresql://…`, `s3a://bucket/…`.
    Address,
    /// `host:9092`, also in a list.
    HostAndPort,
    /// `/var/lib/x`, `./x`, `../x`, `~/x`, `C:\x`.
    Path,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "an address",
            Self::HostAndPort => "a host and a port",
            Self::Path => "a path",
        })
    }
}

/// The kind of place that a value, or an item of a list of values, looks like.
pub fn kind(value: &str) -> Option<Kind> {
    let mut items = value.split([',', ';']).map(str::trim).filter(|item| !item.is_empty());
    items.find_map(kind_of_one)
}

fn kind_of_one(item: &str) -> Option<Kind> {
    if is_address(item) {
        Some(Kind::Address)
    } else if is_path(item) {
        Some(Kind::Path)
    } else if is_host_and_port(item) {
        Some(Kind::HostAndPort)
    } else {
        None
    }
}

/// A scheme with `://`, perhaps behind others (`jdbc:postgresql://`), or a scheme of files.
fn is_address(item: &str) -> bool {
    let scheme = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.:_".contains(c))
    };
    let before = |mark: &str| item.split_once(mark).map(|(before, _)| before);
    before("://").is_some_and(scheme)
        || ["file:", "jar:", "jdbc:", "hdfs:"].iter().any(|known| {
            item.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known))
        })
}

fn is_path(item: &str) -> bool {
    let bytes = item.as_bytes();
    let is_drive =
        matches!(bytes, [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    let is_below = |start: &str| item == start.trim_end_matches('/') || item.starts_with(start);
    // A lone slash is a separator or a delimiter, not a folder worth naming.
    let is_absolute = item.len() > 1 && item.starts_with('/') && !item.starts_with("/*");
    is_absolute || is_drive || is_below("~/") || is_below("../") || item.starts_with("./")
}

fn is_host_and_port(item: &str) -> bool {
    let Some((host, port)) = item.rsplit_once(':') else { return false };
    let is_port = !port.is_empty() && port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit());
    let name = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let is_name = !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:".contains(c))
        // `12:30` is a time of day.
        && name.chars().any(|c| c.is_ascii_alphabetic() || c == '.' || c == ':');
    is_port && is_name
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://registry.example", Some(Kind::Address))]
    #[case("jdbc:postgresql://db/x", Some(Kind::Address))]
    #[case("s3a://bucket/x", Some(Kind::Address))]
    #[case("file:/tmp/x", Some(Kind::Address))]
    #[case("broker:9092", Some(Kind::HostAndPort))]
    #[case("a:9092, b:9092", Some(Kind::HostAndPort))]
    #[case("10.0.0.1:9092", Some(Kind::HostAndPort))]
    #[case("[::1]:9092", Some(Kind::HostAndPort))]
    #[case("/etc/passwd", Some(Kind::Path))]
    #[case("../x", Some(Kind::Path))]
    #[case("~", Some(Kind::Path))]
    #[case("C:\\x", Some(Kind::Path))]
    #[case("x, /etc/passwd", Some(Kind::Path))]
    #[case("true", None)]
    #[case("12:30", None)]
    #[case("public.orders, public.items", None)]
    #[case("public\\.(a|b)", None)]
    #[case("org.apache.kafka.connect.json.JsonConverter", None)]
    #[case("/", None)]
    #[case("${routedByValue}", None)]
    #[case("id:int", None)]
    fn a_place_is_told_from_a_word(#[case] value: &str, #[case] expected: Option<Kind>) {
        assert_eq!(kind(value), expected, "{value}");
    }
}
