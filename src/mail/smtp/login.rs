//! AUTH (RFC 4954), with PLAIN or LOGIN.

use mail_send::Credentials as Encoder;
use smtp_proto::{AUTH_LOGIN, AUTH_PLAIN};

use super::dialogue::{Dialogue, Fault};
use super::reply::Reply;
use super::server::Credentials;

/// The library encodes a name or a password as the answer to a prompt that it knows. These are
/// `Username:` and `Password:`.
const ASKS_NAME: &str = "VXNlcm5hbWU6";
const ASKS_PASSWORD: &str = "UGFzc3dvcmQ6";
/// What a transcript has in the place of a name and its password.
const MASK: &str = "**********";
/// "Authentication credentials invalid": another mechanism would not help.
const WRONG_PASSWORD: u16 = 535;

/// How the server lets clients log in, of what we know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mechanisms {
    pub plain: bool,
    pub login: bool,
}

impl Mechanisms {
    /// As an EHLO answer announces them: `AUTH LOGIN PLAIN`, or `AUTH=LOGIN` as it once was.
    pub fn announced(ehlo: &Reply) -> Mechanisms {
        let mut found = Mechanisms::default();
        for line in &ehlo.lines {
            let mut words = line.split([' ', '\t', '=']);
            if words.next().is_some_and(|word| word.eq_ignore_ascii_case("AUTH")) {
                for word in words {
                    found.plain |= word.eq_ignore_ascii_case("PLAIN");
                    found.login |= word.eq_ignore_ascii_case("LOGIN");
                }
            }
        }
        found
    }
}

/// Logs in with PLAIN, or with LOGIN where the server has no PLAIN or doesn't get on with it.
pub(super) async fn log_in(
    dialogue: &mut Dialogue,
    credentials: &Credentials,
    offered: Mechanisms,
) -> Result<(), Fault> {
    if offered.plain {
        match plain(dialogue, credentials).await? {
            reply if reply.is_success() => return Ok(()),
            reply if reply.code == WRONG_PASSWORD || !offered.login => {
                return Err(Fault::Reply(reply));
            }
            _ => {}
        }
    }
    if offered.login {
        return login(dialogue, credentials).await?.success().map(|_| ());
    }
    Err(Fault::broken("the server offers no way to log in that we have (PLAIN, LOGIN)"))
}

async fn plain(dialogue: &mut Dialogue, credentials: &Credentials) -> Result<Reply, Fault> {
    let response = encoded(credentials, AUTH_PLAIN, "")?;
    let command = format!("AUTH PLAIN {response}");
    let reply = dialogue.ask_showing(&command, &format!("AUTH PLAIN {MASK}")).await?;
    // A server that takes no response in the command's own line asks for it.
    if reply.code == 334 { dialogue.ask_showing(&response, MASK).await } else { Ok(reply) }
}

/// The name is asked for first, then the password: what the prompts say, in which language and
/// whether at all, is the server's own affair.
async fn login(dialogue: &mut Dialogue, credentials: &Credentials) -> Result<Reply, Fault> {
    let mut reply = dialogue.ask("AUTH LOGIN").await?;
    for prompt in [ASKS_NAME, ASKS_PASSWORD] {
        if reply.code != 334 {
            break;
        }
        reply = dialogue.ask_showing(&encoded(credentials, AUTH_LOGIN, prompt)?, MASK).await?;
    }
    Ok(reply)
}

fn encoded(credentials: &Credentials, mechanism: u64, prompt: &str) -> Result<String, Fault> {
    let Credentials { username, password } = credentials;
    Encoder::Plain { username: username.as_str(), secret: password.as_str() }
        .encode(mechanism, prompt)
        .map_err(|error| Fault::Broken(error.to_string()))
}
