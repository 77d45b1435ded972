//! Secrets in texts of every kind.

use proptest::prelude::*;
use rstest::rstest;

use super::*;

#[rstest]
// JSON, and JSON within a string of JSON.
#[case(r#"{"database.password": "hunter2", "a": 1}"#, r#"{"database.password": "…", "a": 1}"#)]
#[case(r#"{"a.secret":"hun\"ter2","b":"c"}"#, r#"{"a.secret":"…","b":"c"}"#)]
#[case(r#""{\"a.secret\":\"hun\\\"ter2\",\"b\":\"c\"}""#, r#""{\"a.secret\":\"…\",\"b\":\"c\"}""#)]
#[case("{\"a.secret\":\n  \"hunter2\"}", "{\"a.secret\":\n  \"…\"}")]
#[case(r#"{"a.token": 12345, "b": 2}"#, r#"{"a.token": …, "b": 2}"#)]
#[case(r#"{"a.secret": ["one", "two"], "b": 2}"#, r#"{"a.secret": […], "b": 2}"#)]
// YAML.
#[case(
    "a:\n  database.password: hunter two, three # ours\n  b: c",
    "a:\n  database.password: … # ours\n  b: c"
)]
#[case("database.password: 'it''s'\nb: c", "database.password: '…'\nb: c")]
#[case("connector: {database.password: hunter2, b: c}", "connector: {database.password: …, b: c}")]
#[case("ssl.keystore.key: |-\n  MIIa\n  MIIb\nb: c", "ssl.keystore.key: |-\n  …\n  …\nb: c")]
#[case("a.password:\n  - hunter2\n  - hunter3\nb: c", "a.password:\n  - …\n  - …\nb: c")]
#[case("a.password:\n- hunter2\nb: c", "a.password:\n- …\nb: c")]
#[case("a.password:\n  hunter2\nb: c", "a.password:\n  …\nb: c")]
#[case("token:\n  url: there\n  password: hunter2", "token:\n  url: there\n  password: …")]
#[case("a.password: [hunter2, hunter3]", "a.password: […]")]
// Properties, arguments, the environment.
#[case(
    "\tsasl.jaas.config = x.Plain required password=\"p\";\n\tb = c",
    "\tsasl.jaas.config = …\n\tb = c"
)]
#[case("run --password=hunter2 --b=c", "run --password=… --b=c")]
#[case("PGPASSWORD=hunter2 psql", "PGPASSWORD=…")]
#[case("env PGPASSWORD=hunter2 psql", "env PGPASSWORD=… psql")]
// SQL.
#[case(
    "CREATE ROLE app LOGIN PASSWORD 'it''s' VALID UNTIL 'x'",
    "CREATE ROLE app LOGIN PASSWORD '…' VALID UNTIL 'x'"
)]
#[case("ALTER ROLE app password E'hun\\'ter'", "ALTER ROLE app password E'…'")]
#[case("ALTER ROLE app PASSWORD $p$hunter2$p$ LOGIN", "ALTER ROLE app PASSWORD $p$…$p$ LOGIN")]
#[case("OPTIONS (user 'app', password 'hunter2')", "OPTIONS (user 'app', password '…')")]
#[case("dblink('host=h password=hunter2 user=u', 'q')", "dblink('host=h password=… user=u', 'q')")]
#[case("EXECUTE 'f(''password=hunter2'')'", "EXECUTE 'f(''password=…'')'")]
#[case(
    "EXECUTE 'CREATE ROLE a PASSWORD ''hunter2'' LOGIN'",
    "EXECUTE 'CREATE ROLE a PASSWORD ''…'' LOGIN'"
)]
#[case(
    "WITH ('properties.sasl.jaas.config' = 'x required password=\"p\";', 'a' = 'b')",
    "WITH ('properties.sasl.jaas.config' = '…', 'a' = 'b')"
)]
#[case(
    "/*+ OPTIONS('a.ssl.key.password'='hunter2') */ t",
    "/*+ OPTIONS('a.ssl.key.password'='…') */ t"
)]
// JAAS.
#[case(
    "x.PlainLoginModule required username=\"u\" password=\"hunter 2\";",
    "x.PlainLoginModule required username=\"u\" password=\"…\";"
)]
#[case(
    r#"{"c": "x required username=\"u\" password=\"hunter2\";"}"#,
    r#"{"c": "x required username=\"u\" password=\"…\";"}"#
)]
// Addresses.
#[case("postgres://u:hunter2@h:5432/d", "postgres://u:…@h:5432/d")]
#[case("see postgres://u:hun/te@r2@h/d, there", "see postgres://u:…@h/d, there")]
#[case(
    "jdbc:postgresql://h/d?user=u&password=hunter2&ssl=true",
    "jdbc:postgresql://h/d?user=u&password=…&ssl=true"
)]
#[case("https://h/x?api_key=hunter2", "https://h/x?api_key=…")]
// Headers, tokens, keys.
#[case("Authorization: Basic dTpw", "Authorization: …")]
#[case("> authorization: Bearer abc.def1, accept: x", "> authorization: …, accept: x")]
#[case("curl -H 'x: Bearer a1b2c3d4'", "curl -H 'x: Bearer …'")]
#[case("got eyJhbGciOi.eyJzdWIi.c2ln!", "got …!")]
#[case(
    "-----BEGIN RSA PRIVATE KEY-----\nMIIa\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN RSA PRIVATE KEY-----\n…\n-----END RSA PRIVATE KEY-----"
)]
#[case("-----BEGIN PRIVATE KEY-----\\nMIIa", "-----BEGIN PRIVATE KEY-----…")]
// Sentences.
#[case("the password 'hunter2' was refused", "the password '…' was refused")]
#[case("login failed, password: hunter2 (3 times)", "login failed, password: … (3 times)")]
#[case("Config { password: \"hunter2\", port: 1 }", "Config { password: \"…\", port: 1 }")]
fn a_secret_is_hidden(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(redacted(text), expected);
}

