//! The house as src/README.md draws it: a room imports only rooms listed before it, some
//! names are spoken in one room only, and no files import each other in a circle.

mod circles;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use circles::{Sources, circles};
use source::{Token, tokens};

/// From the ground up.
const ROOMS: [&str; 18] = [
    "clock", "sys", "error", "domain", "config", "logging", "metrics", "http", "store", "auth",
    "limiter", "service", "mail", "webhooks", "api", "app", "cli", "main",
];

/// What is named in these rooms alone.
const NAMES: [(&str, &[&str]); 22] = [
    ("SystemTime", &["clock"]),
    ("rustix", &["sys"]),
    ("socket2", &["sys"]),
    ("signal_hook", &["sys"]),
    ("env_logger", &["logging"]),
    ("prometheus_client", &["metrics"]),
    ("redb", &["store"]),
    ("scrypt", &["auth"]),
    ("jwt_simple", &["auth"]),
    ("mail_send", &["mail"]),
    ("tokio", &["mail"]),
    ("tokio_rustls", &["mail"]),
    ("rustls", &["mail", "webhooks"]),
    ("ureq", &["webhooks"]),
    ("rustls_native_certs", &["mail"]),
    ("handlebars", &["mail"]),
    ("tiny_http", &["http"]),
    ("tiny_http_fork", &["http"]),
    ("httparse", &["http"]),
    ("utoipa", &["api"]),
    ("clap", &["config", "cli"]),
    ("clap_complete", &["cli"]),
];

/// Functions of `std::env` that read or change the environment; `config` alone calls them.
const ENVIRONMENT: [&str; 6] = ["var", "var_os", "vars", "vars_os", "set_var", "remove_var"];

