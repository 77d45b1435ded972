//! Steps through the tokens of a Flink statement: names, lists in parentheses, `WITH` clauses.

use super::flink::{Name, With, WithOption};
use super::token::Token;
use crate::base::text::Span;

/// Where the reading of a statement is.
pub(super) struct Reader<'t, 'a> {
    pub(super) tokens: &'t [Token<'a>],
    pub(super) at: usize,
}

impl<'t, 'a> Reader<'t, 'a> {
    pub(super) fn peek(&self) -> Option<&'t Token<'a>> {
        self.tokens.get(self.at)
    }

    pub(super) fn next(&mut self) -> Option<&'t Token<'a>> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    /// Steps over `words` if they stand here.
    pub(super) fn eat(&mut self, words: &[&str]) -> bool {
        let here = words.iter().enumerate().all(|(n, word)| {
            self.tokens.get(self.at + n).is_some_and(|t| t.is(word) || t.is_symbol(word))
        });
        if here {
            self.at += words.len();
        }
        here
    }

    pub(super) fn rest(&self) -> &'t [Token<'a>] {
        self.tokens.get(self.at..).unwrap_or_default()
    }

    pub(super) fn name(&mut self) -> Option<Name> {
        let first = self.next()?;
        let mut name = Name { parts: vec![first.name()?], span: first.span };
        while self.peek().is_some_and(|token| token.is_symbol(".")) {
            let Some(part) = self.tokens.get(self.at + 1) else { break };
            let Some(word) = part.name() else { break };
            name.parts.push(word);
            name.span.end = part.span.end;
            self.at += 2;
        }
        Some(name)
    }

    /// The items of the list in parentheses that stands here, and its closing parenthesis.
    pub(super) fn list(&mut self) -> Option<(Vec<&'t [Token<'a>]>, Span)> {
        let mut depth = 0_usize;
        let mut items = Vec::new();
        let mut start = self.at + 1;
        while let Some(token) = self.next() {
            // Types nest in angle brackets too: ROW<a INT, b INT>.
            if token.is_symbol("(") || token.is_symbol("<") {
                depth += 1;
            } else if token.is_symbol(")") || token.is_symbol(">") {
                depth = depth.saturating_sub(1);
            } else if token.is_symbol(">>") {
                depth = depth.saturating_sub(2);
            }
            if depth == 0 || (depth == 1 && token.is_symbol(",")) {
                let item = self.tokens.get(start..self.at.saturating_sub(1));
                items.extend(item.filter(|item| !item.is_empty()));
                start = self.at;
            }
            if depth == 0 {
                return Some((items, token.span));
            }
        }
        None
    }

    pub(super) fn with(&mut self) -> Option<With> {
        let open = self.peek().filter(|token| token.is_symbol("("))?.span;
        let (items, close) = self.list()?;
        let mut with = With { options: Vec::new(), unread: Vec::new(), open, close };
        for item in items {
            let (Some(first), Some(last)) = (item.first(), item.last()) else { continue };
            let span = Span::new(first.span.start, last.span.end);
            match item {
                [key, equals, value] if equals.is_symbol("=") => {
                    match (key.string(), value.string()) {
                        (Some(key), Some(text)) => with.options.push(WithOption {
                            key,
                            value: text,
                            span,
                            value_span: value.span,
                        }),
                        _ => with.unread.push(span),
                    }
                }
                _ => with.unread.push(span),
            }
        }
        Some(with)
    }
}
