//! The texts of a mail: built in, each file replaceable, all rendered once before the start.

use std::path::Path;

use handlebars::{Handlebars, no_escape};
use serde::Serialize;

use crate::clock::Timestamp;
use crate::domain::order::OrderBody;
use crate::domain::{Order, OrderId, Outcome, UserId};

use super::template_names;
use super::template_source::{self, MAX_LEN};

/// Every file, and the built-in text that is used where `TEMPLATES_DIR` has no such file.
const FILES: [(&str, &str); 6] = [
    ("order_successful.subject.txt", include_str!("../../templates/order_successful.subject.txt")),
    ("order_successful.txt", include_str!("../../templates/order_successful.txt")),
    ("order_successful.html", include_str!("../../templates/order_successful.html")),
    ("order_failed.subject.txt", include_str!("../../templates/order_failed.subject.txt")),
    ("order_failed.txt", include_str!("../../templates/order_failed.txt")),
    ("order_failed.html", include_str!("../../templates/order_failed.html")),
];

/// All templates, compiled.
#[derive(Debug)]
pub struct Templates {
    html: Handlebars<'static>,
    /// Text and subjects: no HTML escaping.
    plain: Handlebars<'static>,
}

/// One mail, rendered.
#[derive(Debug, PartialEq, Eq)]
pub struct Texts {
    /// One line without control characters.
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// The variables of a template.
#[derive(Serialize)]
struct Variables<'a> {
    order_id: u64,
    /// `2025-10-07 05:58:11 UTC`
    ordered_at: String,
    username: &'a str,
    /// The mail's subject, once that is rendered; empty within the subject's own template.
    subject: &'a str,
}

impl Templates {
    /// Compiles every template, from `dir` where it has one, and renders each with sample
    /// data: a template that fails for every mail fails the start already.
    ///
    /// # Errors
    /// One line that names the file and what is wrong with it.
    pub fn load(dir: Option<&Path>) -> Result<Templates, String> {
        if let Some(dir) = dir
            && !dir.is_dir()
        {
            return Err(format!("templates: {} is not a directory", dir.display()));
        }
        dir.map(|dir| template_names::check(dir, &FILES.map(|(name, _)| name))).transpose()?;
        let mut templates = Templates { html: registry(), plain: registry() };
        templates.plain.register_escape_fn(no_escape);
        for (name, built_in) in FILES {
            let named = |why: String| format!("template {name}: {why}");
            let path = dir.map(|dir| dir.join(name));
            let own = path.as_deref().map(template_source::read).transpose().map_err(named)?;
            let source = own.flatten().unwrap_or_else(|| built_in.as_bytes().to_vec());
            templates.add(name, &source).map_err(named)?;
        }
        for outcome in [Outcome::Successful, Outcome::Failed] {
            templates.render(&sample(outcome), "sample")?;
        }
        Ok(templates)
    }

    /// The mail that tells `username` of the order.
    ///
    /// # Errors
    /// One line that names the template and what is wrong with it.
    pub fn render(&self, order: &Order, username: &str) -> Result<Texts, String> {
        let stem = if order.status().is_success() { "order_successful" } else { "order_failed" };
        let mut variables = Variables {
            order_id: order.id.0,
            ordered_at: format!("{} UTC", order.created_at.to_string().replace('T', " ")),
            username,
            subject: "",
        };
        let subject = fill(&self.plain, &format!("{stem}.subject.txt"), &variables)?;
        let subject = one_line(&subject);
        variables.subject = &subject;
        let text = fill(&self.plain, &format!("{stem}.txt"), &variables)?;
        let html = fill(&self.html, &format!("{stem}.html"), &variables)?;
        Ok(Texts { subject, text, html })
    }

    fn add(&mut self, name: &str, source: &[u8]) -> Result<(), String> {
        let text = template_source::normalised(source)?;
        let template = template_source::compile(name, &text).map_err(|why| one_line(&why))?;
        let registry = if name.ends_with(".html") { &mut self.html } else { &mut self.plain };
        registry.register_template(name, template);
        Ok(())
    }
}

fn registry() -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry
}

fn fill(
    registry: &Handlebars<'_>,
    name: &str,
    variables: &Variables<'_>,
) -> Result<String, String> {
    let text = registry
        .render(name, variables)
        .map_err(|error| format!("template {name}: {}", one_line(&error.to_string())))?;
    if text.trim().is_empty() {
        return Err(format!("template {name}: it renders to nothing"));
    }
    if text.len() > MAX_LEN {
        return Err(format!("template {name}: it renders to more than {MAX_LEN} bytes"));
    }
    // The templates have none of them; a name of an earlier version's user may.
    Ok(text.replace(template_source::is_unfit, " "))
}

