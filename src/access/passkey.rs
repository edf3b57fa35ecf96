//! Passkeys (WebAuthn): what a browser answers is checked here, by W3C Web Authentication Level 2, sections 7.1 and 7.2.
//!
//! No attestation is asked for, so nothing vouches for a new passkey but the session it is added in, and there is no
//! certificate to read. What is left is one signature, over the authenticator's data and the hash of the browser's.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::{Host, Url};

/// Longest name of a passkey that authenticators give, in bytes.
const LONGEST_CREDENTIAL: usize = 1023;

/// Where the hash of the party's id ends in the authenticator's data, then the flags, then the counter.
const HASH: usize = 32;
const HEADER: usize = HASH + 1 + 4;

/// Where the name of a new passkey begins: after the authenticator's model and the length.
const MODEL: usize = 16;

/// Flags of the authenticator's data: somebody was there; a new passkey is described.
const PRESENT: u8 = 0x01;
const DESCRIBED: u8 = 0x40;

/// The kinds of keys, by how their `SubjectPublicKeyInfo` begins and how many bytes follow: P-256, Ed25519, and RSA of 2048
/// bits with the usual exponent, which Windows makes. Nothing else is asked for.
const KINDS: [(&[u8], usize, &dyn VerificationAlgorithm); 3] = [
    (
        b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00",
        65,
        &ECDSA_P256_SHA256_ASN1,
    ),
    (
        b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00",
        32,
        &ED25519,
    ),
    (
        b"\x30\x82\x01\x22\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x82\x01\x0f\x00",
        270,
        &RSA_PKCS1_2048_8192_SHA256,
    ),
];

/// Why an answer is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not what the page's script sends.
    #[error("The browser's answer cannot be read. Try another browser.")]
    Unreadable,
    /// It answers something else: another challenge, another site, or another question.
    #[error("The browser answered for another page or another site. Load this page again.")]
    Foreign,
    /// Nobody touched the authenticator.
    #[error("The authenticator did not see that somebody is there.")]
    Absent,
    /// A kind of key the panel does not know.
    #[error(
        "The authenticator made a key of a kind the panel does not know: it knows ES256, Ed25519 and RS256."
    )]
    UnknownKind,
    /// The signature is not the passkey's.
    #[error("The signature is wrong.")]
    Signature,
}

/// What an authenticator has to sign: random, and good once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge([u8; 32]);

impl Challenge {
    /// A new one.
    pub fn generate() -> Self {
        Self(rand::random())
    }

    /// What is stored.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Bytes as pages and the script hold them.
pub fn to_text(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The panel as authenticators know it.
#[derive(Debug, Clone)]
pub struct RelyingParty {
    id: String,
    origin: String,
}

/// A passkey an authenticator has made.
#[derive(Debug)]
pub struct NewPasskey {
    /// The authenticator's name for it.
    pub credential: Vec<u8>,
    /// Its public key: a `SubjectPublicKeyInfo`.
    pub key: Vec<u8>,
    /// How often it has signed.
    pub counter: u32,
}

/// What a passkey signed.
#[derive(Debug)]
pub struct Assertion {
    /// The authenticator's name for the passkey.
    pub credential: Vec<u8>,
    client: Vec<u8>,
    data: Vec<u8>,
    signature: Vec<u8>,
}

/// An answer as `static/postwarden.js` puts it into a form: base64 in JSON.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    credential: String,
    client: String,
    data: String,
    signature: String,
    key: String,
}

impl Answer {
    fn parse(typed: &str) -> Result<Self, Fault> {
        serde_json::from_str(typed).map_err(|_| Fault::Unreadable)
    }
}

/// The browser's part of what is signed (`CollectedClientData`).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Client {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

impl Assertion {
    /// Reads what a form holds; nothing of it is checked yet.
    ///
    /// # Errors
    /// It is no answer of the page's script.
    pub fn parse(typed: &str) -> Result<Self, Fault> {
        let answer = Answer::parse(typed)?;
        Ok(Self {
            credential: bytes(&answer.credential)?,
            client: bytes(&answer.client)?,
            data: bytes(&answer.data)?,
            signature: bytes(&answer.signature)?,
        })
    }
}

impl RelyingParty {
    /// The panel at this public address; `None` where browsers have no passkeys: on http, unless it is localhost, and
    /// where the host is an address and no name.
    pub fn of(public: &Url) -> Option<Self> {
        let Some(Host::Domain(name)) = public.host() else {
            return None;
        };
        let here = name == "localhost" || name.ends_with(".localhost");
        (public.scheme() == "https" || here).then(|| Self {
            id: name.to_owned(),
            origin: public.origin().ascii_serialization(),
        })
    }

