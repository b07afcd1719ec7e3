use serde_json::Value;

use support::folder::Folder;
use support::process::{Call, Running};

const EXAMPLE: &str = include_str!("../../.env.prod.example");

fn health(running: &Running) -> Value {
    running.ask("GET", "/health", None, "").good()
}

/// What `orderd config` says of one setting: its value and its source.
#[track_caller]
fn shown(call: Call, name: &str) -> (String, String) {
    let ended = call.arg("config").run();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let line = ended.stdout.lines().find(|line| line.split(' ').next() == Some(name));
    let line = line.unwrap_or_else(|| panic!("no {name}: {ended:?}"));
    let (value, source) = line[name.len()..].trim().rsplit_once("  ").unwrap();
    let value = value.trim().trim_start_matches("(none)");
    (value.to_owned(), source.to_owned())
}

#[track_caller]
fn warnings(call: Call) -> Vec<String> {
    let ended = call.arg("config").run();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stderr.lines().map(str::to_owned).collect()
}

#[track_caller]
fn only_warning(content: &str) -> String {
    let folder = Folder::new();
    folder.write(".env.dev", content);
    let warnings = warnings(Call::within(&folder));
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    warnings[0].clone()
}

#[test]
fn the_file_fills_what_the_environment_leaves_out() {
    let folder = Folder::new();
    folder.write(".env.dev", "# settings\nLOG_FILE=from-file.log\nMAIL_DIR=file-mail\n");
    Call::within(&folder).start().stop();
    assert!(folder.join("from-file.log").exists());
    Call::within(&folder).env("LOG_FILE", "from-environment.log").start().stop();
    assert!(folder.join("from-environment.log").exists());
}

#[test]
fn production_has_a_file_of_its_own() {
    let folder = Folder::new();
    folder.write(".env.dev", "LOG_FILE=dev.log\n");
    folder.write(".env.prod", "LOG_FILE=prod.log\n");
    let running = Call::within(&folder).env("ENVIRONMENT", "production").start();
    assert_eq!(health(&running)["environment"], "production");
    running.stop();
    assert!(folder.join("prod.log").exists());
    assert!(!folder.join("dev.log").exists());
}

#[test]
fn the_file_does_not_choose_the_environment_and_that_is_told() {
    let folder = Folder::new();
    folder.write(".env.dev", "export ENVIRONMENT=production\nLOG_FILE=dev.log\n");
    let mut running = Call::within(&folder).start();
    assert_eq!(health(&running)["environment"], "development");
    running.await_log(".env.dev, line 1: ENVIRONMENT counts only as a variable");
    running.stop();
    assert!(folder.join("dev.log").exists());
}

#[test]
fn a_bad_value_in_the_file_is_told_with_file_and_line() {
    let folder = Folder::new();
    folder.write(".env.dev", "# settings\n\nRATE_LIMIT_WINDOW=soon\n");
    let ended = Call::within(&folder).run();
    let line = ended.refusal(2);
    assert!(line.contains("RATE_LIMIT_WINDOW=soon (.env.dev, line 3)"), "{line}");
}

#[test]
fn a_line_that_can_not_be_read_is_told_by_file_line_and_name_without_its_text() {
    for (content, place) in [
        ("\nSECRET_KEY 'a secret without an equals sign\n", ".env.dev, line 2, SECRET_KEY: "),
        ("SECRET_KEY=\"a secret\nof two lines\"\n", ".env.dev, line 1, SECRET_KEY: "),
        ("a secret\n", ".env.dev, line 1: "),
    ] {
        let folder = Folder::new();
        folder.write(".env.dev", content);
        let ended = Call::within(&folder).run();
        let line = ended.refusal(2);
        assert!(line.contains(place) && !line.contains("a secret"), "{line}");
    }
    let folder = Folder::new();
    folder.write(".env.dev", b"PORT=0\r\nSHOP=\xff\r\n");
    let ended = Call::within(&folder).run();
    assert!(ended.refusal(2).contains(".env.dev, line 2, SHOP: must be text in UTF-8"));
}