#[rstest]
#[case("unexpected token: FROM at line 3")]
#[case("Unrecognized token 'abc': was expecting JSON")]
#[case("password authentication failed for user \"app\"")]
#[case("CREATE TABLE u (id INT, password TEXT NOT NULL, token TEXT)")]
#[case("SELECT password::text, token FROM u")]
#[case("column.exclude.list: public.users.password")]
#[case("key.converter: org.apache.kafka.connect.json.JsonConverter")]
#[case("message.key.columns = public.a:id")]
#[case("basic authentication, Bearer tokens, basic needs")]
#[case("http://h:8080/a@b and http://u@h/x")]
#[case("database.password: ${file:/opt/s.properties:password}")]
#[case("database.password = [hidden]")]
#[case("{\"password\": null, \"b\": \"\", \"token\": \"\"}")]
#[case("-----BEGIN CERTIFICATE-----\nMIIa\n-----END CERTIFICATE-----")]
#[case("expected.token.")]
#[case("write postgres://USER:PASSWORD@HOST/DATABASE")]
fn what_is_no_secret_stays(#[case] text: &str) {
    assert_eq!(redacted(text), text);
}

#[test]
fn a_mask_keeps_every_byte_and_column() {
    let text = "password: 'aé€🔑'\nb: c";
    assert_eq!(masked(text), "password: '*·…🔒'\nb: c");
    let pem = "-----BEGIN PRIVATE KEY-----\nab\n-----END PRIVATE KEY-----";
    assert_eq!(masked(pem), "-----BEGIN PRIVATE KEY-----\n**\n-----END PRIVATE KEY-----");
}

#[test]
fn a_known_secret_is_hidden_wherever_it_stands() {
    let mut secrets = Secrets::none();
    secrets.learn_value("a.password", "it's \"7\"");
    secrets.learn_value("basic.auth.user.info", "user:s3cret");
    secrets.learn_value("database.password", "postgres");
    secrets.learn_value("database.hostname", "h4rmless");
    secrets.learn_text("postgres://u:hunter2@h/d");
    let text = "it's \"7\", 'it''s \"7\"' and \"it's \\\"7\\\"\"";
    assert_eq!(secrets.hidden(text), "…, '…' and \"…\"");
    assert_eq!(
        secrets.hidden("user user:s3cret, or s3cret, not s3crets"),
        "user …, or …, not s3crets"
    );
    assert_eq!(secrets.hidden("postgres at h4rmless says hunter2"), "postgres at h4rmless says …");
    assert_eq!(secrets.known_hidden("password=abc hunter2"), "password=abc …");
    assert_eq!(secrets.known_masked("password=abc hunter2"), "password=abc *******");
    assert!(secrets.knows("hunter2") && !secrets.knows("hunter2 "));
}

#[test]
fn a_secret_of_several_lines_is_hidden_line_by_line() {
    let mut secrets = Secrets::none();
    secrets.learn("-----BEGIN PRIVATE KEY-----\nMIIa1\nMIIb2\n-----END PRIVATE KEY-----");
    assert_eq!(secrets.hidden("MIIb2\n-----END PRIVATE KEY-----"), "…\n-----END PRIVATE KEY-----");
}

proptest! {
    /// Whatever the text: nothing that is no secret moves, and a second look finds nothing.
    #[test]
    fn masks_are_of_the_same_length_and_final(
        text in "(password|a\\.secret|token|jaas\\.config|PASSWORD|://u:|@h|Bearer |-----BEGIN X PRIVATE KEY-----|-----END|[ \n:='\"\\\\,{}\\[\\]|>$E#-]|[a-z0-9é€]{1,4}){0,30}",
    ) {
        let masked = masked(&text);
        prop_assert_eq!(masked.len(), text.len());
        prop_assert_eq!(masked.chars().count(), text.chars().count());
        let places = spans(&text);
        for pair in places.windows(2) {
            prop_assert!(pair[0].end <= pair[1].start);
        }
        for span in places {
            prop_assert!(text.get(span.start..span.end).is_some());
        }
    }

    /// A quoted value is found whole in each form, whatever it holds.
    #[test]
    fn a_quoted_value_is_hidden_whole(value in "[a-z0-9 ='\"\\\\:,;{}#é-]{0,12}[a-z0-9]") {
        let json = serde_json::to_string(&value).unwrap();
        let within = serde_json::to_string(&format!("{{\"a.password\":{json}}}")).unwrap();
        let sql = value.replace('\'', "''");
        let json = format!("{{\"a.password\": {json}, \"b\": 1}}");
        let sql = format!("('a.password' = '{sql}', 'b' = 'c')");
        prop_assert_eq!(redacted(&json), "{\"a.password\": \"…\", \"b\": 1}");
        prop_assert_eq!(redacted(&within), r#""{\"a.password\":\"…\"}""#);
        prop_assert_eq!(redacted(&sql), "('a.password' = '…', 'b' = 'c')");
    }
}