    /// The name passkeys are bound to: the host.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The passkey a browser has made in answer to a challenge.
    ///
    /// # Errors
    /// It answers something else, or its key is of no known kind.
    pub fn admit(&self, challenge: &Challenge, typed: &str) -> Result<NewPasskey, Fault> {
        let answer = Answer::parse(typed)?;
        let (data, key) = (bytes(&answer.data)?, bytes(&answer.key)?);
        self.check_client("webauthn.create", challenge, &bytes(&answer.client)?)?;
        let (flags, counter) = self.check_data(&data)?;
        if flags & DESCRIBED == 0 {
            return Err(Fault::Unreadable);
        }
        kind_of(&key)?;
        Ok(NewPasskey {
            credential: described(&data).ok_or(Fault::Unreadable)?,
            key,
            counter,
        })
    }

    /// That a passkey with this public key signed the challenge, here; answers with its counter. Whether the counter has
    /// gone on, and whose passkey it is, is up to the store.
    ///
    /// # Errors
    /// It did not.
    pub fn verify(&self, challenge: &Challenge, key: &[u8], signed: &Assertion) -> Result<u32, Fault> {
        self.check_client("webauthn.get", challenge, &signed.client)?;
        let (_, counter) = self.check_data(&signed.data)?;
        let message = [signed.data.as_slice(), &Sha256::digest(&signed.client)].concat();
        check_signature(key, &message, &signed.signature)?;
        Ok(counter)
    }

    fn check_client(&self, kind: &str, challenge: &Challenge, json: &[u8]) -> Result<(), Fault> {
        let client: Client = serde_json::from_slice(json).map_err(|_| Fault::Unreadable)?;
        let ours = client.kind == kind
            && client.challenge == URL_SAFE_NO_PAD.encode(challenge.0)
            && client.origin == self.origin
            && !client.cross_origin;
        if ours { Ok(()) } else { Err(Fault::Foreign) }
    }

