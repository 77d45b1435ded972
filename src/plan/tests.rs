//! Tests of the matrix, of united expectations and of selection, over files in a temporary folder.

use camino::{Utf8Path, Utf8PathBuf};

use super::*;
use crate::scenario::expect::Delivery;
use crate::scenario::load;
use crate::scenario::timeline::Action;

const SCENARIO: &str = "\
scenario: v1
title: Totals follow payments
covers: [FMT-03]
pipeline:
  source: CREATE TABLE payments (id int PRIMARY KEY, account text)
  dialect: flink
  statements: |
    CREATE TABLE totals (account STRING, n BIGINT, PRIMARY KEY (account) NOT ENFORCED) WITH ('connector' = 'upsert-kafka');
    INSERT INTO totals SELECT account, COUNT(*) FROM payments GROUP BY account;
  sinks:
    totals: SELECT account, count(*) AS n FROM payments GROUP BY account
  may_show:
    - stalled: connector
      because: it does
  settings: {flink: {a.b: 1, c.d: 2}}
settings:
  partitions: [1, 3]
  statements: [null, other.sql]
  flink: {a.b: null}
timeline:
  - a: INSERT INTO payments VALUES (1, 'ann')
expect:
  - delivery: exactly-once
    life: {payments: {1: c}}
  - where: {statements: other.sql}
    must_show: [{diverged-sink: totals}]
  - where: {statements: null, partitions: 3}
    life: {payments: {2: never}}
    rows:
      totals: |
        account | n
        ann     | 1
";

fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = Utf8PathBuf::from_path_buf(folder.path().to_owned()).expect("its path is UTF-8");
    let write = |path: &str, text: &str| {
        let path = root.join(path);
        fs_err::create_dir_all(path.parent().expect("it has a parent")).expect("folders");
        fs_err::write(path, text).expect("a file");
    };
    write("scenarios/sum/totals.yaml", SCENARIO);
    let other = "INSERT INTO totals SELECT account, 1 FROM payments; CREATE VIEW v AS SELECT 1";
    write("scenarios/sum/other.sql", other);
    write("scenarios/sum/broken.yaml", "scenario: v2\ncovers: [FMT-03]\n");
    write("scenarios/sum/pipe.yaml", "# shared\npipeline: v1\n");
    (folder, root)
}

fn scenario(root: &Utf8Path) -> Scenario {
    let loaded = load(&root.join("scenarios/sum/totals.yaml"));
    assert_eq!(loaded.diagnostics, []);
    loaded.scenario.expect("the scenario is right")
}

#[test]
fn cells_are_the_product_of_the_lists() {
    let (_folder, root) = folder();
    let scenario = scenario(&root);
    let names: Vec<String> = trials(&scenario, Matrix::Full, 7).iter().map(Trial::name).collect();
    assert_eq!(
        names,
        [
            "sum/totals [partitions=1, statements=null]",
            "sum/totals [partitions=1, statements=other.sql]",
            "sum/totals [partitions=3, statements=null]",
            "sum/totals [partitions=3, statements=other.sql]",
        ]
    );
    let first = trials(&scenario, Matrix::First, 7);
    assert_eq!(first.iter().map(Trial::name).collect::<Vec<_>>(), names[..1]);
}

#[test]
fn a_cell_has_its_own_settings_statements_and_expectations() {
    let (_folder, root) = folder();
    let trials = trials(&scenario(&root), Matrix::Full, 7);
    let [plain, swapped, united, _] = trials.as_slice() else { panic!("four cells") };
    assert_eq!(plain.settings.flink, [("c.d".to_owned(), "2".to_owned())].into());
    assert_eq!(united.settings.partitions.as_ref().and_then(|p| p.at("payments")), Some(3));
    assert_eq!(plain.pipeline.statements.len(), 2);
    let swapped_statements: Vec<&str> =
        swapped.pipeline.statements.iter().map(|text| text.value.as_str()).skip(1).collect();
    assert_eq!(
        swapped_statements,
        ["CREATE VIEW v AS SELECT 1", "INSERT INTO totals SELECT account, 1 FROM payments",]
    );
    assert_eq!((plain.expect.must_show.len(), swapped.expect.must_show.len()), (0, 1));
    assert_eq!(united.expect.delivery, Delivery::ExactlyOnce);
    assert_eq!(united.expect.life["payments"].len(), 2);
    assert_eq!((plain.expect.rows.len(), united.expect.rows.len()), (0, 1));
    assert_eq!(plain.expect.may_show.len(), 1);
    assert!(matches!(plain.timeline.last().map(|e| &e.action), Some(Action::Await { .. })));
}

