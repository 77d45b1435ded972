//! The command line as people and scripts meet it. Each file in `tests/cli/` is a console session:
//! commands, exit codes (`? 20`) and everything printed. None needs a stack.
//!
//! Write the expected output anew with `TRYCMD=overwrite cargo test --test cli`, and read it.

#[test]
fn every_console_session_goes_as_written() {
    trycmd::TestCases::new()
        .default_bin_name("changeproof")
        .env("CHANGEPROOF_LOG", "off")
        .case("tests/cli/*.trycmd");
}
