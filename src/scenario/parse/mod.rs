//! From the tree to scenarios and pipelines. Nothing stops at the first error: every part reports
//! what is wrong with it and leaves out what it cannot use.

mod application;
mod catalogue;
mod cells;
mod change;
mod conditions;
mod confluent;
mod connector;
mod expect;
mod faults;
mod held;
mod json;
mod layouts;
mod life;
mod matrix;
mod migrations;
mod outbox;
mod overrides;
mod pipeline;
mod placeholders;
mod rows;
mod sessions;
mod settings;
mod shape;
mod sinks;
mod source;
mod sql;
mod stack;
mod timeline;
mod union;
mod versions;

pub(crate) use layouts::statements_in_json;
pub(crate) use overrides::overridden;
pub(crate) use stack::stack_file;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::code::Code;
use super::diagnose::Diagnostics;
use super::load::Files;
use super::pipeline::Pipeline;
use super::scenario::Scenario;
use super::settings::Settings;
use super::words::{self, SCENARIO};
use super::yaml::{self, Node};
use crate::base::text::Text;
use crate::disk::lexical;
use catalogue::Catalogue;
use settings::Of;
use shape::Fields;
use timeline::Around;

/// What every part of the parser has at hand.
struct Reader<'a> {
    files: &'a mut Files,
    diagnostics: &'a mut Diagnostics,
    /// What placeholders in statements stand for.
    variables: BTreeMap<String, String>,
}

impl<'a> Reader<'a> {
    fn new(files: &'a mut Files, diagnostics: &'a mut Diagnostics) -> Self {
        Self { files, diagnostics, variables: BTreeMap::new() }
    }
}

/// Reads a scenario file. `None` if a part that every scenario has cannot be used; other errors are
/// only in `diagnostics`.
pub(crate) fn scenario(
    source: &Text,
    id: &str,
    files: &mut Files,
    diagnostics: &mut Diagnostics,
) -> Option<Scenario> {
    let root = yaml::read(source, diagnostics)?;
    let mut reader = Reader::new(files, diagnostics);
    let fields = reader.map(&root, SCENARIO)?;
    reader.scenario(source, id, &fields)
}

/// Reads the labels of a scenario file and nothing else.
pub(crate) fn labels(source: &Text, files: &mut Files) -> Vec<String> {
    let mut unsaid = Diagnostics::default();
    let Some(root) = yaml::read(source, &mut unsaid) else { return Vec::new() };
    let mut reader = Reader::new(files, &mut unsaid);
    let fields = reader.map(&root, SCENARIO);
    let covers = fields.as_ref().and_then(|fields| fields.get("covers"));
    covers.map(|node| reader.covers(node)).unwrap_or_default()
}

/// Reads `changeproof.yaml`: the folder with the scenarios.
pub(crate) fn project(
    source: &Text,
    files: &mut Files,
    diagnostics: &mut Diagnostics,
) -> Option<Utf8PathBuf> {
    let root = yaml::read(source, diagnostics)?;
    let mut reader = Reader::new(files, diagnostics);
    let fields = reader.map(&root, words::PROJECT)?;
    let version = reader.required(&fields, "changeproof", "write `changeproof: v1`");
    if let Some(version) = version {
        reader.word(version, words::VERSION);
    }
    let node = fields.get("scenarios")?;
    let folder = reader.text(node, "the path of a folder")?;
    let folder = lexical(&source.file.parent().unwrap_or(Utf8Path::new("")).join(folder));
    if !folder.is_dir() {
        let message = format!("there is no folder `{folder}`");
        reader
            .error(Code::NoFile, &node.at, message)
            .help("name the folder that holds the scenarios");
        return None;
    }
    Some(folder)
}

/// Reads a pipeline file alone, with its settings.
pub(crate) fn pipeline_file(
    source: &Text,
    files: &mut Files,
    diagnostics: &mut Diagnostics,
) -> Option<(Pipeline, Settings)> {
    let root = yaml::read(source, diagnostics)?;
    let parsed = Reader::new(files, diagnostics).pipeline(&root, &source.file, true)?;
    let mut settings = Settings::default();
    for setting in &parsed.settings {
        for choice in &setting.choices {
            settings.set(&setting.path, &choice.value);
        }
    }
    Some((parsed.pipeline, settings))
}

impl Reader<'_> {
    fn scenario(&mut self, source: &Text, id: &str, fields: &Fields<'_>) -> Option<Scenario> {
        let version = self.required(fields, "scenario", "write `scenario: v1`");
        if let Some(version) = version {
            self.word(version, words::VERSION);
        }
        let help = "write one sentence: what is true if the scenario passes";
        let title =
            self.required(fields, "title", help).and_then(|node| self.text(node, "a title"));
        let covers = fields.get("covers").map(|node| self.covers(node)).unwrap_or_default();
        self.variables_of(fields);
        let help = "name a pipeline file, or write the pipeline inline as a map";
        let pipeline = self.required(fields, "pipeline", help);
        let mut pipeline = pipeline.and_then(|node| self.pipeline_of(node, &source.file));
        // Without a pipeline no place is known, so that no name of a place can be refused.
        let unknown = Catalogue::unknown();
        let catalogue = pipeline.as_ref().map_or(&unknown, |pipeline| &pipeline.catalogue);
        let own = fields.get("settings");
        let own = own.map(|node| self.settings(node, (&source.file, catalogue), Of::Scenario));
        let only = fields.get("only").map(|node| self.only(node, catalogue));
        let requires = fields.get("requires").map(|node| self.ranges(node, "`requires`"));
        let setup = fields.get("setup").map(|node| self.setup(node, &source.file));
        let help = "write `timeline: []` if nothing happens after `setup`";
        let timeline = self.required(fields, "timeline", help);
        let of_pipeline = pipeline.as_ref().map(|p| p.settings.clone()).unwrap_or_default();
        let settings = settings::merged(of_pipeline, own.unwrap_or_default());
        if let Some(pipeline) = &mut pipeline {
            self.check_settings(&settings, &pipeline.pipeline, &mut pipeline.catalogue);
        }
        let catalogue = pipeline.as_ref().map_or(&unknown, |pipeline| &pipeline.catalogue);
        let has_statements =
            pipeline.as_ref().is_none_or(|pipeline| !pipeline.pipeline.statements.is_empty());
        let has_transactions = pipeline.as_ref().is_none_or(|pipeline| {
            held::has_transactions(&pipeline.pipeline.statements, &settings)
        });
        let around = Around { catalogue, settings: &settings, has_statements, has_transactions };
        let timeline = timeline.map(|node| self.timeline(node, around));
        self.check_trials(&settings, timeline.as_deref().unwrap_or_default());
        let expect = fields.get("expect").map(|node| self.expect(node, &settings, catalogue));
        let pipeline = pipeline?;
        Some(Scenario {
            id: id.to_owned(),
            file: source.file.clone(),
            title: title?,
            covers,
            pipeline: pipeline.pipeline,
            settings,
            only: only.unwrap_or_default(),
            requires: requires.unwrap_or_default(),
            setup: setup.unwrap_or_default(),
            timeline: timeline?,
            expect: expect.unwrap_or_default(),
            may_show: pipeline.may_show,
        })
    }

    fn covers(&mut self, node: &Node) -> Vec<String> {
        let items = self.one_or_list(node);
        items.iter().filter_map(|item| self.text(item, "a label")).collect()
    }
}