#[test]
fn files_are_selected_by_path_id_folder_and_label() {
    let (_folder, root) = folder();
    let scenarios = root.join("scenarios");
    let ids = |words: &[&str]| -> Vec<String> {
        let selected = select(&scenarios, words).expect("something is selected");
        selected.files.into_iter().map(|selected| selected.id).collect()
    };
    assert_eq!(ids(&[]), ["sum/broken", "sum/totals"]);
    assert_eq!(ids(&["sum/totals"]), ["sum/totals"]);
    assert_eq!(ids(&["sum", "sum/totals"]), ["sum/broken", "sum/totals"]);
    assert_eq!(ids(&["FMT-03"]), ["sum/broken", "sum/totals"]);
    let path = scenarios.join("sum/broken.yaml");
    assert_eq!(ids(&[path.as_str()]), ["sum/broken"]);
    let error = select(&scenarios, &["sum/total"]).expect_err("nothing has this id");
    assert!(error.to_string().ends_with("did you mean `sum/totals`?"), "{error}");
}

#[test]
fn a_scenario_has_one_id_however_its_path_is_written() {
    let (_folder, root) = folder();
    let ids = |word: &str| -> Vec<String> {
        let selected = select(&root, &[root.join(word)]).expect("something is selected");
        selected.files.into_iter().map(|selected| selected.id).collect()
    };
    for word in ["scenarios/sum/totals.yaml", "./scenarios/sum/../sum/totals.yaml"] {
        assert_eq!(ids(word), ["sum/totals"], "{word}");
    }
    for word in ["", "scenarios", "scenarios/sum", "scenarios/sum/"] {
        assert_eq!(ids(word), ["sum/broken", "sum/totals"], "{word}");
    }
    // The copies of a run are no scenarios.
    let kept = root.join(".changeproof/runs/1/files/scenarios/sum");
    fs_err::create_dir_all(&kept).unwrap();
    fs_err::copy(root.join("scenarios/sum/totals.yaml"), kept.join("totals.yaml")).unwrap();
    assert_eq!(ids(""), ["sum/broken", "sum/totals"]);
}

#[test]
fn yaml_of_others_is_no_scenario_but_one_with_a_mistake_is() {
    let (_folder, root) = folder();
    fs_err::write(root.join("compose.yaml"), "services: {}\n").unwrap();
    fs_err::write(root.join("beside.yaml"), "# mine\ntitle: x\nscenario: v1\n").unwrap();
    fs_err::write(root.join("scenarios/misspelt.yaml"), "scenaro: v1\n").unwrap();
    let selected = select(&root, &[&root]).unwrap();
    let files: Vec<&str> = selected.files.iter().filter_map(|one| one.path.file_name()).collect();
    assert!(files.contains(&"beside.yaml") && files.contains(&"misspelt.yaml"), "{files:?}");
    assert!(!files.contains(&"compose.yaml"), "{files:?}");
}

#[test]
fn scenarios_of_two_folders_are_told_apart() {
    let (_folder, root) = folder();
    fs_err::create_dir_all(root.join("b/scenarios/sum")).unwrap();
    let from = root.join("scenarios/sum/totals.yaml");
    fs_err::copy(from, root.join("b/scenarios/sum/totals.yaml")).unwrap();
    let selected = select(&root, &[&root]).unwrap();
    let ids: Vec<&str> = selected.files.iter().map(|selected| selected.id.as_str()).collect();
    let [first, second, third] = ids.as_slice() else { panic!("{ids:?}") };
    assert!(first.ends_with("b/scenarios/sum/totals"), "{first}");
    assert!(second.ends_with("scenarios/sum/totals"), "{second}");
    assert_eq!(*third, "sum/broken");
}

#[test]
fn a_label_is_known_though_its_file_is_refused() {
    let (_folder, root) = folder();
    let file = root.join("scenarios/sum/refused.yaml");
    fs_err::write(&file, "scenario: v1\ncovers: [odd]\npipeline: nowhere.yaml\n").unwrap();
    let selected = select(&root.join("scenarios"), &["odd"]).unwrap();
    assert_eq!(selected.files.len(), 1);
}
