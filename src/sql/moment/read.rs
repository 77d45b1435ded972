//! Reads an expression that makes a time, token by token.

use super::super::token::{Kind, Token};
use super::{Node, Operator, Target, Value, pieces, read_time};

/// Functions that are known.
const FUNCTIONS: [&str; 10] = [
    "COALESCE",
    "CONCAT",
    "FLOOR",
    "FROM_UNIXTIME",
    "IFNULL",
    "REPLACE",
    "SUBSTRING",
    "TO_TIMESTAMP",
    "TO_TIMESTAMP_LTZ",
    "TRIM",
];

/// Units of an INTERVAL, with their milliseconds.
const UNITS: [(&str, i128); 4] =
    [("SECOND", 1_000), ("MINUTE", 60_000), ("HOUR", 3_600_000), ("DAY", 86_400_000)];

/// Expressions within expressions, at most.
const DEPTH: usize = 40;

/// Reads tokens.
pub(super) struct Reader<'t, 'a> {
    tokens: &'t [Token<'a>],
    at: usize,
    depth: usize,
}

impl<'t, 'a> Reader<'t, 'a> {
    pub(super) fn of(tokens: &'t [Token<'a>]) -> Self {
        Self { tokens, at: 0, depth: 0 }
    }

    fn peek(&self) -> Option<&'t Token<'a>> {
        self.tokens.get(self.at)
    }

    pub(super) fn next(&mut self) -> Option<&'t Token<'a>> {
        let token = self.peek();
        self.at += usize::from(token.is_some());
        token
    }

    fn takes(&mut self, symbol: &str) -> bool {
        let is_there = self.peek().is_some_and(|token| token.is_symbol(symbol));
        self.at += usize::from(is_there);
        is_there
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is_there = self.peek().is_some_and(|token| token.is(word));
        self.at += usize::from(is_there);
        is_there
    }

    fn wants(&mut self, symbol: &str) -> Result<(), String> {
        if self.takes(symbol) {
            return Ok(());
        }
        let found = self.peek().map_or("the end".to_owned(), |token| format!("`{}`", token.text));
        Err(format!("`{symbol}` is expected, not {found}"))
    }

    pub(super) fn sum(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err("it is nested too deeply".to_owned());
        }
        let mut left = self.product()?;
        loop {
            let operator = match self.peek() {
                Some(token) if token.is_symbol("+") => Operator::Plus,
                Some(token) if token.is_symbol("-") => Operator::Minus,
                Some(token) if token.is_symbol("||") => Operator::Joined,
                _ => break,
            };
            self.at += 1;
            let right = self.product()?;
            left = Node::Binary(operator, Box::new(left), Box::new(right));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn product(&mut self) -> Result<Node, String> {
        let mut left = self.primary()?;
        loop {
            let operator = match self.peek() {
                Some(token) if token.is_symbol("*") => Operator::Times,
                Some(token) if token.is_symbol("/") => Operator::Over,
                _ => return Ok(left),
            };
            self.at += 1;
            let right = self.primary()?;
            left = Node::Binary(operator, Box::new(left), Box::new(right));
        }
    }

    fn primary(&mut self) -> Result<Node, String> {
        if self.takes("(") {
            let inner = self.sum()?;
            self.wants(")")?;
            return Ok(inner);
        }
        let Some(token) = self.next() else { return Err("it ends too early".to_owned()) };
        if let Some(text) = token.string() {
            return Ok(Node::Value(Value::Text(text)));
        }
        if token.kind == Kind::Number {
            return number(token.text);
        }
        let is_called = self.peek().is_some_and(|next| next.is_symbol("("));
        match token.name() {
            Some(_) if token.is("INTERVAL") => self.interval(),
            Some(_) if token.is("TIMESTAMP") && !is_called => {
                let text = self.next().and_then(Token::string).unwrap_or_default();
                let time = read_time(&text).ok_or_else(|| format!("`{text}` is no time"))?;
                Ok(Node::Value(Value::Time(time)))
            }
            Some(_) if is_called && (token.is("CAST") || token.is("TRY_CAST")) => self.cast(),
            Some(name) if is_called => self.call(&name),
            Some(name) => self.column(&name),
            None => Err(format!("`{}` stands where a value is expected", token.text)),
        }
    }

    fn interval(&mut self) -> Result<Node, String> {
        let text = self.next().and_then(Token::string).unwrap_or_default();
        let unit = self.next().map(|token| token.text.to_uppercase()).unwrap_or_default();
        let unit = unit.trim_end_matches('S');
        let known = UNITS.iter().find(|(name, _)| *name == unit);
        match (text.trim().parse::<i128>(), known) {
            (Ok(count), Some((_, ms))) => Ok(Node::Value(Value::Whole(count.saturating_mul(*ms)))),
            _ => Err(format!(
                "INTERVAL '{text}' {unit} is not known: write whole SECOND, MINUTE, \
                              HOUR or DAY"
            )),
        }
    }

    fn cast(&mut self) -> Result<Node, String> {
        self.wants("(")?;
        let of = self.sum()?;
        if !self.takes_word("AS") {
            return Err("CAST(… AS …) lacks its AS".to_owned());
        }
        let name = self.next().map(|token| token.text.to_uppercase()).unwrap_or_default();
        let target = match name.as_str() {
            "BIGINT" | "INT" | "INTEGER" => Target::Whole,
            "DOUBLE" | "FLOAT" => Target::Real,
            "STRING" | "VARCHAR" | "CHAR" => Target::Text,
            "TIMESTAMP" | "TIMESTAMP_LTZ" | "DATE" => Target::Time,
            _ => return Err(format!("CAST AS {name} is not known here")),
        };
        // The length or the digits, and WITH LOCAL TIME ZONE.
        let mut open = 0_usize;
        while let Some(token) = self.peek() {
            if token.is_symbol("(") {
                open += 1;
            } else if token.is_symbol(")") && open == 0 {
                break;
            } else if token.is_symbol(")") {
                open -= 1;
            }
            self.at += 1;
        }
        self.wants(")")?;
        Ok(Node::Cast(Box::new(of), target))
    }

    fn call(&mut self, name: &str) -> Result<Node, String> {
        let name = name.to_uppercase();
        let name = if name == "SUBSTR" { "SUBSTRING".to_owned() } else { name };
        if !FUNCTIONS.contains(&name.as_str()) {
            return Err(format!("`{name}` is not known here; known are {}", FUNCTIONS.join(", ")));
        }
        self.wants("(")?;
        let mut of = Vec::new();
        while !self.takes(")") {
            if !of.is_empty() {
                self.wants(",")?;
            }
            of.push(self.sum()?);
        }
        if let ("TO_TIMESTAMP" | "TO_TIMESTAMP_LTZ", [_, Node::Value(Value::Text(format))]) =
            (name.as_str(), of.as_slice())
            && let Err(letter) = pieces(format)
        {
            return Err(format!(
                "`{letter}` in the pattern '{format}' is not known here: y, M, d, H, \
                                m, s and S are"
            ));
        }
        Ok(Node::Call(name, of))
    }

    fn column(&mut self, first: &str) -> Result<Node, String> {
        let mut path = vec![first.to_owned()];
        while self.takes(".") {
            let name = self.next().and_then(Token::name);
            path.push(name.ok_or_else(|| format!("a name is expected after `{first}.`"))?);
        }
        match path.as_slice() {
            [table, column] => Ok(Node::Column(table.clone(), column.clone())),
            [schema, table, column] => {
                Ok(Node::Column(format!("{schema}.{table}"), column.clone()))
            }
            _ => Err(format!("`{}` lacks its source table: write `table.column`", path.join("."))),
        }
    }
}

fn number(text: &str) -> Result<Node, String> {
    let value = match text.parse::<i128>() {
        Ok(whole) => Value::Whole(whole),
        Err(_) => Value::Real(text.parse().map_err(|_| format!("`{text}` is no number"))?),
    };
    Ok(Node::Value(value))
}