#[test]
fn no_room_imports_one_above_it_and_no_name_leaves_its_room() {
    let mut found = Vec::new();
    for path in files(&source_root()) {
        let inside = path.strip_prefix(source_root()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let Some(module) = module_of(inside) else { continue };
        found.extend(
            violations(&module, &text).iter().map(|it| format!("{}:{it}", inside.display())),
        );
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut sources = Sources::new();
    for path in files(&source_root()) {
        let inside = path.strip_prefix(source_root()).unwrap();
        let is_test = inside.to_string_lossy().ends_with("tests.rs");
        if let Some(module) = module_of(inside).filter(|_| !is_test) {
            sources.insert(module, tokens(&fs::read_to_string(&path).unwrap()));
        }
    }
    let circles = circles(&sources);
    let shown = circles
        .iter()
        .map(|circle| circle.iter().map(|module| module.join("/")).collect::<Vec<_>>().join(", "));
    assert!(circles.is_empty(), "\n{}", shown.collect::<Vec<_>>().join("\n"));
}

#[test]
fn every_file_is_in_a_room() {
    for path in files(&source_root()) {
        let inside = path.strip_prefix(source_root()).unwrap();
        let Some(module) = module_of(inside) else { continue };
        assert!(ROOMS.contains(&module[0].as_str()), "no room is called {}", module[0]);
    }
}

#[test]
fn the_library_lists_its_rooms_from_the_ground_up_and_forbids_unsafe_code() {
    let text = fs::read_to_string(source_root().join("lib.rs")).unwrap();
    let tokens = tokens(&text);
    let declared = tokens.windows(2).filter(|two| two[0].text == "mod").map(|two| &*two[1].text);
    // `main` is the binary's.
    assert_eq!(declared.collect::<Vec<_>>(), ROOMS[..ROOMS.len() - 1]);
    assert!(text.contains("#![forbid(unsafe_code)]"));
}

#[test]
fn an_import_from_above_is_found_in_every_dress() {
    for source in [
        "use crate::api::Api;",
        "use crate::{clock::Clock, api};",
        "use crate::{\n    clock::{Clock, Timestamp},\n    api::{self, Api},\n};",
        "pub use crate :: api :: Api ;",
        "fn f() -> crate::api::Api { todo!() }",
        "use super::super::api::Api;",
        "use super::super::{clock, api};",
        "mod tests { use super::super::super::api; }",
        "use orderd::api::Api;",
        "use ::orderd::api;",
        "fn f<'a>(_: &'a str) -> &'a str { crate::api::x() }",
        "const C: char = '\"'; use crate::api; const D: char = '\"';",
    ] {
        let found = violations(&["store".into(), "batch".into()], source);
        assert_eq!(found.len(), 1, "{source}: {found:?}");
        assert!(found[0].contains("api"), "{found:?}");
    }
}

#[test]
fn a_name_outside_its_room_is_found() {
    for source in [
        "use redb::Database;",
        "let now = std::time::SystemTime::now();",
        "#[derive(clap::Args)] struct A;",
        "let it = std::env::var(\"X\");",
        "use std::env; fn f() { env::vars_os(); }",
        "use std::env::{args, var_os};",
        "use std::{env::{self, var}, fs};",
        "extern crate tokio;",
    ] {
        let found = violations(&["service".into(), "orders".into()], source);
        assert_eq!(found.len(), 1, "{source}: {found:?}");
    }
    assert!(violations(&["store".into()], "use redb::Database;").is_empty());
    assert!(violations(&["config".into()], "std::env::var(\"X\");").is_empty());
}

#[test]
fn what_is_allowed_or_only_talked_about_is_not_found() {
    for source in [
        "use crate::clock::Clock; use crate::store::records; use crate::error::{Error, Result};",
        "// use crate::api::Api;\n/* redb /* nested */ tokio */",
        "let text = \"use crate::http; redb \\\" tokio\";",
        "let text = r#\"crate::http \" redb\"#; let bytes = b\"tokio\"; let c = b'\\'';",
        "use super::records; use super::super::clock::Clock;",
        "mod tests { use super::*; use super::super::records; use crate::clock::Clock; }",
        "fn f<'redbs>(x: &'redbs str) { let quote = '\\''; let other = '\"'; }",
        "let version = env!(\"CARGO_PKG_VERSION\"); let args = std::env::args_os();",
    ] {
        let found = violations(&["store".into(), "batch".into()], source);
        let found: Vec<_> = found.iter().filter(|it| !it.contains("redb")).collect();
        assert!(found.is_empty(), "{source}: {found:?}");
        assert!(violations(&["service".into(), "x".into()], source).is_empty(), "{source}");
    }
}

/// What breaks the rules in a file of that module, with its line.
fn violations(module: &[String], source: &str) -> Vec<String> {
    let tokens = tokens(source);
    let room = module[0].as_str();
    let mut found = Vec::new();
    for (line, imported) in imported_rooms(module, &tokens) {
        if height(&imported) > height(room) {
            found.push(format!("{line}: {room} imports {imported}, which lies above it"));
        }
    }
    for token in &tokens {
        let name = NAMES.iter().find(|(name, rooms)| *name == token.text && !rooms.contains(&room));
        found.extend(name.map(|(name, _)| format!("{}: {name} in {room}", token.line)));
    }
    if room != "config" {
        let calls = environment_calls(&tokens).into_iter();
        found.extend(calls.map(|line| format!("{line}: {room} reads the environment")));
    }
    found
}

/// 0 for what is no room: the crate's root has only rooms in it.
fn height(room: &str) -> usize {
    ROOMS.iter().position(|known| *known == room).map_or(0, |place| place + 1)
}

/// The rooms that paths lead to, whether they begin with `crate`, the crate's own name,
/// or as many `super` as lead to the root.
fn imported_rooms(module: &[String], tokens: &[Token]) -> Vec<(usize, String)> {
    let mut rooms = Vec::new();
    let mut place = 0;
    let mut inline = InlineModules::default();
    while place < tokens.len() {
        inline.step(tokens, place);
        let depth = module.len() + inline.depth();
        match path_to_root(&tokens[place..], depth) {
            Some(length) => {
                rooms.extend(first_segments(&tokens[place + length..]));
                place += length;
            }
            None => place += 1,
        }
    }
    rooms
}

/// How many tokens lead to the crate's root, if the path that begins here goes there.
fn path_to_root(tokens: &[Token], depth: usize) -> Option<usize> {
    let is = |at: usize, text: &str| tokens.get(at).is_some_and(|token| token.text == text);
    if (is(0, "crate") || is(0, "orderd")) && is(1, "::") {
        return Some(2);
    }
    let supers = (0..).take_while(|n| is(n * 2, "super") && is(n * 2 + 1, "::")).count();
    (supers > 0 && supers >= depth).then_some(supers * 2)
}

/// What follows `crate::`: one segment, or those of a group.
fn first_segments(tokens: &[Token]) -> Vec<(usize, String)> {
    let Some(first) = tokens.first() else { return Vec::new() };
    if first.text != "{" {
        return vec![(first.line, first.text.clone())];
    }
    let mut segments = Vec::new();
    let mut depth = 0;
    let mut fresh = true;
    for token in tokens {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" if depth == 1 => break,
            "}" => depth -= 1,
            "," if depth == 1 => fresh = true,
            _ if depth == 1 && std::mem::take(&mut fresh) => {
                segments.push((token.line, token.text.clone()));
            }
            _ => {}
        }
    }
    segments
}

/// The lines where a function of [`ENVIRONMENT`] is named behind `env::`.
fn environment_calls(tokens: &[Token]) -> Vec<usize> {
    let starts = tokens.windows(2).enumerate();
    let starts = starts.filter(|(_, two)| two[0].text == "env" && two[1].text == "::");
    let named = starts.flat_map(|(at, _)| first_segments(&tokens[at + 2..]));
    named.filter(|(_, name)| ENVIRONMENT.contains(&name.as_str())).map(|(line, _)| line).collect()
}

/// Modules written inside the file, by the depth of braces that they were opened at.
#[derive(Default)]
struct InlineModules {
    braces: usize,
    opened_at: Vec<usize>,
}

impl InlineModules {
    fn step(&mut self, tokens: &[Token], place: usize) {
        match tokens[place].text.as_str() {
            "{" => {
                if place >= 2 && tokens[place - 2].text == "mod" {
                    self.opened_at.push(self.braces);
                }
                self.braces += 1;
            }
            "}" => {
                self.braces = self.braces.saturating_sub(1);
                if self.opened_at.last() == Some(&self.braces) {
                    self.opened_at.pop();
                }
            }
            _ => {}
        }
    }

    fn depth(&self) -> usize {
        self.opened_at.len()
    }
}

fn source_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let sources = files.into_iter().filter(|path| path.extension().is_some_and(|it| it == "rs"));
    sources.chain(folders.iter().flat_map(|folder| self::files(folder))).collect()
}

/// `store/batch.rs` is `[store, batch]`; none for the library's root, which only lists.
fn module_of(inside: &Path) -> Option<Vec<String>> {
    let path = inside.with_extension("");
    let mut module: Vec<_> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    (module != ["lib"]).then_some(module)
}
