//! Life patterns: `r u{2} c|r d null?`.

use super::Reader;
use crate::base::text::{Span, Text};
use crate::scenario::code::Code;
use crate::scenario::diagnose::At;
use crate::scenario::expect::{Life, LifeItem};
use crate::scenario::words::{SINK_EVENT, TOPIC_EVENT, listed, suggestion};
use crate::scenario::yaml::Node;

/// What is wrong with an item, in bytes of the item.
struct Wrong {
    span: Span,
    message: String,
    help: String,
}

impl Reader<'_> {
    /// One pattern; at a sink, at a topic, or (`None`) at a place that is not known.
    pub(super) fn one_life(&mut self, node: &Node, at_sink: Option<bool>) -> Option<Life> {
        let text = &self.scalar(node, "a life")?.text;
        let allowed: Vec<&'static str> = match at_sink {
            Some(true) => SINK_EVENT.known.to_vec(),
            Some(false) => TOPIC_EVENT.known.to_vec(),
            None => SINK_EVENT.all().chain(TOPIC_EVENT.all()).collect(),
        };
        let words = words(text);
        let mut items = Vec::new();
        let mut is_whole = !words.is_empty();
        if words.is_empty() {
            let message = "the life is empty";
            let help = format!("write `never`, or events: {}", listed(allowed.iter().copied()));
            self.error(Code::Life, &node.at, message).help(help);
        }
        let is_never = matches!(words.as_slice(), [(_, "never")]);
        for (start, word) in words.iter().filter(|_| !is_never) {
            match item(word, &allowed) {
                Ok(item) => items.push(item),
                Err(wrong) => {
                    let span = Span::new(start + wrong.span.start, start + wrong.span.end);
                    let at = At::of(text, span);
                    self.error(Code::Life, &at, wrong.message).help(wrong.help);
                    is_whole = false;
                }
            }
        }
        is_whole.then(|| Life {
            place: node.at.place.clone(),
            source: text.value.trim().to_owned(),
            items,
        })
    }
}

/// The words of a text with their bytes.
fn words(text: &Text) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut start = None;
    let ends = text.value.char_indices().chain([(text.value.len(), ' ')]);
    for (at, next) in ends {
        match (start, next.is_whitespace()) {
            (None, false) => start = Some(at),
            (Some(from), true) => {
                found.extend(text.value.get(from..at).map(|word| (from, word)));
                start = None;
            }
            (None, true) | (Some(_), false) => {}
        }
    }
    found
}

fn item(word: &str, allowed: &[&'static str]) -> Result<LifeItem, Wrong> {
    let (events, min, max) = quantity(word)?;
    let mut names = Vec::new();
    let mut at = 0;
    for name in events.split('|') {
        let span = Span::new(at, (at + name.len()).max(at + 1).min(word.len()));
        if name == "never" {
            let help = "write it without other events".to_owned();
            return Err(Wrong { span, message: "`never` stands alone".to_owned(), help });
        }
        if !allowed.contains(&name) {
            let message = match name {
                "" => "an event is missing here".to_owned(),
                name => format!("`{name}` is no event here"),
            };
            let help = suggestion(name, allowed.iter().copied());
            return Err(Wrong { span, message, help });
        }
        names.push(name.to_owned());
        at += name.len() + 1;
    }
    Ok(LifeItem { events: names, min, max })
}

/// The events before `?`, `*` or `{n}`, and how often they may come.
fn quantity(word: &str) -> Result<(&str, u32, Option<u32>), Wrong> {
    if let Some(events) = word.strip_suffix('?') {
        return Ok((events, 0, Some(1)));
    }
    if let Some(events) = word.strip_suffix('*') {
        return Ok((events, 0, None));
    }
    let Some((events, count)) = word.split_once('{') else { return Ok((word, 1, Some(1))) };
    let number = count.strip_suffix('}').and_then(|digits| digits.parse::<u32>().ok());
    match number.filter(|number| *number > 0) {
        Some(number) => Ok((events, number, Some(number))),
        None => Err(Wrong {
            span: Span::new(events.len(), word.len()),
            message: format!("`{{{count}` is no number of times"),
            help: "write a whole number from 1 up in braces, as in `u{3}`".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn read(word: &str) -> Result<(Vec<String>, u32, Option<u32>), String> {
        let read = item(word, TOPIC_EVENT.known);
        read.map(|item| (item.events, item.min, item.max)).map_err(|wrong| wrong.message)
    }

    #[rstest]
    #[case("u", &["u"], 1, Some(1))]
    #[case("c|r", &["c", "r"], 1, Some(1))]
    #[case("null?", &["null"], 0, Some(1))]
    #[case("c|u*", &["c", "u"], 0, None)]
    #[case("u{3}", &["u"], 3, Some(3))]
    fn items(
        #[case] word: &str,
        #[case] events: &[&str],
        #[case] min: u32,
        #[case] max: Option<u32>,
    ) {
        let events = events.iter().map(ToString::to_string).collect();
        assert_eq!(read(word), Ok((events, min, max)));
    }

    #[rstest]
    #[case("x", "`x` is no event here")]
    #[case("c|", "an event is missing here")]
    #[case("u{0}", "`{0}` is no number of times")]
    #[case("u{", "`{` is no number of times")]
    #[case("never?", "`never` stands alone")]
    #[case("+U", "`+U` is no event here")]
    fn what_is_no_item(#[case] word: &str, #[case] message: &str) {
        assert_eq!(read(word), Err(message.to_owned()));
    }
}
