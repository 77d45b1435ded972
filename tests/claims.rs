//! The page of claims is of the scenarios as they are: each stands on it with its title.

use camino::Utf8Path;
use changeproof::{plan, scenario};

#[test]
fn the_page_of_claims_shows_every_scenario_of_the_claims_as_it_is() {
    let root = Utf8Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/claims.md")).unwrap();
    let folder = root.join("scenarios/claims");
    let found = plan::list(&folder).unwrap();
    assert!(found.len() >= 7, "seven claims have at least seven scenarios");
    for one in found {
        let loaded = scenario::load(&one.path);
        let title = loaded.scenario.unwrap().title;
        let name = one.path.file_name().unwrap();
        let line = format!("`scenarios/claims/{name}`: {title}.");
        assert!(page.contains(&line), "run ci/claims: docs/claims.md does not say\n{line}");
    }
}
