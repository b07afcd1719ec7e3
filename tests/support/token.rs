//! Tokens read and made without the service's own code (RFC 7515, RFC 7519).

use ct_codecs::{Base64UrlSafeNoPadding, Decoder, Encoder};
use serde_json::{Value, json};

/// Signed with HMAC-SHA256, whatever the header says.
pub fn forge(key: &str, header: &Value, claims: &Value) -> String {
    let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let signature = hmac_sha256::HMAC::mac(signed.as_bytes(), key.as_bytes());
    format!("{signed}.{}", encode(signature))
}

/// With the header that the service gives its tokens.
pub fn sign(key: &str, claims: &Value) -> String {
    forge(key, &json!({"alg": "HS256", "typ": "JWT"}), claims)
}

/// Header and claims of a token whose signature is right.
#[track_caller]
pub fn verify(key: &str, token: &str) -> (Value, Value) {
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let expected = hmac_sha256::HMAC::mac(signed.as_bytes(), key.as_bytes());
    assert_eq!(signature, encode(expected), "the signature of {token}");
    let (header, claims) = signed.split_once('.').expect("three parts");
    (decode(header), decode(claims))
}

pub fn sha256(text: &str) -> [u8; 32] {
    hmac_sha256::Hash::hash(text.as_bytes())
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    Base64UrlSafeNoPadding::encode_to_string(bytes).unwrap()
}

#[track_caller]
pub fn decode(part: &str) -> Value {
    let bytes = Base64UrlSafeNoPadding::decode_to_vec(part, None).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}
