//! Files that import each other in a circle can't be read, tested or moved one at a time.
//!
//! An import is followed to the file that defines the name: one that a `mod.rs` only passes on
//! with `pub use` counts for the file that it comes from, and not for the `mod.rs`. Unit tests
//! may import what they like.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Token;

/// A module's path from the crate's root: `store/commit/queue.rs` is `[store, commit, queue]`.
pub type Module = Vec<String>;

/// The code of every file.
pub type Sources = BTreeMap<Module, Vec<Token>>;

type Graph = BTreeMap<Module, BTreeSet<Module>>;

/// Each circle, as the files that are in it.
pub fn circles(sources: &Sources) -> Vec<Vec<Module>> {
    let graph = imports(sources);
    let reach: BTreeMap<_, _> =
        graph.keys().map(|module| (module, reachable(&graph, module))).collect();
    let mut found: BTreeSet<Vec<Module>> = BTreeSet::new();
    for (module, reached) in &reach {
        if reached.contains(*module) {
            let circle = reached.iter().filter(|other| reach[other].contains(*module));
            found.insert(circle.cloned().collect());
        }
    }
    found.into_iter().collect()
}

fn imports(sources: &Sources) -> Graph {
    let exports: BTreeMap<_, _> =
        sources.iter().map(|(module, tokens)| (module.clone(), exports(module, tokens))).collect();
    let imported = |module: &Module, tokens: &Vec<Token>| {
        let paths = paths(&without_tests(tokens)).into_iter().filter(|path| !path.is_export);
        let targets = paths.filter_map(|path| resolve(module, &path.segments, sources, &exports));
        targets.filter(|target| target != module).collect()
    };
    sources.iter().map(|(module, tokens)| (module.clone(), imported(module, tokens))).collect()
}

fn reachable(graph: &Graph, from: &Module) -> BTreeSet<Module> {
    let mut reached = BTreeSet::new();
    let mut left = vec![from];
    while let Some(module) = left.pop() {
        for next in &graph[module] {
            if reached.insert(next.clone()) {
                left.push(next);
            }
        }
    }
    reached
}

/// What a file passes on: the name, and the path that it comes from.
fn exports(module: &Module, tokens: &[Token]) -> BTreeMap<String, Module> {
    let exported = paths(tokens).into_iter().filter(|path| path.is_export);
    let named = exported.filter_map(|path| Some((path.segments.last()?.clone(), path.segments)));
    named.map(|(name, segments)| (name, absolute(module, &segments))).collect()
}

/// The file that defines what a path names; none outside the crate.
fn resolve(
    module: &Module,
    segments: &[String],
    sources: &Sources,
    exports: &BTreeMap<Module, BTreeMap<String, Module>>,
) -> Option<Module> {
    let mut path = absolute(module, segments);
    // A name may be passed on by one file after the other.
    for _ in 0..8 {
        let length =
            (1..=path.len()).rev().find(|length| sources.contains_key(&path[..*length]))?;
        let file = path[..length].to_vec();
        let passed_on = path.get(length).and_then(|name| exports[&file].get(name));
        match passed_on {
            Some(origin) if *origin != path => path = origin.clone(),
            _ => return Some(file),
        }
    }
    None
}

/// A path from the crate's root. One that begins with a name of its own is a child's, or of
/// another crate and then found nowhere.
fn absolute(module: &Module, segments: &[String]) -> Module {
    let mut base = module.clone();
    let mut rest = segments;
    match segments.first().map(String::as_str) {
        Some("crate" | "orderd") => return segments[1..].to_vec(),
        Some("self") => rest = &segments[1..],
        _ => {}
    }
    while rest.first().is_some_and(|segment| segment == "super") {
        base.pop();
        rest = &rest[1..];
    }
    base.extend(rest.iter().cloned());
    base
}

#[derive(Debug)]
struct Path {
    segments: Vec<String>,
    /// It stands in a `pub use`.
    is_export: bool,
}

