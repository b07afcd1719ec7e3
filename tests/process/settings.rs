use support::folder::Folder;
use support::process::{Call, Ended};

const LONG_KEY: &str = "0123456789abcdef0123456789abcdef";

/// Starts with these variables until the process ends.
fn run(variables: &[(&str, &str)]) -> Ended {
    Call::within(&Folder::new()).envs(variables).run()
}

#[test]
fn a_bad_value_is_told_in_one_line_with_its_setting_and_what_is_allowed() {
    for (setting, value, allowed) in [
        ("ENVIRONMENT", "staging", "production"),
        ("HOST", "not a host", "host"),
        ("HOST", "127.0.0.1:80", "port"),
        ("HOST", "[::1]:80", "port"),
        ("HOST", "http://127.0.0.1", "URL"),
        ("PORT", "70000", "65535"),
        ("PORT", "http", "65535"),
        ("PORT", "-1", "65535"),
        ("DATABASE_URL", "orders.db", "redb://"),
        ("DATABASE_URL", "redb://", "redb://"),
        ("DATABASE_URL", "postgres://localhost/orders", "redb://"),
        ("SHOP_NAME", "a\u{1}b", "100 characters"),
        ("SHOP_URL", "shop.example", "https://"),
        ("SHOP_URL", "ftp://shop.example", "https://"),
        ("SHOP_URL", "https://shop.example/<b>", "https://"),
        ("TIME_ZONE", "Berlin", "Europe/Berlin"),
        ("TIME_ZONE", "../../etc/passwd", "IANA"),
        ("EMAIL_REPLY_TO", "The Shop <shop@example.com>", "email address"),
        ("NOTIFY_EMAIL", "nobody", "email address"),
        ("ALGORITHM", "HS512", "HS256"),
        ("ALGORITHM", "none", "HS256"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "0", "1"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "half", "525600"),
        ("ADMIN_USERNAME", "\u{1}", "64"),
        ("ADMIN_EMAIL", "nobody", "email"),
        ("SMTP_SERVER", "mail host", "host"),
        ("SMTP_SERVER", "mail.example:587", "port"),
        ("SMTP_SERVER", "[::1]:25", "port"),
        ("SMTP_SERVER", "smtp://mail.example", "URL"),
        ("SMTP_PORT", "0", "1"),
        ("SMTP_TLS", "ssl", "implicit"),
        ("SMTP_CA_FILE", "/nowhere/ca.pem", "file"),
        ("WEBHOOK_NETWORKS", "everywhere", "public, private and loopback"),
        ("WEBHOOK_NETWORKS", "public,10.0.0.0/33", "10.0.0.0/8"),
        ("WEBHOOK_CA_FILE", "/nowhere/ca.pem", "file"),
        ("WEBHOOK_CA_FILE", "~ann/ca.pem", "shell"),
        ("TEMPLATES_DIR", "/nowhere/templates", "folder that is there"),
        ("TEMPLATES_DIR", "/dev/null/templates", "Not a directory"),
        ("EMAIL_FROM", "nobody", "address"),
        ("MAIL_DIR", "/proc/nowhere", "can't be written"),
        ("MAIL_DIR", "~/mail", "shell"),
        ("BACKUP_DIR", "/proc/nowhere", "can't be written"),
        ("BACKUP_DIR", "~/backups", "shell"),
        ("TEMPLATES_DIR", "~/templates", "shell"),
        ("SMTP_CA_FILE", "~ann/ca.pem", "shell"),
        ("DATABASE_URL", "redb://~/orders.redb", "shell"),
        ("LOG_FILE", "~/app.log", "shell"),
        ("EMAIL_FROM", "a@b.example>\r\nBcc: <c@d.example", "address"),
        ("MAIL_MAX_PER_SECOND", "-1", "100000"),
        ("MAIL_KEEP_DAYS", "0", "1"),
        ("RATE_LIMIT_REQUESTS", "five", "1000000"),
        ("RATE_LIMIT_WINDOW", "0", "1"),
        ("TRUSTED_PROXIES", "10.0.0.0/33", "network"),
        ("TRUSTED_PROXIES", "proxy.example", "address"),
        ("CORS_ALLOW_ORIGINS", "shop.example", "origin"),
        ("CORS_ALLOW_ORIGINS", "https://shop.example/path", "origin"),
        ("LOG_LEVEL", "loud", "info"),
        ("LOG_FORMAT", "xml", "json"),
        ("LOG_FILE", "/proc/nowhere/app.log", "can't"),
        ("RATE_LIMIT_ORDERS", "-1", "1000000"),
        ("HTTP_THREADS", "0", "1"),
        ("HTTP_MAX_CONNECTIONS", "0", "1"),
        ("HTTP_MAX_CONNECTIONS_PER_CLIENT", "0", "1"),
        ("HTTP_MAX_BODY_BYTES", "0", "131072"),
        ("HTTP_MAX_BODY_BYTES", "131072", "131072"),
        ("HTTP_MAX_HEAD_BYTES", "1000000", "131072"),
        ("HTTP_IDLE_TIMEOUT", "0", "1"),
        ("HTTP_REQUEST_TIMEOUT", "0", "1"),
        ("IDEMPOTENCY_KEEP_HOURS", "0", "1"),
        ("BACKUP_INTERVAL", "daily", "h"),
        ("BACKUP_KEEP", "0", "1"),
    ] {
        let ended = run(&[(setting, value)]);
        let line = ended.refusal(2);
        let shown = value.lines().next().unwrap_or_default().escape_default().to_string();
        assert!(line.starts_with(&format!("orderd: {setting}={shown}")), "{line}");
        assert!(line.contains(" (variable): "), "{line}");
        assert!(line.contains(allowed), "{setting}={value} should tell {allowed:?}: {line}");
    }
}

