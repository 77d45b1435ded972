//! Arguments, console and exit codes. The only module that reads the environment or prints.

use std::process::ExitCode;

use clap::{ArgAction, Parser, Subcommand};

use crate::base::exit::Exit;
use console::{Color, Console};
use environment::Environment;

mod attached;
mod bench;
mod bench_check;
mod bench_parse;
mod bless;
mod check;
mod chosen;
mod console;
mod convert;
mod editor;
pub mod environment;
mod explain;
mod filters;
mod fmt;
mod format;
mod gateway;
mod generate;
mod known;
mod lane;
mod last;
mod libtest;
mod lint;
mod list;
mod logging;
mod new;
mod outside;
mod pages;
mod progress;
mod project;
mod prune;
mod run;
mod schema;
mod score;
mod select;
mod shell;
pub mod stack;
mod translate;
mod watch;

/// Proves what a change data capture pipeline does to the order, the number and the life of rows.
///
/// changeproof drives transactions into Postgres from a scenario file, watches every hop to the
/// sink (journal, topics, sinks), and judges what it saw against a model of what may be seen.
///
/// Exit codes: 0 pass, 2 usage, 10 anomaly, 11 unknown, 12 nothing selected or nothing run,
/// 20 scenario, pipeline or history invalid, 30 stack not up, 31 capture broken, 70 internal bug,
/// 130 interrupted. Of several the first of 70, 130, 10, 31, 30, 20, 11 counts.
#[derive(Debug, Parser)]
#[command(name = "changeproof", version, subcommand_required = true, arg_required_else_help = true)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every subcommand takes.
#[derive(Debug, clap::Args)]
struct Global {
    /// When to colour what is printed
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, help_heading = "Output")]
    color: Color,
    /// Log more to stderr: -v what happens, -vv every call; reports list what differs from the files
    ///
    /// The variable `CHANGEPROOF_LOG` takes filters by module, as in `changeproof::quiesce=trace`.
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Output")]
    verbose: u8,
}

/// The subcommands, in the order of `--help`.
#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Check(check::Check),
    Convert(convert::Convert),
    Up(stack::Up),
    Down(stack::Down),
    Status(stack::Status),
    Doctor(stack::Doctor),
    Stack(attached::StackCommand),
    List(list::List),
    Libtest(libtest::Libtest),
    Lanes(lane::List),
    Explain(explain::Explain),
    Lint(lint::Lint),
    Fmt(fmt::Fmt),
    New(new::New),
    Bless(bless::Bless),
    Prune(prune::Prune),
    Translate(translate::Translate),
    #[command(hide = true)]
    Bench(bench::Bench),
    #[command(hide = true)]
    BenchCheck(bench_check::BenchCheck),
    #[command(hide = true)]
    BenchParse(bench_parse::BenchParse),
    #[command(hide = true)]
    Keeper(stack::Keeper),
    #[command(hide = true)]
    Door(stack::Door),
    #[command(hide = true)]
    Confined(stack::Confined),
    Schema(schema::Schema),
    Generate(generate::Generate),
    Score(score::Score),
    Gateway(gateway::Gateway),
    Complete(shell::Complete),
    Man(shell::Man),
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let console = Console::new(arguments.global.color, arguments.global.verbose);
    let environment = match Environment::read() {
        Ok(environment) => environment,
        Err(error) => {
            console.err(&format!("error: {error}"));
            return ExitCode::from(Exit::Usage.code());
        }
    };
    known::learn_environment(&environment);
    logging::start(arguments.global.verbose, environment.log.as_deref());
    let exit = dispatch(&arguments.command, &environment, console);
    ExitCode::from(exit.code())
}

/// `--help` and `--version` are printed and pass; anything else is a wrong command line.
fn usage(error: &clap::Error) -> ExitCode {
    // Nothing can be done for a console that is gone.
    error.print().ok();
    let exit = if error.use_stderr() { Exit::Usage } else { Exit::Pass };
    ExitCode::from(exit.code())
}

fn dispatch(command: &Command, environment: &Environment, console: Console) -> Exit {
    match command {
        Command::Run(run) => run::run(run, environment, console),
        Command::Check(check) => check::run(check, console),
        Command::Convert(convert) => convert::run(convert, console),
        Command::Up(up) => stack::up(up, environment, console),
        Command::Down(down) => stack::down(down, environment, console),
        Command::Status(status) => stack::status(status, environment, console),
        Command::Doctor(doctor) => stack::doctor(doctor, environment, console),
        Command::Stack(command) => attached::stack(command, environment, console),
        Command::Bench(bench) => bench::bench(bench, environment, console),
        Command::BenchCheck(bench) => bench_check::run(bench, console),
        Command::BenchParse(bench) => bench_parse::run(bench, console),
        Command::Keeper(keeper) => stack::keeper(keeper, console),
        Command::Door(door) => stack::door(door, console),
        Command::Confined(confined) => stack::confined(confined, console),
        Command::List(list) => list::run(list, console),
        Command::Libtest(libtest) => libtest::run(libtest, environment, console),
        Command::Lanes(list) => lane::list(list, console),
        Command::Lint(lint) => lint::run(lint, console),
        Command::Fmt(fmt) => fmt::run(fmt, console),
        Command::New(new) => new::run(new, environment, console),
        Command::Bless(bless) => bless::run(bless, console),
        Command::Prune(prune) => prune::run(prune, environment, console),
        Command::Translate(translate) => translate::run(translate, console),
        Command::Explain(explain) => explain::run(explain, console),
        Command::Schema(schema) => schema::run(schema, console),
        Command::Generate(generate) => generate::run(generate, environment, console),
        Command::Complete(complete) => shell::complete(complete, console),
        Command::Man(man) => shell::man(man, console),
        Command::Score(score) => score::run(score, environment, console),
        Command::Gateway(gateway) => gateway::run(gateway, environment, console),
    }
}
