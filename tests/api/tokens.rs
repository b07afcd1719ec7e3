use jwt_simple::algorithms::{HS384Key, HS512Key, MACLike};
use jwt_simple::claims::Claims;
use serde_json::{Value, json};

use support::app::{PASSWORD, SECRET_KEY, START_SECS, TestApp};
use support::token::{encode, forge, sign, verify};

const BAD: &str = "Could not validate credentials";

/// The claims that the service itself would sign for that token's user.
fn claims(token: &str) -> Value {
    verify(SECRET_KEY, token).1
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().unwrap().remove(name).expect("it was there");
    claims
}

fn with(mut claims: Value, name: &str, value: impl Into<Value>) -> Value {
    claims[name] = value.into();
    claims
}

#[test]
fn a_token_made_with_the_key_is_as_good_as_the_service_s_own() {
    let app = TestApp::start();
    let claims = claims(&app.user("ann"));
    assert_eq!(app.me(&sign(SECRET_KEY, &claims)).good()["username"], "ann");
}

#[test]
fn a_token_ends_at_the_second_that_exp_names() {
    let app = TestApp::start();
    let token = app.admin();
    app.advance_secs(30 * 60 - 1);
    app.me(&token).good();
    app.clock.advance(std::time::Duration::from_micros(999_999));
    app.me(&token).good();
    app.clock.advance(std::time::Duration::from_micros(1));
    app.me(&token).assert_detail(401, BAD);
    app.advance_secs(900);
    app.me(&token).assert_detail(401, BAD);
}

#[test]
fn a_token_without_an_end_is_refused() {
    let app = TestApp::start();
    let claims = without(claims(&app.admin()), "exp");
    app.me(&sign(SECRET_KEY, &claims)).assert_detail(401, BAD);
    app.me(&sign(SECRET_KEY, &with(claims, "exp", Value::Null))).assert_detail(401, BAD);
}

#[test]
fn a_token_of_another_algorithm_is_refused() {
    let app = TestApp::start();
    let good = claims(&app.admin());
    let payload = encode(good.to_string());
    for alg in ["none", "None", "NONE", "HS512", "RS256", "", "hs256"] {
        let header = json!({"alg": alg, "typ": "JWT"});
        app.me(&forge(SECRET_KEY, &header, &good)).assert_detail(401, BAD);
        let unsigned = format!("{}.{payload}.", encode(header.to_string()));
        app.me(&unsigned).assert_detail(401, BAD);
    }
    app.me(&forge(SECRET_KEY, &json!({"typ": "JWT"}), &good)).assert_detail(401, BAD);
}

#[test]
fn a_token_truly_signed_with_another_hash_is_refused() {
    let app = TestApp::start();
    let token = app.admin();
    let good = claims(&token);
    let custom = json!({"user_id": 1, "role": "admin", "ver": good["ver"]});
    let claims = || {
        let life = jwt_simple::prelude::Duration::from_secs(1800);
        let mut claims = Claims::with_custom_claims(custom.clone(), life).with_subject("admin");
        let at = jwt_simple::prelude::UnixTimeStamp::from_secs;
        claims.issued_at = Some(at(START_SECS));
        claims.expires_at = Some(at(START_SECS + 1800));
        claims.invalid_before = None;
        claims
    };
    let key = SECRET_KEY.as_bytes();
    app.me(&HS384Key::from_bytes(key).authenticate(claims()).unwrap()).assert_detail(401, BAD);
    app.me(&HS512Key::from_bytes(key).authenticate(claims()).unwrap()).assert_detail(401, BAD);
    let hs256 = jwt_simple::algorithms::HS256Key::from_bytes(key);
    app.me(&hs256.authenticate(claims()).unwrap()).good();
}

#[test]
fn a_token_of_another_key_is_refused() {
    let app = TestApp::start();
    let claims = claims(&app.admin());
    for key in ["", "dev-secret-key", &SECRET_KEY[1..], &format!("{SECRET_KEY} ")] {
        app.me(&sign(key, &claims)).assert_detail(401, BAD);
    }
}

#[test]
fn a_token_that_was_changed_is_refused() {
    let app = TestApp::start();
    let token = app.user("ann");
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("three parts") };
    let promoted = encode(with(claims(&token), "user_id", 1).to_string());
    let flipped = match signature.as_bytes()[0] {
        b'A' => format!("B{}", &signature[1..]),
        _ => format!("A{}", &signature[1..]),
    };
    for changed in [
        format!("{header}.{promoted}.{signature}"),
        format!("{header}.{payload}.{flipped}"),
        format!("{header}.{payload}."),
        format!("{header}.{payload}"),
        format!("{header}.{payload}.{signature}.x"),
        format!("{header}.{payload}.{signature}A"),
        format!("{header}.{payload}.{}", &signature[..signature.len() - 2]),
        format!(".{payload}.{signature}"),
    ] {
        app.me(&changed).assert_detail(401, BAD);
    }
}

#[test]
fn a_token_of_another_generation_or_none_is_refused() {
    let app = TestApp::start();
    let claims = claims(&app.admin());
    let ver = claims["ver"].as_u64().unwrap();
    app.me(&sign(SECRET_KEY, &without(claims.clone(), "ver"))).assert_detail(401, BAD);
    for other in [json!(ver + 1), json!(0), json!(null), json!("1"), json!(-1), json!(1u64 << 40)] {
        let token = sign(SECRET_KEY, &with(claims.clone(), "ver", other));
        app.me(&token).assert_detail(401, BAD);
    }
}