#[test]
fn a_bad_value_of_several_lines_is_told_in_one() {
    for setting in ["PORT", "HOST", "ENVIRONMENT", "TRUSTED_PROXIES", "ADMIN_USERNAME", "LOG_LEVEL"]
    {
        let ended = run(&[(setting, "1\nfake line\u{1b}[31m")]);
        let line = ended.refusal(2);
        assert!(line.contains(setting), "{line}");
        assert!(!line.contains('\u{1b}'), "{line:?}");
    }
}

#[test]
fn a_bad_secret_is_never_shown() {
    for (setting, value, more) in [
        ("SECRET_KEY", "tiny-secret", ("ENVIRONMENT", "development")),
        ("SECRET_KEY", "0123456789abcdef0123456789abcde", ("ENVIRONMENT", "production")),
        ("SECRET_KEY", "dev-secret-key", ("ENVIRONMENT", "development")),
        ("SECRET_KEY", "dev-secret-key-change-in-production", ("ENVIRONMENT", "development")),
        ("SECRET_KEY", "dev-secret-key-change-in-production", ("ENVIRONMENT", "production")),
        ("ADMIN_PASSWORD", "weak-secret", ("ENVIRONMENT", "development")),
        ("ADMIN_PASSWORD", "Admin123", ("ENVIRONMENT", "production")),
    ] {
        let ended = run(&[(setting, value), more]);
        let line = ended.refusal(2);
        assert!(line.contains(setting) && !line.contains(value), "{line}");
    }
    let mail = ("SMTP_SERVER", "mail.example");
    let ended = run(&[mail, ("EMAIL_PASS", "mail-secret")]);
    let line = ended.refusal(2);
    assert!(line.contains("EMAIL_USER") && !line.contains("mail-secret"), "{line}");
}

#[test]
fn what_the_process_list_would_show_is_taken_from_no_flag() {
    for flag in ["--secret-key=tiny-secret", "--admin-password", "--email-pass", "--environment"] {
        let folder = Folder::new();
        let ended = Call::within(&folder).arg("serve").arg(flag).arg("tiny-secret").run();
        let line = ended.refusal(2);
        assert!(line.contains("never from a flag") && !line.contains("tiny-secret"), "{line}");
    }
}

#[test]
fn credentials_are_not_sent_in_clear_except_to_this_host() {
    let with = |server: &str| {
        [("SMTP_TLS", "none"), ("EMAIL_USER", "u"), ("EMAIL_PASS", "mail-secret")]
            .into_iter()
            .chain([("SMTP_SERVER", server)])
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect::<Vec<_>>()
    };
    for server in ["mail.example", "127.0.0.1.example", "192.0.2.1"] {
        let variables = with(server);
        let variables: Vec<_> = variables.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let ended = run(&variables);
        let line = ended.refusal(2);
        assert!(line.contains("SMTP_TLS") && !line.contains("mail-secret"), "{line}");
    }
    for server in ["localhost", "127.0.0.1", "::1"] {
        let variables = with(server);
        let variables: Vec<_> = variables.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let folder = Folder::new();
        Call::within(&folder).envs(&variables).start().stop();
    }
}