#[test]
fn a_file_that_can_not_be_read_stops_the_start() {
    let folder = Folder::new();
    std::fs::create_dir(folder.join(".env.dev")).unwrap();
    assert!(Call::within(&folder).run().refusal(2).contains(".env.dev: "));
    let folder = Folder::new();
    folder.write(".env.dev", "#".repeat(1_000_000));
    assert!(Call::within(&folder).run().refusal(2).contains("longer than"));
}

#[test]
fn values_of_the_file_are_taken_as_they_are_but_for_quotes_around_them() {
    let folder = Folder::new();
    folder.write(
        ".env.dev",
        "LOG_FILE=\"quoted name.log\" # said\nADMIN_PASSWORD=Secure1$ecret!x\nMAIL_DIR=a b\n",
    );
    let running = Call::within(&folder).start();
    running.token("admin", "Secure1$ecret!x");
    running.stop();
    assert!(folder.join("quoted name.log").exists());
    assert!(folder.join("a b").is_dir());
}

#[test]
fn a_variable_still_in_its_quotes_is_read_without_them() {
    let folder = Folder::new();
    let call = Call::within(&folder).env("EMAIL_FROM", "\"The Shop <orders@shop.example>\"");
    let from = "The Shop <orders@shop.example>".to_owned();
    assert_eq!(shown(call, "EMAIL_FROM"), (from, "variable".into()));
}

#[test]
fn an_unknown_name_is_told_with_the_nearest_known_one() {
    let told = only_warning("SMTP_SEVER=mail.example\n");
    assert!(
        told.contains(".env.dev, line 1: SMTP_SEVER") && told.contains("SMTP_SERVER"),
        "{told}"
    );
    let told = only_warning("port=1\n");
    assert!(told.contains("is PORT meant?"), "{told}");
    let told = only_warning("RUST_BACKTRACE=1\n");
    assert!(told.contains("RUST_BACKTRACE is no setting") && !told.contains("meant"), "{told}");
}

#[test]
fn a_file_that_nobody_reads_is_told() {
    let folder = Folder::new();
    folder.write(".env", "PORT=1\n");
    let told = warnings(Call::within(&folder));
    assert_eq!(told.len(), 1);
    assert!(told[0].contains(".env is not read") && told[0].contains(".env.dev"), "{told:?}");
    Call::within(&folder).start().await_log(".env is not read");
}

#[test]
fn of_a_repeated_name_the_last_counts_and_that_is_told() {
    let content = "# one\nLOG_LEVEL=debug\nLOG_LEVEL=error\n";
    let told = only_warning(content);
    assert!(told.contains(".env.dev, line 3: LOG_LEVEL") && told.contains("line 2"), "{told}");
    let folder = Folder::new();
    folder.write(".env.dev", content);
    let last = ("error".to_owned(), ".env.dev, line 3".to_owned());
    assert_eq!(shown(Call::within(&folder), "LOG_LEVEL"), last);
}

#[test]
fn an_empty_value_counts_as_absent_and_leaves_the_files_in_force() {
    let folder = Folder::new();
    folder.write(".env.dev", "BACKUP_DIR=\nTEMPLATES_DIR=''\nRATE_LIMIT_WINDOW=30\nPORT=\n");
    let call = || Call::within(&folder).env("RATE_LIMIT_WINDOW", "").env("PORT", "");
    let window = ("30".to_owned(), ".env.dev, line 3".to_owned());
    assert_eq!(shown(call(), "RATE_LIMIT_WINDOW"), window);
    assert_eq!(shown(call(), "PORT"), ("8000".into(), "default".into()));
    let flag = call().arg("config").arg("--rate-limit-window=").run();
    assert!(flag.stdout.contains(".env.dev, line 3"), "{flag:?}");
    // Every setting but these two, in one go.
    let folder = Folder::new();
    let defaults = Call::within(&folder).env("PORT", "").arg("config").run().stdout;
    let names: Vec<_> = defaults.lines().skip(1).filter_map(|it| it.split(' ').next()).collect();
    assert!(names.len() > 35, "{defaults}");
    let empty: Vec<_> = names
        .iter()
        .filter(|name| !["LOG_FILE", "CORS_ALLOW_ORIGINS"].contains(*name))
        .map(|name| (*name, ""))
        .collect();
    let ended = Call::within(&folder).envs(&empty).arg("config").run();
    assert_eq!(ended.stdout, defaults);
    let both = [("LOG_FILE", ""), ("CORS_ALLOW_ORIGINS", ""), ("PORT", "")];
    let ended = Call::within(&folder).envs(&both).arg("config").run();
    assert_eq!(ended.stdout.matches("variable").count(), 2, "{ended:?}");
}

