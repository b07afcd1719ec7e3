//! The signature of a webhook, as Standard Webhooks has it: receivers verify it with the library
//! of their language.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::webhook::WebhookSecret;

/// The header's value: a signature by each secret, in the order given.
pub fn sign<'s>(
    secrets: impl Iterator<Item = &'s WebhookSecret>,
    id: &str,
    timestamp_secs: u64,
    body: &[u8],
) -> String {
    let head = format!("{id}.{timestamp_secs}.");
    let signatures = secrets.map(|secret| {
        let mut mac = Hmac::<Sha256>::new(&block(secret).into());
        mac.update(head.as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

/// A key shorter than a block of the hash counts as filled up with zeros (RFC 2104, 2).
fn block(secret: &WebhookSecret) -> [u8; 64] {
    let mut block = [0; 64];
    block[..WebhookSecret::BYTES].copy_from_slice(secret.expose());
    block
}

#[cfg(test)]
mod tests {
    use standardwebhooks::Webhook;
    use ureq::http::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn a_signature_is_that_of_the_standards_example() {
        // From the libraries' own tests.
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}");
        let expected = "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(STANDARD.encode(mac.finalize().into_bytes()), expected);
    }

    #[test]
    fn the_new_secret_signs_first_and_each_signature_verifies_alone() {
        let (new, old) = (WebhookSecret::new([7; 32]), WebhookSecret::new([9; 32]));
        let signed = sign([&new, &old].into_iter(), "evt_1", 1_700_000_000, b"{}");
        let alone = |secret| sign([secret].into_iter(), "evt_1", 1_700_000_000, b"{}");
        assert_eq!(signed, format!("{} {}", alone(&new), alone(&old)));
        assert_ne!(alone(&new), alone(&old));
        assert_ne!(signed, sign([&new, &old].into_iter(), "evt_1", 1_700_000_001, b"{}"));
    }

    #[test]
    fn the_standards_own_library_verifies_it_by_either_secret() {
        let (new, old) = (WebhookSecret::new([7; 32]), WebhookSecret::new([9; 32]));
        // The library compares times with the system's clock.
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let signed = sign([&new, &old].into_iter(), "evt_8f14e45f_7", now, b"{\"id\":7}");
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("webhook-id", "evt_8f14e45f_7"),
            ("webhook-timestamp", &now.to_string()),
            ("webhook-signature", &signed),
        ] {
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        for secret in [&new, &old] {
            let receiver = Webhook::new(&secret.to_text()).unwrap();
            receiver.verify(b"{\"id\":7}", &headers).unwrap();
            assert!(receiver.verify(b"{\"id\":8}", &headers).is_err());
        }
        let stranger = Webhook::new(&WebhookSecret::new([8; 32]).to_text()).unwrap();
        assert!(stranger.verify(b"{\"id\":7}", &headers).is_err());
    }
}