#[test]
fn an_old_database_is_refused_by_name() {
    for url in ["sqlite:///./orders.db", "sqlite://orders.db", "sqlite:orders.db"] {
        let ended = run(&[("DATABASE_URL", url)]);
        let line = ended.refusal(2);
        assert!(line.contains("DATABASE_URL") && line.contains("SQLite"), "{line}");
    }
}

#[test]
fn the_version_is_told_in_every_way_that_one_asks_for_it() {
    for arg in ["version", "-V", "--version"] {
        let ended = Call::within(&Folder::new()).arg(arg).run();
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "orderd 1.0.0\n"), "{arg}");
    }
}

#[test]
fn a_shell_gets_a_script_that_knows_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let ended = Call::within(&Folder::new()).args(&["completions", shell]).run();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("log-level"), "{shell}");
    }
    assert_eq!(Call::within(&Folder::new()).args(&["completions", "sh"]).run().code, Some(2));
}

#[test]
fn levels_of_the_log_are_written_in_any_case() {
    let folder = Folder::new();
    for level in ["debug", "INFO", "Warning", "WARNING", "error", "CRITICAL"] {
        let ended = Call::within(&folder).env("LOG_LEVEL", level).arg("init").run();
        assert_eq!(ended.code, Some(0), "{level}: {ended:?}");
    }
}

#[test]
fn the_help_shows_every_setting_with_its_default() {
    let ended = Call::within(&Folder::new()).arg("serve").arg("--help").run();
    assert_eq!(ended.code, Some(0));
    let help = ended.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for (variable, default) in [
        ("ENVIRONMENT", "development"),
        ("HOST", "127.0.0.1"),
        ("PORT", "8000"),
        ("DATABASE_URL", "redb://./data/orders.redb"),
        ("SECRET_KEY", "orders.key"),
        ("SHOP_NAME", "Orders"),
        ("SHOP_URL", ""),
        ("TIME_ZONE", "UTC"),
        ("EMAIL_REPLY_TO", ""),
        ("NOTIFY_EMAIL", ""),
        ("ALGORITHM", "HS256"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "30"),
        ("ADMIN_USERNAME", "admin"),
        ("ADMIN_EMAIL", "admin@example.com"),
        ("ADMIN_PASSWORD", "Admin123"),
        ("WEBHOOK_NETWORKS", "public,private,loopback in development, public in production"),
        ("WEBHOOK_CA_FILE", ""),
        ("SMTP_SERVER", ""),
        ("SMTP_PORT", "587"),
        ("SMTP_TLS", "starttls"),
        ("SMTP_CA_FILE", ""),
        ("EMAIL_USER", ""),
        ("EMAIL_PASS", ""),
        ("EMAIL_FROM", "orders@localhost"),
        ("MAIL_DIR", "./data/mail"),
        ("MAIL_MAX_PER_SECOND", "50"),
        ("TEMPLATES_DIR", ""),
        ("RATE_LIMIT_REQUESTS", "5"),
        ("RATE_LIMIT_WINDOW", "60"),
        ("RATE_LIMIT_ORDERS", "RATE_LIMIT_REQUESTS"),
        ("TRUSTED_PROXIES", ""),
        ("CORS_ALLOW_ORIGINS", "*"),
        ("LOG_LEVEL", "info"),
        ("LOG_FILE", "logs/app.log"),
        ("LOG_FORMAT", "text"),
        ("HTTP_THREADS", "64"),
        ("HTTP_MAX_CONNECTIONS", "4096"),
        ("HTTP_MAX_CONNECTIONS_PER_CLIENT", "quarter"),
        ("HTTP_MAX_BODY_BYTES", "65536"),
        ("HTTP_MAX_HEAD_BYTES", "16384"),
        ("HTTP_IDLE_TIMEOUT", "15"),
        ("HTTP_REQUEST_TIMEOUT", "10"),
        ("MAIL_KEEP_DAYS", "30"),
        ("IDEMPOTENCY_KEEP_HOURS", "24"),
        ("EVENTS_KEEP_DAYS", "30"),
        ("BACKUP_DIR", ""),
        ("BACKUP_INTERVAL", "24h"),
        ("BACKUP_KEEP", "7"),
    ] {
        let entry = help.split_once(&format!("[env: {variable}]"));
        let (_, entry) = entry.unwrap_or_else(|| panic!("no {variable} in the help"));
        let told = entry.trim_start().strip_prefix("[default: ").unwrap_or_default();
        let told = told.split_once(']').map_or("", |(told, _)| told);
        assert!(told.contains(default), "{variable} should tell {default:?}: {told}");
        assert_eq!(told.is_empty(), default.is_empty(), "{variable}: {told}");
    }
}

