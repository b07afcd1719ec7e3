//! What answers look like: the wire's types, apart from the domain's.

use serde::Serialize;

use super::reply::Reply;
use crate::domain::{Order, User};

#[derive(Debug, Serialize)]
pub struct UserBody<'a> {
    pub id: u64,
    pub username: &'a str,
    pub email: &'a str,
    pub role: &'static str,
    pub created_at: String,
}

#[derive(Debug, Serialize)]
pub struct LoginBody<'a> {
    pub access_token: &'a str,
    pub token_type: &'static str,
    pub user_info: UserBody<'a>,
}

#[derive(Debug, Serialize)]
pub struct OrderBody {
    pub id: u64,
    pub user_id: u64,
    pub success: bool,
    pub created_at: String,
}

#[derive(Debug, Serialize)]
pub struct HealthBody<'a> {
    pub status: &'static str,
    pub timestamp: f64,
    pub version: &'static str,
    pub environment: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
}

impl<'a> From<&'a User> for UserBody<'a> {
    fn from(user: &'a User) -> UserBody<'a> {
        UserBody {
            id: user.id.0,
            username: user.username.as_str(),
            email: user.email.as_str(),
            role: user.role.as_str(),
            created_at: user.created_at.to_string(),
        }
    }
}

impl From<&Order> for OrderBody {
    fn from(order: &Order) -> OrderBody {
        OrderBody {
            id: order.id.0,
            user_id: order.user.0,
            success: order.outcome.is_success(),
            created_at: order.created_at.to_string(),
        }
    }
}

/// An answer with that body.
pub fn reply(status: u16, body: &impl Serialize) -> Reply {
    match serde_json::to_vec(body) {
        Ok(bytes) => Reply::json(status, bytes),
        Err(why) => {
            log::error!("an answer could not be written: {why}");
            Reply::detail(500, "Internal Server Error")
        }
    }
}