    /// The flags and the counter of the authenticator's data.
    fn check_data(&self, data: &[u8]) -> Result<(u8, u32), Fault> {
        let header = data.first_chunk::<HEADER>().ok_or(Fault::Unreadable)?;
        let [hash @ .., flags, a, b, c, d] = header;
        if hash != Sha256::digest(&self.id).as_slice() {
            return Err(Fault::Foreign);
        }
        if flags & PRESENT == 0 {
            return Err(Fault::Absent);
        }
        Ok((*flags, u32::from_be_bytes([*a, *b, *c, *d])))
    }
}

fn bytes(text: &str) -> Result<Vec<u8>, Fault> {
    STANDARD.decode(text).map_err(|_| Fault::Unreadable)
}

/// The name of the passkey that the authenticator's data describe.
fn described(data: &[u8]) -> Option<Vec<u8>> {
    let (length, rest) = data.get(HEADER + MODEL..)?.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    let name = rest.get(..length)?;
    (1..=LONGEST_CREDENTIAL).contains(&length).then(|| name.to_vec())
}

/// How a key checks signatures, and the key itself.
fn kind_of(key: &[u8]) -> Result<(&'static dyn VerificationAlgorithm, &[u8]), Fault> {
    let fits = |&(start, length, algorithm): &(&[u8], usize, _)| {
        let bare = key.strip_prefix(start)?;
        (bare.len() == length).then_some((algorithm, bare))
    };
    KINDS.iter().find_map(fits).ok_or(Fault::UnknownKind)
}

fn check_signature(key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), Fault> {
    let (algorithm, bare) = kind_of(key)?;
    UnparsedPublicKey::new(algorithm, bare)
        .verify(message, signature)
        .map_err(|_| Fault::Signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys of each kind and their signatures of `what an authenticator signs`, made with openssl.
    const SIGNED: [(&str, &str); 3] = [
        (
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEyntlvxGH9o02xl++NR/E3MUunLHSCEyUL8vqNTAEev1AN7ZUGVmQs+YoXeAIj7zy\
             ltihepQ/FVbISMDFirb3ag==",
            "MEUCIAReZRdDPmAW5INAEPsBVn/cqnftWE4+MPNr+5/FlW1VAiEAwBszeZuCzJp+JNTyctBuhtLLQ/TO8HXBlr5xFTv64yI=",
        ),
        (
            "MCowBQYDK2VwAyEAH2Mq5a9bXadT3Xw6VIjAQSC77CPXiyNp7YvH+1CwpuI=",
            "QCQc4JlboPPhwamcTWi17e+Zi7wKL4sKHJxH7XidOvgVw/eKarbT6VY4e/184TArRtEW+6SszbYEhaMRsoH6AQ==",
        ),
        (
            "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAysapunECU2t1hF9UZu1kag2i2Mc/xl4a0O4f5GaSch9ay8iU7iU7aBVD\
             s3CH3NgqvAraAdXYkudIZDUGNSAnVUulii1msPCVcjy/i6WWrB0cjlULfxyc0YAjLIe1YgMRmjB/KzoU/arfgIiVGatJfBrQz51V\
             dGhh62a3rRtInWT8nleY3WMqymY+6Ev/uIeW+PMsh/KQdM1pC44Css0yJ+DLBN2wZTXm382j9bk9XxywrzL0ihGfJMv4p3FLrwZ1\
             F14o6CVnLbkuFgAYv02tHMQU+AlzJ69PUEba8fgAvy8N/xcNUUY3ny85dv5ZwRAGo98X4tO6BYudhw6bzgoC9wIDAQAB",
            "IgaAy4EERZoLlNKzYBZuPY0ubWtzhKUSsM6o7AkX4zf9/fw3KwEEzb9sqIZChJ9LxA0dHRQFI6FqG0uAOwXcecJ5aIUNSixZVI8y\
             YK2ZEowaYdnMM7WD5PgzufFBIcZfliTrETWxbVed/QEdqAP8PATHvlGg6Yn4AuJlKx2S46ju7dKGaJjRT2b+f2j4HCIFJbuRKimK\
             v6tt5ekrr4RZDxFCsC/68+dc8OpLYKh1ZkOPBwsZseZ60q2SRtvEe7ROV5nuxz61KdUcnsO+HZ5lGzts4ADDp8Qeg4kce2orqvQ6\
             Bv1yG7PZ1R09lHtYwd8Z9oldbXj8578HQoyF/RFK+Q==",
        ),
    ];

    #[test]
    fn a_signature_of_each_kind_is_known_from_a_wrong_one() {
        for (key, signature) in SIGNED {
            let (key, signature) = (bytes(key).expect("a key"), bytes(signature).expect("a signature"));
            let message = b"what an authenticator signs";
            assert_eq!(check_signature(&key, message, &signature), Ok(()));
            let other = b"what an authenticator sings";
            assert_eq!(check_signature(&key, other, &signature), Err(Fault::Signature));
            assert_eq!(check_signature(&key, message, &[]), Err(Fault::Signature));
            let shorter = &key[..key.len() - 1];
            assert_eq!(
                check_signature(shorter, message, &signature),
                Err(Fault::UnknownKind)
            );
        }
    }

    #[test]
    fn keys_of_other_kinds_are_refused() {
        let p384 = "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAELrcE8vT5TLHP78XZq6XpGezV/c9idl7NHpHTmvOQ/urn4tWuwlZ6m8OtL+ZRS1p7ValU\
             xgVYWuA3P6Fp/3uiAvyxLgO0bfkwYa4ZsN3gkczsqY9+7X12WcqkEIB0MXuK";
        for key in [bytes(p384).expect("a key"), Vec::new()] {
            assert_eq!(kind_of(&key).map(drop), Err(Fault::UnknownKind));
        }
    }

    #[test]
    fn only_names_with_https_and_localhost_can_have_passkeys() {
        for (public, id) in [
            ("https://mail.example.com/", Some("mail.example.com")),
            ("https://mail.example.com:8443/panel/", Some("mail.example.com")),
            ("http://localhost:8025/", Some("localhost")),
            ("http://panel.localhost:8025/", Some("panel.localhost")),
            ("http://mail.example.com/", None),
            ("http://localhost.example.com/", None),
            ("http://notlocalhost/", None),
            ("http://127.0.0.1:8025/", None),
            ("https://192.0.2.7/", None),
            ("https://[2001:db8::7]/", None),
        ] {
            let public = Url::parse(public).expect("an address");
            let party = RelyingParty::of(&public);
            assert_eq!(party.as_ref().map(RelyingParty::id), id, "{public}");
        }
    }
}
