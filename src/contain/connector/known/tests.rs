//! The table against what acts.

use std::collections::BTreeSet;

use rstest::rstest;

use super::*;
use crate::base::text::Text;
use crate::contain::connector::option;
use crate::contain::fate::Fate;
use crate::dialect::connector::mapped;
use crate::model::effects;
use crate::scenario::settings::Options;

/// An option of the family that a `*` stands for.
fn sample(known: &Known) -> String {
    known.name.replace('*', if known.name.ends_with(".*") { "x" } else { "" })
}

/// A value that no list of harmless ones has.
const VALUE: &str = "other";

#[test]
fn every_option_of_the_connector_stands_in_the_table() {
    let known = LISTED.lines().chain(UNLISTED.iter().copied());
    let lost: Vec<_> = known.filter(|option| CONNECTOR.option(option).is_none()).collect();
    assert_eq!(lost, Vec::<&str>::new());
}

#[test]
fn the_table_says_what_becomes_of_an_option() {
    for known in CONNECTOR.options {
        let name = sample(known);
        let all = Options::from([(name.clone(), VALUE.to_owned())]);
        let fate = option(&name, VALUE, &all);
        let has_model = effects::found(&all).next().is_none();
        // The run's own value is set elsewhere, in spite of what the option says.
        let own = ["topic.prefix", "topic.heartbeat.name", "topic.creation.x"];
        let is_client = name.contains(".override.");
        let class = match fate {
            Fate::Ours(_) | Fate::LeftOut(_) if is_client => Class::Modelled,
            Fate::Ours(_) | Fate::LeftOut(_) => Class::Replaced,
            Fate::Refused(..) => Class::Refused,
            Fate::Kept if own.contains(&name.as_str()) => Class::Replaced,
            Fate::Kept if !has_model => Class::Refused,
            Fate::Kept if known.class == Class::Idle => Class::Idle,
            Fate::Kept => Class::Modelled,
        };
        assert_eq!(class, known.class, "{name}");
    }
}

#[test]
fn what_has_no_model_stands_in_the_table() {
    for one in effects::ALL {
        let known = CONNECTOR.option(one.option).map(|known| known.class);
        // What the run replaces needs no model.
        let told = matches!(known, Some(Class::Refused | Class::Replaced));
        assert!(told, "{}", one.option);
    }
}

#[test]
fn the_managed_connectors_options_are_mapped_as_the_table_says() {
    for known in MANAGED.options {
        let name = sample(known);
        // Values that each option takes, or that it refuses.
        let value = match (name.as_str(), known.class) {
            ("after.state.only" | "csfle.enabled", _) => "true",
            (name, _) if name.ends_with("null.with.default") || name.ends_with("nullables") => {
                "true"
            }
            (name, _) if name.starts_with("output.") => "AVRO",
            (name, _) if name.ends_with("subject.name.strategy") => "TopicNameStrategy",
            _ => VALUE,
        };
        let mut options = Options::from([
            ("connector.class".to_owned(), "PostgresCdcSourceV2".to_owned()),
            ("after.state.only".to_owned(), "true".to_owned()),
            ("output.data.format".to_owned(), "AVRO".to_owned()),
        ]);
        if name != "connector.class" {
            options.insert(name.clone(), value.to_owned());
        }
        let file = Text::whole("c.json".into(), String::new());
        let class = match mapped(&options, &file) {
            Err(_) => Class::Refused,
            Ok(_) if known.class == Class::Modelled => Class::Modelled,
            Ok(found) if found.options().contains_key(&name) => Class::Idle,
            Ok(_) => Class::Replaced,
        };
        assert_eq!(class, known.class, "{name}");
    }
}

#[test]
fn every_option_stands_once() {
    for part in parts() {
        let names: Vec<_> = part.options.iter().map(|known| known.name).collect();
        let set: BTreeSet<_> = names.iter().collect();
        assert_eq!(set.len(), names.len(), "{}", part.title);
        for (n, known) in part.options.iter().enumerate() {
            assert!(!known.says.is_empty() && !known.says.ends_with('.'), "{}", known.name);
            let meant = part.option(&sample(known)).map(|known| known.name);
            let first = part.options.iter().take(n).any(|other| other.is(&sample(known)));
            assert!(first || meant == Some(known.name), "{}", known.name);
        }
    }
}

#[rstest]
#[case("column.mask.with.12.chars", Some(Class::Modelled))]
#[case("database.hostname", Some(Class::Replaced))]
#[case("transforms.a.plugin.version", Some(Class::Replaced))]
#[case("transforms.a.type", None)]
#[case("snapshot.select.statement.overrides.public.a", Some(Class::Refused))]
fn a_family_is_found(#[case] option: &str, #[case] class: Option<Class>) {
    assert_eq!(CONNECTOR.option(option).map(|known| known.class), class);
}

#[test]
fn the_page_shows_all() {
    let page = page();
    for known in parts().flat_map(|part| part.options) {
        assert!(page.contains(&format!("| `{}` | {} |", known.name, known.class.word())));
    }
}
