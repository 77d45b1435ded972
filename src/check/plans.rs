//! Expected texts of plans.

use super::case::Case;
use super::found::Found;
use super::verdict::Unmet;

pub(super) fn check(case: &Case<'_>, found: &mut Found) -> Vec<Unmet> {
    let mut unmet = Vec::new();
    for (sink, texts) in &case.expect.plan {
        let Some(plan) = case.index.plans.get(sink.as_str()) else {
            if !case.ended_in_trouble() {
                found.gap(format!("the plan of `{sink}`"), "it was not recorded");
            }
            continue;
        };
        let lacking = texts.has.iter().filter(|text| !plan.contains(text.as_str()));
        let lacking = lacking.map(|text| format!("the plan of `{sink}` does not have `{text}`"));
        let surplus = texts.lacks.iter().filter(|text| plan.contains(text.as_str()));
        let surplus = surplus.map(|text| format!("the plan of `{sink}` has `{text}`"));
        let sentences: Vec<String> = lacking.chain(surplus).collect();
        if !sentences.is_empty() {
            unmet.push(Unmet {
                demand: "plan".to_owned(),
                at: None,
                sentence: format!("{}. The plan is\n{}", sentences.join(", and "), plan.trim()),
                difference: Vec::new(),
            });
        }
    }
    unmet
}
