use serde_json::{Value, json};

use support::app::{PASSWORD, TestApp};

const POLICY: &str = "Password must be at least 8 characters with uppercase, lowercase, digit, \
                      and special character";

fn ann() -> Value {
    json!({"username": "ann", "email": "ann@example.com", "password": PASSWORD})
}

fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut body = ann();
    body[name] = value.into();
    body
}

fn fault(kind: &str, field: &str, message: &str, input: impl Into<Value>) -> Value {
    json!({"type": kind, "loc": ["body", field], "msg": message, "input": input.into()})
}

fn with_context(mut fault: Value, name: &str, value: impl Into<Value>) -> Value {
    fault["ctx"] = json!({ name: value.into() });
    fault
}

#[test]
fn an_admin_makes_a_user_who_can_log_in() {
    let app = TestApp::start();
    app.advance_secs(3);
    let expected = json!({
        "id": 2, "username": "ann", "email": "ann@example.com", "role": "user",
        "created_at": "2025-10-07T05:58:14",
    });
    app.register(&app.admin(), &ann()).assert_json(200, &expected);
    assert_eq!(app.login("ann", PASSWORD).good()["user_info"], expected);
}

#[test]
fn an_admin_makes_another_admin() {
    let app = TestApp::start();
    let made = app.register(&app.admin(), &with("role", "admin")).good();
    assert_eq!(made["role"], "admin");
    let token = app.token("ann", PASSWORD);
    let body = json!({"username": "ben", "email": "ben@example.com", "password": PASSWORD});
    assert_eq!(app.register(&token, &body).good()["id"], 3);
}

#[test]
fn a_user_may_not_and_nobody_may_not() {
    let app = TestApp::start();
    let token = app.user("bob");
    app.register(&token, &ann()).assert_detail(403, "Admin privileges required");
    app.post("/auth/register").json(&ann()).send().assert_detail(401, "Not authenticated");
}

#[test]
fn a_taken_name_is_refused_without_case() {
    let app = TestApp::start();
    app.user("ann");
    for name in ["ann", "ANN", "Ann"] {
        let mut body = with("username", name);
        body["email"] = "other@example.com".into();
        app.register(&app.admin(), &body).assert_detail(400, "Username already registered");
    }
}

#[test]
fn a_taken_address_is_refused_without_case() {
    let app = TestApp::start();
    app.user("ann");
    for email in ["ann@example.com", "ANN@example.com", "ann@EXAMPLE.COM"] {
        let mut body = with("username", "other");
        body["email"] = email.into();
        app.register(&app.admin(), &body).assert_detail(400, "Email already registered");
    }
}

#[test]
fn a_refused_user_leaves_no_trace() {
    let app = TestApp::start();
    app.user("ann");
    let admin = app.admin();
    let mut body = with("username", "ben");
    app.register(&admin, &body).assert_detail(400, "Email already registered");
    body["email"] = "ben@example.com".into();
    app.register(&admin, &body).good();
}

#[test]
fn the_name_is_looked_at_before_the_address_and_the_password_before_both() {
    let app = TestApp::start();
    app.user("ann");
    let admin = app.admin();
    app.register(&admin, &ann()).assert_detail(400, "Username already registered");
    app.register(&admin, &with("password", "weak")).assert_detail(400, POLICY);
}

#[test]
fn the_fields_are_checked_before_the_password() {
    let app = TestApp::start();
    let mut body = with("password", "weak");
    body["username"] = "".into();
    let expected = with_context(
        fault("string_too_short", "username", "String should have at least 1 character", ""),
        "min_length",
        1,
    );
    app.register(&app.admin(), &body).assert_invalid(&[expected]);
}

#[test]
fn a_weak_password_is_refused_with_the_policy() {
    let app = TestApp::start();
    let admin = app.admin();
    let too_long = format!("Aa1!{}", "x".repeat(125));
    for weak in [
        "", "Secur1!", "secure1!", "SECURE1!", "Secure!!", "Secure11", "Secure1~", "Secure1 ",
        &too_long,
    ] {
        app.register(&admin, &with("password", weak)).assert_detail(400, POLICY);
    }
}

#[test]
fn every_special_character_and_128_characters_will_do() {
    let app = TestApp::start();
    let admin = app.admin();
    let specials = "!@#$%^&*()_+-=[]{}|;:,.<>?".chars().map(|c| format!("Secure1{c}"));
    let passwords =
        specials.chain([format!("Aa1!{}", "x".repeat(124)), format!("Aa1!{}", "ü".repeat(124))]);
    for (number, password) in passwords.enumerate() {
        let body = json!({
            "username": format!("u{number}"), "email": format!("u{number}@example.com"),
            "password": password,
        });
        app.register(&admin, &body).good();
        app.token(&format!("u{number}"), &password);
    }
}

#[test]
fn a_name_has_1_to_64_characters() {
    let app = TestApp::start();
    let admin = app.admin();
    let (longest, too_long) = ("ü".repeat(64), "ü".repeat(65));
    assert_eq!(app.register(&admin, &with("username", &*longest)).good()["username"], longest);
    let expected = with_context(
        fault(
            "string_too_long",
            "username",
            "String should have at most 64 characters",
            &*too_long,
        ),
        "max_length",
        64,
    );
    app.register(&admin, &with("username", &*too_long)).assert_invalid(&[expected]);
}

#[test]
fn a_name_with_a_control_character_is_refused() {
    let app = TestApp::start();
    let admin = app.admin();
    for name in ["a\nb", "a\u{0}", "\u{7f}", "a\u{85}b", "a\tb"] {
        let response = app.register(&admin, &with("username", name));
        response.assert_status(422);
        let body = response.json();
        assert_eq!(body["detail"].as_array().unwrap().len(), 1, "{body}");
        assert_eq!(body["detail"][0]["loc"], json!(["body", "username"]));
        assert_eq!(body["detail"][0]["input"], name);
    }
}

