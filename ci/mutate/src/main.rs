//! Rewrites a copy of the sources so that every condition of the judge can be negated at run time:
//! one build serves all mutants, and a run with `MUTANT=n` negates the n-th.
//!
//! `mutate FOLDER ROOM...`: the copy, and the folders below its `src` that are rewritten. Conditions
//! are what `if`, `while` and guards of `match` ask, and every comparison and every `&&` and `||`.
//! Tests, constants and what stands in macros are left as they are. Prints a line a mutant: number,
//! place, condition.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use proc_macro2::LineColumn;
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, BinOp, Expr};

/// What a rewritten condition calls.
const SWITCH: &str = r#"//! Which condition is negated, and which were met.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::{LazyLock, Mutex};

static CHOSEN: LazyLock<Option<usize>> =
    LazyLock::new(|| std::env::var("MUTANT").ok()?.parse().ok());
static MET: LazyLock<Option<(String, Mutex<BTreeSet<usize>>)>> =
    LazyLock::new(|| Some((std::env::var("MUTANTS_MET").ok()?, Mutex::default())));

/// The value of the n-th condition.
pub fn ask(n: usize, value: bool) -> bool {
    if let Some((path, met)) = &*MET {
        if met.lock().unwrap().insert(n) {
            let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
            writeln!(file, "{n}").unwrap();
        }
    }
    value ^ (*CHOSEN == Some(n))
}
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("usage: mutate FOLDER ROOM...")?);
    let source = folder.join("src");
    let mut mutants = Mutants::default();
    for room in arguments {
        let mut files = Vec::new();
        for entry in walkdir::WalkDir::new(source.join(room)).sort_by_file_name() {
            files.push(entry?.into_path());
        }
        for file in files.iter().filter(|file| is_code(file)) {
            mutants.rewrite(file, &source)?;
        }
    }
    fs::write(source.join("mutant.rs"), SWITCH)?;
    let library = source.join("lib.rs");
    let text = fs::read_to_string(&library)?
        + "\n#[doc(hidden)]\n#[allow(missing_docs, clippy::all)]\npub mod mutant;\n";
    fs::write(library, text)?;
    for line in mutants.lines {
        println!("{line}");
    }
    Ok(())
}

/// A file of the product: its tests judge the mutants, and stay.
fn is_code(file: &Path) -> bool {
    let is_test = |part: &str| part == "tests" || part == "testing" || part.ends_with("tests.rs");
    let parts = file.components().filter_map(|part| part.as_os_str().to_str());
    file.extension().is_some_and(|end| end == "rs") && !parts.into_iter().any(is_test)
}

#[derive(Default)]
struct Mutants {
    lines: Vec<String>,
    place: String,
}

impl Mutants {
    fn rewrite(&mut self, file: &Path, source: &Path) -> io::Result<()> {
        let text = fs::read_to_string(file)?;
        let mut tree = syn::parse_file(&text)
            .map_err(|error| io::Error::other(format!("{}: {error}", file.display())))?;
        self.place = file.strip_prefix(source).unwrap_or(file).display().to_string();
        self.visit_file_mut(&mut tree);
        fs::write(file, prettyplease::unparse(&tree))
    }

    /// Puts the switch around a condition whose inside is rewritten; `said` is its place and text.
    fn wrap(&mut self, condition: &mut Expr, (start, text): (LineColumn, String)) {
        let n = self.lines.len();
        let (line, column) = (start.line, start.column + 1);
        self.lines.push(format!("{n}\tsrc/{}:{line}:{column}\t{text}", self.place));
        let old = std::mem::replace(condition, Expr::Verbatim(quote!(())));
        *condition = Expr::Verbatim(quote!(crate::mutant::ask(#n, #old)));
    }

    /// What `if`, `while` and guards ask; the parts of a chain with `let` are asked one by one.
    fn condition(&mut self, condition: &mut Expr) {
        match condition {
            Expr::Binary(binary) if has_let(&binary.left) || has_let(&binary.right) => {
                self.condition(&mut binary.left);
                self.condition(&mut binary.right);
            }
            Expr::Let(_) => visit_mut::visit_expr_mut(self, condition),
            Expr::Binary(binary) if is_question(&binary.op) => self.visit_expr_mut(condition),
            other => {
                let said = said(other);
                visit_mut::visit_expr_mut(self, other);
                self.wrap(other, said);
            }
        }
    }
}

/// Where an expression stands, and its text.
fn said(expression: &Expr) -> (LineColumn, String) {
    (expression.span().start(), expression.to_token_stream().to_string())
}

fn has_let(expression: &Expr) -> bool {
    match expression {
        Expr::Let(_) => true,
        Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.to_token_stream().to_string().contains("test"))
}

fn is_question(op: &BinOp) -> bool {
    matches!(
        op,
        BinOp::And(_)
            | BinOp::Or(_)
            | BinOp::Eq(_)
            | BinOp::Ne(_)
            | BinOp::Lt(_)
            | BinOp::Le(_)
            | BinOp::Gt(_)
            | BinOp::Ge(_)
    )
}

impl VisitMut for Mutants {
    fn visit_item_mod_mut(&mut self, module: &mut syn::ItemMod) {
        if !is_test(&module.attrs) {
            visit_mut::visit_item_mod_mut(self, module);
        }
    }

    fn visit_item_fn_mut(&mut self, function: &mut syn::ItemFn) {
        if !is_test(&function.attrs) && function.sig.constness.is_none() {
            visit_mut::visit_item_fn_mut(self, function);
        }
    }

    fn visit_impl_item_fn_mut(&mut self, function: &mut syn::ImplItemFn) {
        if !is_test(&function.attrs) && function.sig.constness.is_none() {
            visit_mut::visit_impl_item_fn_mut(self, function);
        }
    }

    // In a constant function or value nothing can be asked at run time.
    fn visit_item_const_mut(&mut self, _: &mut syn::ItemConst) {}
    fn visit_item_static_mut(&mut self, _: &mut syn::ItemStatic) {}
    fn visit_type_mut(&mut self, _: &mut syn::Type) {}

    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        let asks = matches!(expression, Expr::Binary(binary) if is_question(&binary.op));
        if !asks || has_let(expression) {
            return visit_mut::visit_expr_mut(self, expression);
        }
        // Before what is inside is rewritten: the text and the place are those of the file.
        let said = said(expression);
        visit_mut::visit_expr_mut(self, expression);
        self.wrap(expression, said);
    }

    fn visit_expr_if_mut(&mut self, asked: &mut syn::ExprIf) {
        self.condition(&mut asked.cond);
        self.visit_block_mut(&mut asked.then_branch);
        if let Some((_, otherwise)) = &mut asked.else_branch {
            self.visit_expr_mut(otherwise);
        }
    }

    fn visit_expr_while_mut(&mut self, asked: &mut syn::ExprWhile) {
        self.condition(&mut asked.cond);
        self.visit_block_mut(&mut asked.body);
    }

    fn visit_arm_mut(&mut self, arm: &mut syn::Arm) {
        if let Some((_, guard)) = &mut arm.guard {
            self.condition(guard);
        }
        self.visit_expr_mut(&mut arm.body);
    }
}