#[test]
fn the_help_offers_no_flag_that_is_refused() {
    let ended = Call::within(&Folder::new()).arg("serve").arg("--help").run();
    let words = ended.stdout.split_whitespace();
    let flags: Vec<_> = words.filter(|word| word.starts_with("--") && *word != "--help").collect();
    assert!(flags.len() > 30, "{flags:?}");
    for flag in flags {
        let ended = Call::within(&Folder::new()).arg("config").arg(&format!("{flag}=")).run();
        assert_eq!(ended.code, Some(0), "{flag}: {ended:?}");
    }
}

#[test]
fn the_help_shows_no_secret_of_the_environment() {
    let secrets =
        [("SECRET_KEY", LONG_KEY), ("ADMIN_PASSWORD", "Hidden-1"), ("EMAIL_PASS", "pa55")];
    let ended = Call::within(&Folder::new()).envs(&secrets).arg("serve").arg("--help").run();
    for (_, secret) in secrets {
        assert!(!ended.stdout.contains(secret), "{secret}");
    }
}

#[test]
fn what_nobody_knows_is_a_usage_error() {
    for arg in ["--no-such-flag", "no-such-command"] {
        let ended = Call::within(&Folder::new()).arg(arg).run();
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(arg), "{ended:?}");
    }
    let version = Call::within(&Folder::new()).arg("--version").run();
    assert_eq!((version.code, version.stdout.as_str()), (Some(0), "orderd 1.0.0\n"));
}

#[test]
fn a_flag_wins_over_the_environment() {
    let folder = Folder::new();
    let running = Call::within(&folder).env("PORT", "1").arg("--port=0").start();
    assert_ne!(running.address.port(), 1);
    running.stop();
}

#[test]
fn a_variable_that_is_no_text_is_a_bad_value() {
    use std::os::unix::ffi::OsStrExt;
    for setting in ["LOG_LEVEL", "SECRET_KEY", "HOST"] {
        let value = std::ffi::OsStr::from_bytes(b"\xff\xfe");
        let ended = Call::within(&Folder::new()).env_os(setting, value).run();
        assert!(ended.refusal(2).contains(setting), "{ended:?}");
    }
}

#[test]
fn a_bad_value_is_told_with_its_source() {
    let folder = Folder::new();
    folder.write(".env.dev", "SMTP_PORT=x\n");
    let told = |call: Call| call.run().refusal(2).to_owned();
    assert!(told(Call::within(&folder)).contains("SMTP_PORT=x (.env.dev, line 1): must be"));
    let call = Call::within(&folder).env("SMTP_PORT", "y");
    assert!(told(call).contains("SMTP_PORT=y (variable): must be"));
    let call = Call::within(&folder).env("SMTP_PORT", "y").arg("--smtp-port=z");
    assert!(told(call).contains("SMTP_PORT=z (flag --smtp-port): must be"));
}

#[test]
fn a_password_inside_a_url_is_masked() {
    for setting in ["DATABASE_URL", "SMTP_SERVER", "HOST", "TRUSTED_PROXIES", "EMAIL_FROM", "PORT"]
    {
        for value in ["postgres://ann:hunter2@host/x", "ann:hunter2@host"] {
            let ended = run(&[(setting, value)]);
            let line = ended.refusal(2);
            assert!(line.contains("ann:**********@host") && !line.contains("hunter2"), "{line}");
        }
    }
}

#[test]
fn brackets_around_an_ipv6_host_are_taken() {
    let folder = Folder::new();
    let running = Call::within(&folder).env("HOST", "[::1]").start();
    assert!(running.address.is_ipv6());
    running.stop();
}

#[test]
fn a_template_that_is_wrong_stops_the_start_and_is_named() {
    for (file, content, told) in [
        ("order_failed.txt", "{{#if order_id}} never closed", "order_failed.txt"),
        ("order_failed.html", "{{misspelt}}", "misspelt"),
        ("order_faild.txt", "{{order_id}}", "is order_failed.txt meant"),
    ] {
        let folder = Folder::new();
        folder.write(&format!("own/{file}"), content);
        let ended = Call::within(&folder).env("TEMPLATES_DIR", "own").env("LOG_LEVEL", "off").run();
        let line = ended.refusal(2);
        assert!(line.contains("TEMPLATES_DIR=own (variable): ") && line.contains(told), "{line}");
        assert!(!folder.join("data/orders.redb").exists(), "a failed start made a database");
    }
}