#[test]
fn generations_are_drawn_so_that_none_can_be_foretold() {
    let app = TestApp::start();
    let names: Vec<String> = (0..8).map(|number| format!("user{number}")).collect();
    let drawn: std::collections::BTreeSet<u64> =
        names.iter().map(|name| claims(&app.user(name))["ver"].as_u64().unwrap()).collect();
    assert_eq!(drawn.len(), names.len(), "{drawn:?}");
    assert!(drawn.iter().all(|ver| (1..1 << 31).contains(ver)), "{drawn:?}");
    assert!(drawn.last() > Some(&1000), "{drawn:?}");
}

#[test]
fn a_token_whose_sub_is_not_the_user_s_name_is_refused() {
    let app = TestApp::start();
    let claims = claims(&app.user("ann"));
    for other in [json!("admin"), json!("Ann"), json!(""), json!("ann "), json!(null), json!(2)] {
        let token = sign(SECRET_KEY, &with(claims.clone(), "sub", other));
        app.me(&token).assert_detail(401, BAD);
    }
    app.me(&sign(SECRET_KEY, &without(claims, "sub"))).assert_detail(401, BAD);
}

#[test]
fn a_token_is_not_valid_before_the_second_that_nbf_names() {
    let app = TestApp::start();
    let claims = claims(&app.admin());
    let token = sign(SECRET_KEY, &with(claims.clone(), "nbf", START_SECS + 60));
    for _ in 0..2 {
        app.me(&token).assert_detail(401, BAD);
    }
    app.advance_secs(59);
    app.me(&token).assert_detail(401, BAD);
    app.advance_secs(1);
    app.me(&token).good();
    app.me(&sign(SECRET_KEY, &with(claims, "nbf", "soon"))).assert_detail(401, BAD);
}

#[test]
fn a_token_of_a_user_who_is_not_there_is_refused() {
    let app = TestApp::start();
    let claims = claims(&app.admin());
    for id in [json!(2), json!(0), json!(-1), json!("1"), json!(1.5), json!(u64::MAX), json!(null)]
    {
        app.me(&sign(SECRET_KEY, &with(claims.clone(), "user_id", id))).assert_detail(401, BAD);
    }
    app.me(&sign(SECRET_KEY, &without(claims, "user_id"))).assert_detail(401, BAD);
}

#[test]
fn the_tokens_of_a_disabled_user_are_refused_and_their_login_too() {
    let app = TestApp::start();
    let (ann, admin) = (app.user("ann"), app.admin());
    app.post("/auth/users/2/disable").bearer(&admin).send().good();
    app.me(&ann).assert_detail(401, BAD);
    app.create_order(&ann, &json!({"success": true})).assert_detail(401, BAD);
    app.login("ann", PASSWORD).assert_detail(401, "Incorrect username or password");
    app.post("/auth/users/2/enable").bearer(&admin).send().good();
    app.me(&ann).assert_detail(401, BAD);
    app.me(&app.token("ann", PASSWORD)).good();
}

#[test]
fn a_new_password_ends_the_tokens_made_before_it() {
    let app = TestApp::start();
    let ann = app.user("ann");
    let before = claims(&ann)["ver"].as_u64().unwrap();
    let body = json!({"old_password": PASSWORD, "new_password": "N3w-secret"});
    app.post("/auth/password").bearer(&ann).json(&body).send().assert_status(204);
    app.me(&ann).assert_detail(401, BAD);
    let fresh = app.token("ann", "N3w-secret");
    assert_ne!(claims(&fresh)["ver"].as_u64().unwrap(), before);
    app.me(&fresh).good();
}

#[test]
fn the_role_that_counts_is_the_stored_one() {
    let app = TestApp::start();
    let (ann, admin) = (app.user("ann"), app.admin());
    let posing = sign(SECRET_KEY, &with(claims(&ann), "role", "admin"));
    assert_eq!(app.me(&posing).good()["role"], "user");
    app.register(&posing, &json!({})).assert_detail(403, "Admin privileges required");
    app.create_order(&admin, &json!({"success": true})).good();
    assert_eq!(app.orders(&posing).good(), json!({"orders": []}));
    let modest = sign(SECRET_KEY, &with(claims(&admin), "role", "user"));
    assert_eq!(app.me(&modest).good()["role"], "admin");
    app.register(&modest, &json!({})).assert_status(422);
}

#[test]
fn a_name_of_digits_is_a_name() {
    let app = TestApp::start();
    let token = app.user("12345");
    assert_eq!(claims(&token)["sub"], "12345");
    assert_eq!(app.me(&token).good()["username"], "12345");
}

#[test]
fn a_token_outlives_a_restart() {
    let mut app = TestApp::start();
    let token = app.user("ann");
    app.restart();
    app.me(&token).good();
    app.token("ann", PASSWORD);
}

#[test]
fn payloads_that_are_no_claims_are_refused() {
    let app = TestApp::start();
    for payload in [json!(null), json!([]), json!("x"), json!({}), json!({"exp": "soon"})] {
        app.me(&sign(SECRET_KEY, &payload)).assert_detail(401, BAD);
    }
}