#[test]
fn the_example_says_the_same_to_all_three_readers() {
    let folder = Folder::new();
    folder.write(".env.prod", EXAMPLE);
    let by_docker = docker(EXAMPLE);
    assert_eq!(systemd(EXAMPLE), by_docker);
    assert!(by_docker.len() > 8, "{by_docker:?}");
    let call = || Call::within(&folder).env("ENVIRONMENT", "production").env("PORT", "");
    assert_eq!(warnings(call()), Vec::<String>::new());
    for (name, value) in &by_docker {
        let (ours, source) = shown(call(), name);
        assert_eq!(ours, *value, "{name}");
        assert!(source.starts_with(".env.prod, line "), "{name}: {source}");
    }
    // Handed over as variables, it is accepted all the same.
    let variables: Vec<_> = by_docker.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let elsewhere = Folder::new();
    let call = Call::within(&elsewhere).env("ENVIRONMENT", "production").envs(&variables);
    assert_eq!(warnings(call), Vec::<String>::new());
}

#[test]
fn the_example_leaves_alone_what_the_unit_and_the_image_say() {
    const UNIT: &str = include_str!("../../scripts/deploy/orderd.service");
    const IMAGE: &str = include_str!("../../scripts/deploy/Dockerfile");
    let (_, after) = IMAGE.split_once("\nENV ").unwrap();
    let lines = after.split_inclusive('\n');
    let image: String = lines.map_while(|line| line.strip_suffix("\\\n")).collect();
    let unit = UNIT.lines().filter_map(|line| line.strip_prefix("Environment="));
    let said: Vec<_> = unit.chain(image.split_whitespace()).collect();
    assert!(said.contains(&"MAIL_DIR=/var/lib/orderd/mail"), "{said:?}");
    assert!(said.contains(&"DATABASE_URL=redb:///data/orders.redb"), "{said:?}");
    for (name, value) in docker(EXAMPLE) {
        let other = said.iter().filter_map(|it| it.split_once('=')).find(|it| it.0 == name);
        assert!(other.is_none_or(|it| it.1 == value), "{name}={value} and {other:?}");
    }
}

/// `docker run --env-file`: comments at a line's start, the value as it is. Without a `=` it
/// would take the variable from its own environment; blanks in a name are an error.
fn docker(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(str::trim_start);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pairs = lines.map(|line| {
        let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("no value: {line}"));
        assert!(!name.contains(char::is_whitespace), "{line}");
        (name.to_owned(), value.to_owned())
    });
    pairs.collect()
}

/// systemd's `EnvironmentFile=`: `#` and `;` begin comments at a line's start, `\` escapes and
/// joins lines, quotes are taken off wherever they stand, and blanks around a value.
fn systemd(text: &str) -> Vec<(String, String)> {
    let joined = text.replace("\\\n", "");
    let lines = joined.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with(['#', ';']));
    let pairs = lines.map(|line| {
        let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("no value: {line}"));
        (name.trim_end().to_owned(), systemd_value(value.trim()))
    });
    pairs.collect()
}

fn systemd_value(text: &str) -> String {
    let mut value = String::new();
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', Some('\'')) => value.push(c),
            ('\\', _) => value.extend(chars.next()),
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (c, _) => value.push(c),
        }
    }
    assert_eq!(quote, None, "{text}");
    value
}
