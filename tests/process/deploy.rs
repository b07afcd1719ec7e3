//! What can be told of the files in scripts/deploy without the programs that read them.

use serde_json::Value;

use support::folder::Folder;
use support::process::Call;

const NGINX: &str = include_str!("../../scripts/deploy/nginx.conf");
const CADDY: &str = include_str!("../../scripts/deploy/Caddyfile");
const UNIT: &str = include_str!("../../scripts/deploy/orderd.service");
const IMAGE: &str = include_str!("../../scripts/deploy/Dockerfile");
const TOOLCHAIN: &str = include_str!("../../rust-toolchain.toml");

/// The word behind the first `start`.
#[track_caller]
fn word<'a>(text: &'a str, start: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no {start}"));
    rest.split(|char: char| char.is_whitespace() || char == ';').next().unwrap()
}

fn seconds(text: &str, start: &str) -> u64 {
    word(text, start).trim_end_matches('s').parse().unwrap()
}

#[test]
fn the_proxies_wait_longer_than_a_client_may_wait_for_an_event() {
    let ended = Call::within(&Folder::new()).arg("openapi").run();
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    let parameters = document["paths"]["/events/"]["get"]["parameters"].as_array().unwrap();
    let wait = parameters.iter().find(|parameter| parameter["name"] == "wait").unwrap();
    let longest = wait["schema"]["maximum"].as_u64().unwrap();
    assert!(seconds(NGINX, "proxy_read_timeout ") > longest + 5);
    assert!(seconds(CADDY, "response_header_timeout ") > longest + 5);
}

#[test]
fn the_image_is_built_with_the_rust_of_the_gate() {
    let gate = word(TOOLCHAIN, "channel = \"").trim_end_matches('"');
    let (minor, _) = gate.rsplit_once('.').unwrap();
    assert_eq!(word(IMAGE, "FROM rust:"), format!("{minor}-slim"));
}

/// The filter of `@resources` takes this one call away, in silence.
#[test]
fn the_unit_lets_the_check_of_a_backup_give_way() {
    let (_, after) = UNIT.split_once("@resources").unwrap();
    assert!(after.contains("\nSystemCallFilter=setpriority\n"));
}