/// Every path that could lead to a file: those of each `use`, and those in the code that begin
/// with `crate`, `super` or a module that the file declares.
fn paths(tokens: &[Token]) -> Vec<Path> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let declared: BTreeSet<&str> = (0..tokens.len())
        .filter(|at| text(*at) == "mod" && text(at + 2) == ";")
        .map(|at| text(at + 1))
        .collect();
    let begins = |at: usize| {
        matches!(text(at), "crate" | "super")
            || (declared.contains(text(at)) && (at == 0 || text(at - 1) != "::"))
    };
    let mut paths = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match text(at) {
            "use" => {
                let is_export = at > 0 && matches!(text(at - 1), "pub" | ")");
                let mut found = Vec::new();
                at = tree(tokens, at + 1, &[], &mut found);
                paths.extend(found.into_iter().map(|segments| Path { segments, is_export }));
            }
            _ if begins(at) && text(at + 1) == "::" => {
                let mut segments = vec![text(at).to_owned()];
                while text(at + 1) == "::" && is_name(text(at + 2)) {
                    segments.push(text(at + 2).to_owned());
                    at += 2;
                }
                paths.push(Path { segments, is_export: false });
                at += 1;
            }
            _ => at += 1,
        }
    }
    paths
}

/// Reads one tree of a `use` behind `prefix`; gives the place behind it.
fn tree(tokens: &[Token], mut at: usize, prefix: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut path = prefix.to_vec();
    loop {
        match text(at) {
            "{" => {
                at += 1;
                while !matches!(text(at), "}" | "") {
                    at = tree(tokens, at, &path, found);
                    if text(at) == "," {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "::" => at += 1,
            "self" if !path.is_empty() => at += 1,
            // Another name for it hides nothing here.
            "as" => at += 2,
            name if is_name(name) => {
                path.push(name.to_owned());
                at += 1;
            }
            "*" => at += 1,
            _ => {
                found.push(path);
                return at;
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// The code without its inline unit tests, and what else is marked `#[cfg(test)]`.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let marker = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if (0..marker.len()).all(|place| text(at + place) == marker[place]) {
            at = end_of_item(tokens, at + marker.len());
            continue;
        }
        kept.push(tokens[at].clone());
        at += 1;
    }
    kept
}

/// The place behind an item: behind its braces, or its semicolon.
fn end_of_item(tokens: &[Token], mut at: usize) -> usize {
    let mut depth = 0;
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            "{" => depth += 1,
            "}" if depth == 1 => return at + 1,
            "}" => depth -= 1,
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::super::source::tokens;
    use super::*;

    fn circles_of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let module = |path: &str| path.split('/').map(str::to_owned).collect::<Module>();
        let sources = files.iter().map(|(path, code)| (module(path), tokens(code))).collect();
        let named = |circle: Vec<Module>| circle.iter().map(|module| module.join("/")).collect();
        circles(&sources).into_iter().map(named).collect()
    }

    #[test]
    fn a_circle_is_found_however_the_imports_are_written() {
        for (one, other) in [
            ("use super::b::B;", "use super::a::A;"),
            ("use crate::room::{c::C, b::{self, B}};", "fn f() { crate::room::a::f() }"),
            ("use crate::room::B;", "use crate::room::{A as Other};"),
            ("fn f() -> super::B { todo!() }", "use crate::room::a;"),
        ] {
            let room = "mod a; mod b; mod c; pub use a::A; pub use b::{B, Other};";
            let files =
                [("room", room), ("room/a", one), ("room/b", other), ("room/c", "struct C;")];
            assert_eq!(circles_of(&files), [["room/a", "room/b"]], "{one} {other}");
        }
    }

    #[test]
    fn a_mod_file_that_uses_its_children_and_is_used_by_them_is_in_a_circle() {
        for room in ["mod a; use a::A; struct R;", "mod a; struct R(a::A);"] {
            let files = [("room", room), ("room/a", "use super::R;")];
            assert_eq!(circles_of(&files), [["room", "room/a"]], "{room}");
        }
    }

    #[test]
    fn declarations_exports_and_tests_make_no_circle() {
        let files = [
            ("room", "mod a; mod b; pub use a::A; pub(crate) use b::B;"),
            ("room/a", "struct A; #[cfg(test)] mod tests { use super::super::b::B; }"),
            ("room/b", "use super::A; #[cfg(test)] use super::B; struct B;"),
        ];
        assert!(circles_of(&files).is_empty(), "{:?}", circles_of(&files));
    }
}
