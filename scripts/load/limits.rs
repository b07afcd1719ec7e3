//! Checks the limiter under concurrency: exactly as many requests pass as it allows; the others
//! are rejected in the right shape, and have no effect.

use std::io;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{Response, Site, wrong};
use crate::options::Aim;
use crate::shape::Shape;
use crate::tally::Verdict;

/// Requests on each connection.
const TRIES: usize = 4;
const REJECTION: &str = r#"{"error":"Rate limit exceeded: *","detail":"Rate limit exceeded: *"}"#;

/// The limit, from `RateLimit-Policy`, and what is left of it, from `RateLimit`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Policy {
    requests: u64,
    window: Duration,
    remaining: u64,
    next_token: Duration,
}

/// The results of many requests at once.
#[derive(Default)]
struct Outcome {
    passed: Vec<Response>,
    rejected: u64,
    faults: Vec<String>,
    elapsed: Duration,
}

pub fn check(aim: &Aim) -> io::Result<Verdict> {
    let admin = aim.site()?;
    let faults = [orders(&admin, aim)?, logins(&admin, aim)?].concat();
    for fault in &faults {
        println!("  wrong: {fault}");
    }
    Ok(if faults.is_empty() { Verdict::Right } else { Verdict::Wrong })
}

/// Orders are limited by user, and a new user's bucket is full.
fn orders(admin: &Site, aim: &Aim) -> io::Result<Vec<String>> {
    let user = admin.newcomer()?;
    let request = user.request("POST", "/orders/create", Some(&json!({"success": true})));
    let outcome = all_at_once(&user, &request, 200, aim)?;
    let first = outcome.passed.first().ok_or_else(|| wrong("no order passed".into()))?;
    let policy = Policy::of(first)?;
    let per_token = policy.window.div_f64(policy.requests as f64);
    let mut faults = outcome.verify("orders", policy.requests, per_token, policy);
    let placed = user.get("/orders/")?.json()["orders"].as_array().map_or(0, Vec::len);
    if placed != outcome.passed.len() {
        faults.push(format!("{} orders passed, and {placed} are there", outcome.passed.len()));
    }
    Ok(faults)
}

/// Logins are limited by address. A wrong password takes a token as a right one does.
fn logins(admin: &Site, aim: &Aim) -> io::Result<Vec<String>> {
    let anonymous = Site { token: None, ..admin.clone() };
    let body = json!({"username": aim.username, "password": "wrong"});
    let request = anonymous.request("POST", "/auth/login", Some(&body));
    let policy = Policy::of(&anonymous.call(&request)?)?;
    let outcome = all_at_once(&anonymous, &request, 401, aim)?;
    Ok(outcome.verify("logins", policy.remaining, policy.next_token, policy))
}

fn all_at_once(site: &Site, request: &[u8], status: u16, aim: &Aim) -> io::Result<Outcome> {
    let threads = aim.connections.min(256) as usize;
    let barrier = Barrier::new(threads);
    let started = Instant::now();
    let responses: io::Result<Vec<Response>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    (0..TRIES).map(|_| site.call(request)).collect::<io::Result<Vec<_>>>()
                })
            })
            .collect();
        let mut responses = Vec::new();
        for worker in workers {
            responses.extend(worker.join().map_err(|_| wrong("a thread panicked".into()))??);
        }
        Ok(responses)
    });
    let mut outcome = Outcome { elapsed: started.elapsed(), ..Outcome::default() };
    let rejection = Shape::of(REJECTION);
    for response in responses? {
        match response.status {
            // A login that found the queue for hashing full has taken its token too.
            503 if status == 401 => outcome.passed.push(response),
            found if found == status => outcome.passed.push(response),
            429 if rejection.fit(&response.body).is_none() => {
                outcome.faults.push("a rejection in a wrong shape".into());
            }
            429 if response.header("retry-after").is_none() => {
                outcome.faults.push("a rejection without Retry-After".into());
            }
            429 => outcome.rejected += 1,
            found => outcome.faults.push(format!("an answer of {found}")),
        }
    }
    Ok(outcome)
}

impl Outcome {
    /// What is wrong when `tokens` were there at first and the next came after `next_token`.
    fn verify(&self, what: &str, tokens: u64, next_token: Duration, policy: Policy) -> Vec<String> {
        let per_token = policy.window.as_secs_f64() / policy.requests as f64;
        let late = self.elapsed.saturating_sub(next_token).as_secs_f64();
        // `t` is in whole seconds, rounded up: a second early is no fault.
        let may_have_come = self.elapsed + Duration::from_secs(1) >= next_token;
        let most = tokens + if may_have_come { 1 + (late / per_token) as u64 } else { 0 };
        let passed = self.passed.len() as u64;
        println!("{what}: {tokens} allowed, {passed} passed, {} rejected", self.rejected);
        let mut faults = self.faults.clone();
        if !(tokens..=most).contains(&passed) {
            faults.push(format!("{passed} {what} passed where {tokens} to {most} may"));
        }
        faults
    }
}

impl Policy {
    /// From `"orders";q=5;w=60` and `"orders";r=4;t=12`.
    fn of(response: &Response) -> io::Result<Policy> {
        let none = || wrong("no RateLimit headers: the limiter is off".into());
        let policy = response.header("ratelimit-policy").ok_or_else(none)?;
        let state = response.header("ratelimit").ok_or_else(none)?;
        let number = |text: &str, name: &str| {
            let found = text.split(';').find_map(|part| part.strip_prefix(name)?.parse().ok());
            found.ok_or_else(|| wrong(format!("no {name} in {text}")))
        };
        Ok(Policy {
            requests: number(policy, "q=")?,
            window: Duration::from_secs(number(policy, "w=")?),
            remaining: number(state, "r=")?,
            next_token: Duration::from_secs(number(state, "t=")?),
        })
    }
}
