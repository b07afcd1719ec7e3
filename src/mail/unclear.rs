//! Refusals that don't say whether they mean the recipient or us: what the others get tells.

use std::collections::BTreeSet;

use crate::domain::{EmailAddress, Mail};

use super::refusals::Refusals;

/// A session that refuses so many recipients this way, and knows no other answer, goes no further.
const MAX_RECIPIENTS: usize = 3;

/// The unclear refusals of one session, and who got another answer in it.
#[derive(Default)]
pub struct Unclear<'a> {
    refused: Vec<(&'a Mail, u16, String)>,
    others: Vec<Option<&'a EmailAddress>>,
}

impl<'a> Unclear<'a> {
    /// The server's code and words.
    pub fn refuse(&mut self, mail: &'a Mail, code: u16, text: String) {
        self.refused.push((mail, code, text));
    }

    /// A recipient that got another answer. A session that has broken has said nothing about it.
    pub fn note_other(&mut self, mail: &'a Mail, is_broken: bool) {
        if !is_broken {
            self.others.push(mail.to.as_ref());
        }
    }

    pub fn refused(&self) -> &[(&'a Mail, u16, String)] {
        &self.refused
    }

    pub fn is_enough(&self) -> bool {
        let recipients: BTreeSet<_> = self
            .refused
            .iter()
            .map(|(mail, ..)| mail.to.as_ref().map(EmailAddress::as_str))
            .collect();
        self.others.is_empty() && recipients.len() >= MAX_RECIPIENTS
    }

    /// Whether the refusal is the recipient's own: others fare otherwise, or there is no other to
    /// compare with, neither in the session nor refused before it since a mail was last taken.
    pub fn is_recipients_own(&self, mail: &Mail, before: &Refusals) -> bool {
        let to = mail.to.as_ref();
        let fares_otherwise = self.others.iter().any(|other| *other != to);
        let is_alone = self.refused.iter().all(|(other, ..)| other.to.as_ref() == to);
        fares_otherwise || (is_alone && !to.is_some_and(|to| before.has_others_than(to)))
    }
}
