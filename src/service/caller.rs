//! Who asks for an operation.

use crate::domain::{ApiKeyId, Role, UserId};
use crate::error::{Error, Result, Unauthenticated};

use super::operation::Notes;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Has not proved who they are.
    Anonymous,
    User {
        id: UserId,
        role: Role,
        /// The key that stands for the user; none where it is a token.
        key: Option<ApiKeyId>,
    },
    /// Whoever runs the command line on this host.
    Operator,
}

impl Caller {
    pub fn require_user(&self) -> Result<UserId> {
        match self {
            Caller::User { id, .. } => Ok(*id),
            Caller::Anonymous | Caller::Operator => {
                Err(Error::Unauthenticated(Unauthenticated::Missing))
            }
        }
    }

    pub fn require_admin(&self) -> Result<()> {
        match self {
            Caller::Operator | Caller::User { role: Role::Admin, .. } => Ok(()),
            Caller::User { .. } => Err(Error::Forbidden("Admin privileges required")),
            Caller::Anonymous => Err(Error::Unauthenticated(Unauthenticated::Missing)),
        }
    }

    pub fn require_operator(&self) -> Result<()> {
        match self {
            Caller::Operator => Ok(()),
            Caller::User { .. } => Err(Error::Forbidden("Only the host's operator may do that")),
            Caller::Anonymous => Err(Error::Unauthenticated(Unauthenticated::Missing)),
        }
    }

    /// Refuses a key. What makes or ends credentials, or opens the host, takes a login.
    pub fn refuse_key(&self) -> Result<()> {
        match self {
            Caller::User { key: Some(_), .. } => Err(Error::Forbidden("Not allowed with a key")),
            Caller::User { key: None, .. } | Caller::Operator | Caller::Anonymous => Ok(()),
        }
    }

    /// Adds who it was to the operation's log line.
    pub(super) fn note(&self, notes: &mut Notes) {
        match self {
            Caller::User { id, key, .. } => {
                notes.add("by", id);
                if let Some(key) = key {
                    notes.add("by_key", key);
                }
            }
            Caller::Operator => notes.add("by", "operator"),
            Caller::Anonymous => {}
        }
    }
}
