//! The texts of a mail: built in, each file replaceable. What replaces one is rendered once before
//! the start.

use std::borrow::Cow;
use std::path::Path;
use std::sync::OnceLock;

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

/// The files of a kind, and their built-in texts: what is used where `TEMPLATES_DIR` has no such
/// file.
struct Files {
    /// What they are called by.
    stem: &'static str,
    subject: &'static str,
    text: &'static str,
    html: &'static str,
}

macro_rules! files {
    ($stem:literal) => {
        Files {
            stem: $stem,
            subject: include_str!(concat!("../../templates/", $stem, ".subject.txt")),
            text: include_str!(concat!("../../templates/", $stem, ".txt")),
            html: include_str!(concat!("../../templates/", $stem, ".html")),
        }
    };
}

/// In the order of [`MailKind::NAMES`]. The files of simple orders are older than the kinds.
const FILES: [Files; MailKind::NAMES.len()] = [
    files!("order_successful"),
    files!("order_failed"),
    files!("order_placed"),
    files!("order_ready"),
    files!("order_canceled"),
    files!("notify"),
];

/// The templates of all kinds, and what they say of the shop.
#[derive(Debug)]
pub struct Templates {
    sources: [Sources; FILES.len()],
    /// Compiled when they are first needed, which takes about 10 ms each: the service starts
    /// faster than all of them are, and most commands need none.
    compiled: [OnceLock<Result<Compiled, String>>; FILES.len()],
    shop: Shop,
}

/// The texts of a kind's templates, as they are used.
#[derive(Debug)]
struct Sources {
    /// Each with its file's name.
    texts: [(String, Cow<'static, [u8]>); 3],
    /// Whether any of them is the operator's.
    is_own: bool,
}

#[derive(Debug)]
struct Compiled {
    html: Handlebars<'static>,
    /// Text and subject: no HTML escaping.
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

impl Templates {
    /// Reads the templates, from `dir` where it has them. A kind of which it has any is compiled
    /// and rendered with sample data: a template that fails for every mail fails the start
    /// already. Those built in are as they were tested.
    ///
    /// # Errors
    /// One line that names the file and what is wrong with it.
    pub fn load(dir: Option<&Path>, shop: Shop) -> Result<Templates, String> {
        if let Some(dir) = dir {
            if !dir.is_dir() {
                return Err(format!("templates: {} is not a directory", dir.display()));
            }
            let names: Vec<String> = FILES.iter().flat_map(Files::names).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            template_names::check(dir, &names)?;
        }
        let mut sources = Vec::with_capacity(FILES.len());
        for files in &FILES {
            sources.push(files.read(dir)?);
        }
        let sources = sources.try_into().map_err(|_| "templates: a kind has none".to_owned())?;
        let templates = Templates { sources, compiled: Default::default(), shop };
        templates.try_own()?;
        Ok(templates)
    }

    fn try_own(&self) -> Result<(), String> {
        let kinds = MailKind::NAMES.iter().zip(&self.sources);
        for (kind, _) in kinds.filter(|(_, sources)| sources.is_own) {
            for mail in [Fullness::Bare, Fullness::Full].map(|it| samples::mail(kind, it)) {
                mail.map(|mail| self.render(&mail)).transpose()?;
            }
        }
        Ok(())
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
        let kind = mail.kind_name();
        let of_kind = MailKind::NAMES.iter().position(|known| *known == kind);
        let of_kind = of_kind.ok_or_else(|| format!("templates: there are none of {kind}"))?;
        let Sources { texts: [subject, text, html], .. } = &self.sources[of_kind];
        let compiled = self.compiled[of_kind].get_or_init(|| self.sources[of_kind].compile());
        let Compiled { html: escaping, plain } = compiled.as_ref().map_err(String::clone)?;
        let mut variables = Variables::of(mail, &self.shop);
        let subject = one_line(&fill(plain, &subject.0, &variables)?);
        variables.subject = &subject;
        let text = fill(plain, &text.0, &variables)?;
        let html = fill(escaping, &html.0, &variables)?;
        Ok(Texts { subject, text, html })
    }
}

impl Files {
    fn names(&self) -> [String; 3] {
        [".subject.txt", ".txt", ".html"].map(|ending| format!("{}{ending}", self.stem))
    }

    fn read(&self, dir: Option<&Path>) -> Result<Sources, String> {
        let built_in = [self.subject, self.text, self.html];
        let mut texts = self.names().map(|name| (name, Cow::Borrowed(&b""[..])));
        let mut is_own = false;
        for ((name, text), built_in) in texts.iter_mut().zip(built_in) {
            let own = dir.map(|dir| template_source::read(&dir.join(&*name))).transpose();
            let own = own.map_err(|why| format!("template {name}: {why}"))?.flatten();
            is_own |= own.is_some();
            *text = own.map_or(Cow::Borrowed(built_in.as_bytes()), Cow::Owned);
        }
        Ok(Sources { texts, is_own })
    }
}

impl Sources {
    fn compile(&self) -> Result<Compiled, String> {
        let (mut html, mut plain) = (registry(), registry());
        plain.register_escape_fn(no_escape);
        text_helpers::register(&mut plain);
        for (name, source) in &self.texts {
            let registry = if name.ends_with(".html") { &mut html } else { &mut plain };
            let compiled = template_source::normalised(source)
                .and_then(|text| template_source::compile(name, &text).map_err(|it| one_line(&it)));
            let template = compiled.map_err(|why| format!("template {name}: {why}"))?;
            registry.register_template(name, template);
        }
        Ok(Compiled { html, plain })
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