fn one_line(text: &str) -> String {
    let text = text.replace(char::is_control, " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn sample(outcome: Outcome) -> Order {
    let body = OrderBody::Simple(outcome);
    Order { id: OrderId(1), user: UserId(1), created_at: Timestamp::EPOCH, body }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir_with(name: &str, content: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(name), content).unwrap();
        dir
    }

    #[track_caller]
    fn refused(name: &str, content: &str) -> String {
        let dir = dir_with(name, content);
        let error = Templates::load(Some(dir.path())).unwrap_err();
        assert!(error.contains(name), "{error}");
        assert!(!error.contains('\n'), "{error}");
        error
    }

    #[test]
    fn a_single_file_overrides_and_the_others_stay() {
        let dir = dir_with("order_failed.subject.txt", "Oh no, {{username}}: {{order_id}}\n");
        let templates = Templates::load(Some(dir.path())).unwrap();
        let texts = templates.render(&sample(Outcome::Failed), "sample").unwrap();
        assert_eq!(texts.subject, "Oh no, sample: 1");
        assert!(texts.html.contains("<title>Oh no, sample: 1</title>"));
        let texts = templates.render(&sample(Outcome::Successful), "sample").unwrap();
        assert_eq!(texts.subject, "Order Successful");
    }

    #[test]
    fn a_template_that_is_broken_anywhere_stops_the_start_by_name() {
        refused("order_failed.txt", "{{#if order_id}} never closed");
        refused("order_failed.html", "{{misspelt}}");
        refused("order_successful.html", "{{unknown_helper order_id}}");
        for include in ["{{> order_failed.txt}}", "{{~>\tx}}", "{{#>\nx}}{{/x}}"] {
            assert!(refused("order_successful.txt", include).contains("stands alone"));
        }
        assert!(refused("order_failed.txt", "a\rb\r\n{{misspelt").contains("line 3"));
        assert!(refused("order_failed.txt", "\u{feff}a\n\u{1b}[31m").contains("line 2"));
        refused("order_successful.subject.txt", " \n");
        refused("order_successful.txt", &"x".repeat(MAX_LEN + 1));
    }

    #[test]
    fn a_template_that_is_not_text_or_not_a_file_stops_the_start() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("order_failed.txt")).unwrap();
        assert!(Templates::load(Some(dir.path())).unwrap_err().contains("order_failed.txt"));
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("order_failed.html"), [0xff, 0xfe]).unwrap();
        assert!(Templates::load(Some(dir.path())).unwrap_err().contains("order_failed.html"));
        assert!(Templates::load(Some(&dir.path().join("nowhere"))).is_err());
    }

    #[test]
    fn a_subject_is_one_line_whatever_a_name_holds() {
        let dir = dir_with("order_failed.subject.txt", "{{username}}\r\nX-Header: 1\n");
        let templates = Templates::load(Some(dir.path())).unwrap();
        let texts = templates.render(&sample(Outcome::Failed), "a\r\nBcc: b").unwrap();
        assert_eq!(texts.subject, "a Bcc: b X-Header: 1");
    }

    #[test]
    fn a_mail_has_no_control_character_whatever_wrote_the_template_or_the_name() {
        let dir = dir_with("order_failed.txt", "\u{feff}Dear {{username}},\r\rsorry.\r\n");
        let templates = Templates::load(Some(dir.path())).unwrap();
        let texts = templates.render(&sample(Outcome::Failed), "A\u{1b}\0da").unwrap();
        assert_eq!(texts.text, "Dear A  da,\n\nsorry.\n");
    }

    #[test]
    fn a_failure_suggests_to_retry_and_both_say_number_and_time() {
        let templates = Templates::load(None).unwrap();
        let at = Timestamp::from_secs(1_759_816_691);
        for outcome in [Outcome::Successful, Outcome::Failed] {
            let order = Order { id: OrderId(4711), created_at: at, ..sample(outcome) };
            let texts = templates.render(&order, "ada").unwrap();
            for body in [&texts.text, &texts.html] {
                assert!(body.contains("4711") && body.contains("2025-10-07 05:58:11 UTC"));
                assert_eq!(body.contains("try again"), outcome == Outcome::Failed);
            }
        }
    }
}