#[test]
fn a_name_of_other_letters_is_kept_as_it_was_typed() {
    let app = TestApp::start();
    let name = "Änne O’Neil \"the\" <1>";
    assert_eq!(app.register(&app.admin(), &with("username", name)).good()["username"], name);
    assert_eq!(
        app.login("änne o’neil \"the\" <1>", PASSWORD).good()["user_info"]["username"],
        name
    );
}

#[test]
fn what_is_no_address_is_refused_with_a_reason() {
    let app = TestApp::start();
    let admin = app.admin();
    let too_long = format!("{}@{}.example.com", "x".repeat(64), "y.".repeat(100));
    for email in [
        "",
        "ann",
        "ann@",
        "@example.com",
        "ann@example.com\r\nRCPT TO:<eve@example.com>",
        "<ann@example.com>",
        "ann <ann@example.com>",
        "a nn@example.com",
        "ann@exa mple.com",
        "ann@@example.com",
        "ann@example..com",
        "ann..b@example.com",
        "ann\u{0}@example.com",
        &too_long,
    ] {
        let response = app.register(&admin, &with("email", email));
        response.assert_status(422);
        let reason = response.json()["detail"][0]["ctx"]["reason"].clone();
        let reason = reason.as_str().unwrap_or_else(|| panic!("no reason: {}", response.text()));
        assert!(!reason.is_empty());
        let message = format!("value is not a valid email address: {reason}");
        let expected = fault("value_error", "email", &message, email);
        response.assert_invalid(&[with_context(expected, "reason", reason)]);
    }
}

#[test]
fn a_role_is_user_or_admin_and_user_where_it_is_not_told() {
    let app = TestApp::start();
    let admin = app.admin();
    for role in [json!("root"), json!("Admin"), json!(""), json!(null), json!(1), json!(["admin"])]
    {
        let expected =
            fault("literal_error", "role", "Input should be 'user' or 'admin'", role.clone());
        app.register(&admin, &with("role", role)).assert_invalid(&[with_context(
            expected,
            "expected",
            "'user' or 'admin'",
        )]);
    }
    assert_eq!(app.register(&admin, &with("role", "user")).good()["role"], "user");
}

#[test]
fn all_faults_of_a_body_are_told_in_field_order() {
    let app = TestApp::start();
    let body = json!({"role": "root", "email": 5, "old_PassWord_": {"a": 1}});
    let masked = json!({"role": "root", "email": 5, "old_PassWord_": "**********"});
    let role = fault("literal_error", "role", "Input should be 'user' or 'admin'", "root");
    app.register(&app.admin(), &body).assert_invalid(&[
        fault("missing", "username", "Field required", masked.clone()),
        fault("string_type", "email", "Input should be a valid string", 5),
        fault("missing", "password", "Field required", masked),
        with_context(role, "expected", "'user' or 'admin'"),
    ]);
}

#[test]
fn a_password_of_another_kind_is_masked() {
    let app = TestApp::start();
    for password in [json!(null), json!(1), json!({"a": "b"}), json!(["Secure1!"])] {
        let expected =
            fault("string_type", "password", "Input should be a valid string", "**********");
        app.register(&app.admin(), &with("password", password)).assert_invalid(&[expected]);
    }
}

#[test]
fn names_that_look_the_same_are_one_name() {
    let app = TestApp::start();
    let admin = app.admin();
    for (number, (name, others)) in [
        ("ΟΔΟΣ", ["οδοσ", "οδος"]),
        ("Jos\u{e9}", ["Jose\u{301}", "JOS\u{c9}"]),
        ("straße", ["STRASSE", "\u{ff53}trasse"]),
        ("Bo Lee", [" bo lee ", "BO LEE\n"]),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("{number}@example.com");
        let mut body = with("username", name);
        body["email"] = email.into();
        app.register(&admin, &body).good();
        for other in others {
            let refused = app.register(&admin, &with("username", other));
            refused.assert_detail(400, "Username already registered");
            let info = app.login(other, PASSWORD).good()["user_info"].clone();
            assert_eq!(info["username"], name, "{other}");
        }
    }
}

#[test]
fn a_name_and_an_address_are_trimmed() {
    let app = TestApp::start();
    let body = json!({
        "username": " Jose\u{301} ", "email": " jose@example.com\n", "password": PASSWORD,
    });
    let user = app.register(&app.admin(), &body).good();
    assert_eq!(
        (&user["username"], &user["email"]),
        (&json!("Jos\u{e9}"), &json!("jose@example.com"))
    );
}

#[test]
fn a_name_with_characters_that_nobody_sees_is_refused() {
    let app = TestApp::start();
    let admin = app.admin();
    for hidden in ["ad\u{200b}min", "\u{202e}nimda", "a\u{200d}b", "a\u{a0}b", "a\u{ad}b"] {
        let message = "Control and invisible characters are not allowed";
        let expected = fault("value_error", "username", message, hidden);
        let expected =
            with_context(expected, "reason", "Control and invisible characters are not allowed");
        app.register(&admin, &with("username", hidden)).assert_invalid(&[expected]);
    }
    app.register(&admin, &with("username", "می\u{200c}خواهم")).good();
}

#[test]
fn a_password_fits_in_whatever_normal_form_it_is_typed() {
    let app = TestApp::start();
    app.register(&app.admin(), &with("password", "Se\u{301}cure1!")).good();
    app.login("ann", "S\u{e9}cure1!").good();
    app.login("ann", "Se\u{301}cure1!").good();
    app.login("ann", "Secure1!").assert_status(401);
}
