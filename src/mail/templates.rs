//! The texts of a mail: built in, each file replaceable, all rendered once before the start.

use std::path::Path;

use handlebars::{Handlebars, no_escape};

use crate::config::{Config, Unusable};
use crate::domain::{Mail, MailKind};

use super::samples::{self, Fullness};
use super::shop::Shop;
use super::template_names;
use super::template_source;
use super::text_helpers;
use super::variables::Variables;

/// Longest text rendered from a template, in bytes: the largest order, escaped, several times.
const MAX_TEXT_LEN: usize = 2 * 1024 * 1024;

/// The three files of a template, built in: what is used where `TEMPLATES_DIR` has no such file.
macro_rules! built_in {
    ($($stem:literal),*) => {
        [$(
            built_in!(@file $stem, ".subject.txt"),
            built_in!(@file $stem, ".txt"),
            built_in!(@file $stem, ".html"),
        )*]
    };
    (@file $stem:literal, $ending:literal) => {
        (concat!($stem, $ending), include_str!(concat!("../../templates/", $stem, $ending)))
    };
}

const FILES: [(&str, &str); 18] = built_in!(
    "order_successful",
    "order_failed",
    "order_placed",
    "order_ready",
    "order_canceled",
    "notify"
);

/// All templates, compiled, and what they say of the shop.
#[derive(Debug)]
pub struct Templates {
    html: Handlebars<'static>,
    /// Text and subjects: no HTML escaping.
    plain: Handlebars<'static>,
    shop: Shop,
}

/// One mail, rendered.
#[derive(Debug, PartialEq, Eq)]
pub struct Texts {
    /// One line without control characters.
    pub subject: String,
    pub text: String,
    pub html: String,
}

impl Templates {
    /// Compiles every template, from `dir` where it has one, and renders each with sample
    /// data: a template that fails for every mail fails the start already.
    ///
    /// # Errors
    /// One line that names the file and what is wrong with it.
    pub fn load(dir: Option<&Path>, shop: Shop) -> Result<Templates, String> {
        if let Some(dir) = dir
            && !dir.is_dir()
        {
            return Err(format!("templates: {} is not a directory", dir.display()));
        }
        dir.map(|dir| template_names::check(dir, &FILES.map(|(name, _)| name))).transpose()?;
        let mut templates = Templates { html: registry(), plain: registry(), shop };
        templates.plain.register_escape_fn(no_escape);
        text_helpers::register(&mut templates.plain);
        for (name, built_in) in FILES {
            let named = |why: String| format!("template {name}: {why}");
            let path = dir.map(|dir| dir.join(name));
            let own = path.as_deref().map(template_source::read).transpose().map_err(named)?;
            let source = own.flatten().unwrap_or_else(|| built_in.as_bytes().to_vec());
            templates.add(name, &source).map_err(named)?;
        }
        for kind in MailKind::NAMES {
            for mail in [Fullness::Bare, Fullness::Full].map(|it| samples::mail(kind, it)) {
                mail.map(|mail| templates.render(&mail)).transpose()?;
            }
        }
        Ok(templates)
    }

    /// As the settings have them.
    ///
    /// # Errors
    /// A template, or the folder.
    pub fn of(config: &Config) -> Result<Templates, Unusable> {
        Templates::load(config.templates_dir.as_deref(), Shop::of(config))
            .map_err(|why| Unusable::new("TEMPLATES_DIR", why))
    }

    /// A mail of that kind about an order that has everything, for whoever wants to see what the
    /// templates make of it. None where no kind is called so; [`MailKind::NAMES`] has them all.
    pub fn sample(kind: &str) -> Option<Mail> {
        samples::mail(kind, Fullness::Full)
    }

    /// What the mail says of its order, as that is now.
    ///
    /// # Errors
    /// One line that names the template and what is wrong with it.
    pub fn render(&self, mail: &Mail) -> Result<Texts, String> {
        let stem = stem(mail);
        let mut variables = Variables::of(mail, &self.shop);
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

/// What a kind's files are called by. Those of simple orders are older than the kinds.
fn stem(mail: &Mail) -> &'static str {
    match mail.kind_name() {
        "order_success" => "order_successful",
        kind => kind,
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
    if text.len() > MAX_TEXT_LEN {
        return Err(format!("template {name}: it renders to more than {MAX_TEXT_LEN} bytes"));
    }
    // The templates have none of them; a name of an earlier version's user may.
    Ok(text.replace(template_source::is_unfit, " "))
}

fn one_line(text: &str) -> String {
    let text = text.replace(char::is_control, " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[path = "templates_tests.rs"]
mod tests;
