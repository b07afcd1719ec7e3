use serde_json::json;

use support::app::{ADMIN_PASSWORD, PASSWORD, SECRET_KEY, START_SECS, TestApp};
use support::token;

#[test]
fn a_login_answers_a_token_and_the_user() {
    let app = TestApp::start();
    let response = app.login("admin", ADMIN_PASSWORD);
    let body = response.good();
    response.assert_json(
        200,
        &json!({
            "access_token": body["access_token"],
            "token_type": "bearer",
            "user_info": {
                "id": 1,
                "username": "admin",
                "email": "admin@example.com",
                "role": "admin",
                "created_at": "2025-10-07T05:58:11",
            },
        }),
    );
    app.me(body["access_token"].as_str().unwrap()).good();
}

#[test]
fn the_keys_of_an_answer_come_in_the_order_that_the_contract_writes() {
    let app = TestApp::start();
    let text = app.login("admin", ADMIN_PASSWORD).text();
    assert!(text.starts_with("{\"access_token\":\""), "{text}");
    let rest = "\",\"token_type\":\"bearer\",\"user_info\":{\"id\":1,\"username\":\"admin\",\
                \"email\":\"admin@example.com\",\"role\":\"admin\",\
                \"created_at\":\"2025-10-07T05:58:11\"}}";
    assert!(text.ends_with(rest), "{text}");
}

#[test]
fn any_jwt_library_can_verify_the_token_and_read_its_claims() {
    let app = TestApp::start();
    app.user("ann");
    app.advance_secs(100);
    let (header, claims) = token::verify(SECRET_KEY, &app.token("ann", PASSWORD));
    assert_eq!(header["alg"], "HS256");
    let now = START_SECS + 100;
    let ver = claims["ver"].as_u64().expect("an integer");
    let expected = json!({
        "sub": "ann", "user_id": 2, "role": "user", "ver": ver, "iat": now, "exp": now + 1800,
    });
    assert_eq!(claims, expected);
}

#[test]
fn the_life_of_a_token_is_a_setting() {
    let app = TestApp::start_with(&["--access-token-expire-minutes=2"]);
    let (_, claims) = token::verify(SECRET_KEY, &app.admin());
    assert_eq!(claims["exp"], START_SECS + 120);
}

#[test]
fn an_unknown_name_and_a_wrong_password_answer_the_same() {
    let app = TestApp::start();
    let wrong = app.login("admin", "Wrong1!!");
    let unknown = app.login("nobody", "Wrong1!!");
    for response in [&wrong, &unknown] {
        response.assert_detail(401, "Incorrect username or password");
    }
    let names = |response: &support::response::Response| -> Vec<String> {
        response.headers.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&wrong), names(&unknown));
}

#[test]
fn names_are_compared_without_case_and_passwords_with_it() {
    let app = TestApp::start();
    let body = app.login("ADMIN", ADMIN_PASSWORD).good();
    assert_eq!(body["user_info"]["username"], "admin");
    app.login("admin", &ADMIN_PASSWORD.to_uppercase())
        .assert_detail(401, "Incorrect username or password");
}

#[test]
fn only_the_kind_of_the_fields_is_checked() {
    let app = TestApp::start();
    for (username, password) in
        [("", ""), (&*"x".repeat(500), "y"), ("a\u{0}b\n", "\u{7f}"), ("admin", &"p".repeat(5000))]
    {
        app.login(username, password).assert_detail(401, "Incorrect username or password");
    }
}

#[test]
fn missing_fields_are_told_together_with_the_password_masked() {
    let app = TestApp::start();
    let missing = |name: &str, input: serde_json::Value| json!({"type": "missing", "loc": ["body", name], "msg": "Field required", "input": input});
    let none = json!({});
    app.post("/auth/login")
        .json(&none)
        .send()
        .assert_invalid(&[missing("username", none.clone()), missing("password", none.clone())]);
    let body = json!({"password": "secret", "more": 1});
    let masked = json!({"password": "**********", "more": 1});
    app.post("/auth/login").json(&body).send().assert_invalid(&[missing("username", masked)]);
}

#[test]
fn fields_that_are_no_strings_are_refused_in_field_order() {
    let app = TestApp::start();
    let fault = |name: &str, input: serde_json::Value| {
        json!({
            "type": "string_type", "loc": ["body", name],
            "msg": "Input should be a valid string", "input": input,
        })
    };
    let body = json!({"password": 12345678, "username": null});
    app.post("/auth/login")
        .json(&body)
        .send()
        .assert_invalid(&[fault("username", json!(null)), fault("password", json!("**********"))]);
}

#[test]
fn unknown_fields_are_ignored() {
    let app = TestApp::start();
    let body = json!({"username": "admin", "password": ADMIN_PASSWORD, "otp": "1"});
    app.post("/auth/login").json(&body).send().good();
}

#[test]
fn credentials_that_come_along_play_no_part() {
    let app = TestApp::start();
    let body = json!({"username": "admin", "password": ADMIN_PASSWORD});
    app.post("/auth/login").bearer("nonsense").json(&body).send().good();
}

#[test]
fn a_login_needs_no_content_type() {
    let app = TestApp::start();
    let body = json!({"username": "admin", "password": ADMIN_PASSWORD}).to_string();
    app.post("/auth/login").body(body).send().good();
}
