//! Whether the value of an option is a secret, by the option's name alone.

/// Last words of keys whose values are secrets.
const LAST: [&str; 14] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "secrets",
    "token",
    "credential",
    "credentials",
    "authorization",
    "userinfo",
    "apikey",
    "privatekey",
    "secretkey",
];

/// Ends of last words: `sslpassword`, `PGPASSWORD`.
const ENDINGS: [&str; 3] = ["password", "passwd", "passphrase"];

/// Last two words of keys whose values are secrets.
const LAST_TWO: [(&str, &str); 13] = [
    ("jaas", "config"),
    ("user", "info"),
    ("api", "key"),
    ("access", "key"),
    ("account", "key"),
    ("private", "key"),
    ("secret", "key"),
    ("secret", "value"),
    ("shared", "key"),
    ("encryption", "key"),
    // The private key itself, as PEM; `ssl.keystore.certificate.chain` is public.
    ("keystore", "key"),
    ("key", "pem"),
    ("credentials", "json"),
];

/// Whether the value of this key is a secret, whatever the value is: `database.password`,
/// `producer.override.sasl.jaas.config`, `s3.secret-access-key`, `auth.apiKey`, `DB_PASSWORD`.
///
/// Only the last words count: `basic.auth.credentials.source`,
/// `sasl.oauthbearer.token.endpoint.url` and `password.encoder.key.length` say where or how.
pub fn is_secret_key(key: &str) -> bool {
    let words = words(key);
    let mut backwards = words.iter().rev().map(String::as_str);
    let Some(last) = backwards.next() else { return false };
    let before = backwards.next().unwrap_or("");
    LAST.contains(&last)
        || ENDINGS.iter().any(|end| last.ends_with(end))
        || LAST_TWO.contains(&(before, last))
}

/// The words of a key in lower case: `.`, `_`, `-` and the humps of a camel part them.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in key.chars() {
        let parts = !c.is_ascii_alphanumeric() || (was_lower && c.is_ascii_uppercase());
        if parts {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_ascii_alphanumeric()) {
            word.push(c.to_ascii_lowercase());
        }
        was_lower = c.is_ascii_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("database.password")]
    #[case("DB_PASSWORD")]
    #[case("PGPASSWORD")]
    #[case("database.sslpassword")]
    #[case("kafka.api.secret")]
    #[case("kafka.api.key")]
    #[case("producer.override.sasl.jaas.config")]
    #[case("value.converter.schema.registry.basic.auth.user.info")]
    #[case("properties.ssl.key.password")]
    #[case("ssl.keystore.key")]
    #[case("ssl.truststore.password")]
    #[case("value.avro-confluent.basic-auth.user-info")]
    #[case("bearer.auth.token")]
    #[case("s3.access-key")]
    #[case("fs.s3a.secret.key")]
    #[case("s3.secret-access-key")]
    #[case("transport.auth.apiKey")]
    #[case("openai.api_key")]
    #[case("sasl.oauthbearer.client.credentials.client.secret")]
    #[case("--password")]
    #[case("token")]
    fn a_secret_is_known_by_its_key(#[case] key: &str) {
        assert!(is_secret_key(key), "{key}");
    }

    #[rstest]
    #[case("key.converter")]
    #[case("message.key.columns")]
    #[case("table.include.list")]
    #[case("key.fields")]
    #[case("primary.key")]
    #[case("transforms.unwrap.key.field.name")]
    #[case("basic.auth.credentials.source")]
    #[case("sasl.mechanism")]
    #[case("sasl.oauthbearer.token.endpoint.url")]
    #[case("password.encoder.key.length")]
    #[case("password_encryption")]
    #[case("ssl.keystore.location")]
    #[case("ssl.keystore.certificate.chain")]
    #[case("database.user")]
    #[case("tokens")]
    #[case("compass")]
    #[case("")]
    #[case("..")]
    fn what_is_no_secret_is_shown(#[case] key: &str) {
        assert!(!is_secret_key(key), "{key}");
    }
}
