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
        ("PORT", "70000", "65535"),
        ("PORT", "http", "65535"),
        ("PORT", "-1", "65535"),
        ("DATABASE_URL", "orders.db", "redb://"),
        ("DATABASE_URL", "redb://", "redb://"),
        ("DATABASE_URL", "postgres://localhost/orders", "redb://"),
        ("ALGORITHM", "HS512", "HS256"),
        ("ALGORITHM", "none", "HS256"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "0", "1"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "half", "525600"),
        ("ADMIN_USERNAME", "", "64"),
        ("ADMIN_EMAIL", "nobody", "email"),
        ("SMTP_SERVER", "mail host", "host"),
        ("SMTP_PORT", "0", "1"),
        ("SMTP_TLS", "ssl", "implicit"),
        ("SMTP_CA_FILE", "/nowhere/ca.pem", "file"),
        ("TEMPLATES_DIR", "/nowhere/templates", "folder"),
        ("EMAIL_FROM", "nobody", "address"),
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
        ("LOG_FILE", "/proc/nowhere/app.log", "can't"),
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
        assert!(line.contains(setting), "{setting}={value}: {line}");
        let shown = value.lines().next().unwrap_or_default();
        assert!(line.contains(shown), "{setting}={value}: {line}");
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
        assert!(line.contains("environment only") && !line.contains("tiny-secret"), "{line}");
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
    for (variable, default) in [
        ("ENVIRONMENT", "development"),
        ("HOST", "127.0.0.1"),
        ("PORT", "8000"),
        ("DATABASE_URL", "redb://./data/orders.redb"),
        ("SECRET_KEY", "orders.key"),
        ("ALGORITHM", "HS256"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "30"),
        ("ADMIN_USERNAME", "admin"),
        ("ADMIN_EMAIL", "admin@example.com"),
        ("ADMIN_PASSWORD", "Admin123"),
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
        ("TRUSTED_PROXIES", ""),
        ("CORS_ALLOW_ORIGINS", "*"),
        ("LOG_LEVEL", "info"),
        ("LOG_FILE", "logs/app.log"),
        ("HTTP_THREADS", "64"),
        ("HTTP_MAX_CONNECTIONS", "4096"),
        ("HTTP_MAX_CONNECTIONS_PER_CLIENT", "quarter"),
        ("HTTP_MAX_BODY_BYTES", "65536"),
        ("HTTP_MAX_HEAD_BYTES", "16384"),
        ("HTTP_IDLE_TIMEOUT", "15"),
        ("HTTP_REQUEST_TIMEOUT", "10"),
        ("MAIL_KEEP_DAYS", "30"),
        ("IDEMPOTENCY_KEEP_HOURS", "24"),
        ("BACKUP_DIR", ""),
        ("BACKUP_INTERVAL", "24h"),
        ("BACKUP_KEEP", "7"),
    ] {
        let marks = [format!("[env: {variable}="), format!("[env: {variable}]")];
        let entry =
            ended.stdout.split("\n      --").find(|it| marks.iter().any(|mark| it.contains(mark)));
        let entry = entry.unwrap_or_else(|| panic!("no {variable} in the help"));
        assert!(entry.contains(default), "{variable} should tell {default:?}: {entry}");
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