#[test]
fn certificates_are_read_before_the_start() {
    let folder = Folder::new();
    folder.write("ca.pem", "no certificate");
    let call = Call::within(&folder).env("SMTP_SERVER", "127.0.0.1").env("LOG_LEVEL", "off");
    let ended = call.env("SMTP_CA_FILE", "ca.pem").run();
    assert!(ended.refusal(2).contains("SMTP_CA_FILE=ca.pem (variable): "));
    assert!(!folder.join("data/orders.redb").exists());
}

#[test]
fn mail_that_goes_nowhere_is_warned_of() {
    let production = ("ENVIRONMENT", "production");
    for (variables, told) in [
        (&[production][..], "SMTP_SERVER is not set"),
        (&[("EMAIL_USER", "u"), ("EMAIL_PASS", "p")], "not used without SMTP_SERVER"),
        (&[("SMTP_SERVER", "127.0.0.1")], "EMAIL_FROM is an address on localhost"),
    ] {
        let folder = Folder::new();
        let mut running = Call::within(&folder).envs(variables).start();
        running.await_log(told);
        running.stop();
        let ended = Call::within(&folder).envs(variables).arg("config").run();
        assert!(ended.stderr.contains(told), "{ended:?}");
    }
    let quiet = Call::within(&Folder::new()).arg("config").run();
    assert_eq!(quiet.stderr, "");
}

#[test]
fn the_start_tells_where_everything_is() {
    let folder = Folder::new();
    folder.write(".env.dev", "MAIL_DIR=./own/mail\n");
    let running = Call::within(&folder).start();
    let address = running.address;
    let ended = running.stop();
    let root = folder.path().canonicalize().unwrap();
    let root = root.display();
    for told in [
        "INFO  orderd 1.0.0, development".to_owned(),
        format!("INFO  settings from {root}/.env.dev"),
        format!("INFO  database {root}/data/orders.redb, 0 orders"),
        format!("INFO  mail goes to files in {root}/own/mail"),
        format!(
            "INFO  listening on http://{address}, with http://{address}/docs and http://{address}/console/"
        ),
        "the password is Admin123".to_owned(),
        "user \"admin\" still has the published default password".to_owned(),
    ] {
        assert!(ended.stderr.contains(&told), "no {told:?}: {}", ended.stderr);
    }
    assert_eq!(ended.stdout, format!("listening on http://{address}\n"));
    assert!(folder.join("own/mail").is_dir());
}

#[test]
fn the_first_admins_password_is_spoken_of_until_its_file_is_gone() {
    let folder = Folder::new();
    let start = || Call::within(&folder).env("ENVIRONMENT", "production").start().stop().stderr;
    let told = "initial-admin-password: log in, change it, remove the file";
    assert!(start().contains(told));
    assert!(start().contains(told));
    std::fs::remove_file(folder.join("data/initial-admin-password")).unwrap();
    assert!(!start().contains(told));
}

#[test]
fn config_shows_every_setting_with_its_source_and_no_secret() {
    let folder = Folder::new();
    folder.write(".env.dev", "EMAIL_PASS=hidden-pass\nHTTP_MAX_CONNECTIONS=100\n");
    let secrets =
        [("SECRET_KEY", LONG_KEY), ("ADMIN_PASSWORD", "Hidden-1"), ("EMAIL_USER", "u\n\u{1b}")];
    let call = Call::within(&folder).envs(&secrets).arg("config");
    let ended = call.arg("--rate-limit-requests=9").run();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines: Vec<_> = ended
        .stdout
        .lines()
        .map(|it| it.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for line in [
        "SETTING VALUE SOURCE",
        "SECRET_KEY ********** variable",
        "ADMIN_PASSWORD ********** variable",
        "EMAIL_PASS ********** .env.dev, line 1",
        "RATE_LIMIT_REQUESTS 9 flag --rate-limit-requests",
        "RATE_LIMIT_ORDERS 9 default",
        "HTTP_MAX_CONNECTIONS_PER_CLIENT 25 default",
        "CORS_ALLOW_ORIGINS * default",
        "BACKUP_DIR (none) default",
        "EMAIL_USER u\\n\\u{1b} variable",
    ] {
        assert!(lines.iter().any(|it| it == line), "no {line:?}: {lines:?}");
    }
    assert!(!ended.stdout.to_lowercase().contains("hidden"), "{ended:?}");
    assert!(!folder.join("data").exists());
}
