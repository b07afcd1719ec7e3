//! The source of one template: read, brought into one form, and checked before it is used.
//!
//! Handlebars runs includes and nested blocks by recursion and has no limit of its own: a
//! template that is deep enough, or includes itself, overflows the stack, which ends the process
//! and is no error that could be caught. So includes are refused by what the parser made of
//! them, however they are spelt, and depth has a bound.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use handlebars::template::{Parameter, Template, TemplateElement};

/// Longest template file, in bytes.
pub(super) const MAX_SOURCE_LEN: usize = 256 * 1024;
/// Most tags (`{{…}}`) in a template. Also a chain of `{{else if}}` is recursion.
const MAX_TAGS: usize = 1000;
/// Most blocks within each other. The sender's thread has a stack of 2 MB, which about 400 use up.
const MAX_DEPTH: usize = 32;
/// Most parentheses in one tag.
const MAX_PARENTHESES: usize = 16;

/// The file's bytes, or nothing where there is no such file.
///
/// # Errors
/// What is wrong; the caller names the file.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let mut bytes = Vec::new();
    let read = file.take(MAX_SOURCE_LEN as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| error.to_string())?;
    if bytes.len() > MAX_SOURCE_LEN {
        return Err(format!("more than {MAX_SOURCE_LEN} bytes"));
    }
    Ok(Some(bytes))
}

/// The text in one form: no byte order mark, every line ended by `\n`.
///
/// # Errors
/// The line, and what is wrong with it: not UTF-8, or a control character. In a mail, some of
/// those end a line, hide text, or command a terminal.
pub(super) fn normalised(bytes: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = line_at(&bytes[..error.valid_up_to()]);
        format!("line {line}: not UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    match text.char_indices().find(|(_, char)| is_unfit(*char)) {
        None => Ok(text),
        Some((at, char)) => {
            let (line, code) = (line_at(&text.as_bytes()[..at]), u32::from(char));
            Err(format!("line {line}: the character U+{code:04X} has no place in a mail"))
        }
    }
}

/// Compiles the text, unless it includes others or is nested too deeply.
///
/// # Errors
/// What is wrong, with its line where that is known.
pub(super) fn compile(name: &str, text: &str) -> Result<Template, String> {
    check_tags(text)?;
    let template = Template::compile_with_name(text, name.to_owned()).map_err(|error| {
        let line = error.pos().map_or(String::new(), |(line, _)| format!("line {line}: "));
        format!("{line}{}", error.reason())
    })?;
    check_elements(&template, MAX_DEPTH)?;
    Ok(template)
}

/// Characters that are never written into a mail, in a template's file or a variable's value.
pub(super) fn is_unfit(char: char) -> bool {
    (char.is_control() && !matches!(char, '\n' | '\t')) || char == '\u{feff}'
}

/// Before the text is parsed: what could overflow the parser's own stack.
fn check_tags(text: &str) -> Result<(), String> {
    let mut at = 0;
    for (count, tag) in text.split("{{").enumerate() {
        let inside = tag.split("}}").next().unwrap_or_default();
        let failed = |why: &str| Err(format!("line {}: {why}", line_at(&text.as_bytes()[..at])));
        if count > MAX_TAGS {
            return failed(&format!("more than {MAX_TAGS} tags"));
        }
        // What stands before the first tag is text.
        if count > 0 && inside.matches('(').count() > MAX_PARENTHESES {
            return failed(&format!("more than {MAX_PARENTHESES} parentheses in a tag"));
        }
        at = (at + tag.len() + "{{".len()).min(text.len());
    }
    Ok(())
}

fn check_elements(template: &Template, depth_left: usize) -> Result<(), String> {
    for (at, element) in template.elements.iter().enumerate() {
        let checked = match element {
            TemplateElement::HelperBlock(block) => {
                let within = [&block.template, &block.inverse].into_iter().flatten();
                let Some(depth_left) = depth_left.checked_sub(1) else {
                    return Err(format!("more than {MAX_DEPTH} blocks within each other"));
                };
                within.into_iter().try_for_each(|inner| check_elements(inner, depth_left))
            }
            TemplateElement::PartialExpression(other) | TemplateElement::PartialBlock(other) => {
                Err(not_alone(">", &other.name))
            }
            TemplateElement::DecoratorExpression(other)
            | TemplateElement::DecoratorBlock(other) => Err(not_alone("*", &other.name)),
            // Texts, values and comments: nothing is within them.
            _ => Ok(()),
        };
        checked.map_err(|why| match template.mapping.get(at) {
            Some(place) if !why.starts_with("line ") => format!("line {}: {why}", place.0),
            _ => why,
        })?;
    }
    Ok(())
}

fn not_alone(sign: &str, name: &Parameter) -> String {
    let name = name.as_name().unwrap_or("…");
    format!("`{{{{{sign} {name}}}}}` is not allowed, each template stands alone")
}

/// The number of the line that follows `before`, from 1.
fn line_at(before: &[u8]) -> usize {
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_form_whatever_wrote_it() {
        let texts = ["a\nb\n", "a\r\nb\r\n", "a\rb\r", "\u{feff}a\r\nb\n"];
        for text in texts {
            assert_eq!(normalised(text.as_bytes()).unwrap(), "a\nb\n", "{text:?}");
        }
    }

    #[test]
    fn a_character_without_place_in_a_mail_is_told_with_its_line() {
        for (text, line) in [
            ("\0", 1),
            ("a\r\n\u{1b}[2J", 2),
            ("a\rb\n\n\u{8}", 4),
            ("\u{9b}", 1),
            ("a\u{feff}", 1),
        ] {
            let why = normalised(text.as_bytes()).unwrap_err();
            assert!(why.starts_with(&format!("line {line}: the character U+")), "{text:?}: {why}");
        }
        assert_eq!(normalised(b"a\n\xff\xfe").unwrap_err(), "line 2: not UTF-8");
    }

    #[test]
    fn an_include_is_refused_however_it_is_spelt() {
        for include in [
            "{{> other}}",
            "{{>other}}",
            "{{>\tother}}",
            "{{\t> other}}",
            "{{\n>\nother}}",
            "{{~ > other ~}}",
            "{{#> other}}{{/other}}",
            "{{#>\nother}}x{{/other}}",
            "{{#if a}}\n{{else}}{{> other}}{{/if}}",
            "{{#*inline \"x\"}}{{/inline}}",
            "{{* x}}",
            "{{> (lookup . 'a')}}",
        ] {
            let why = compile("t", include).unwrap_err();
            assert!(why.starts_with("line ") && !why.contains("tags"), "{include:?}: {why}");
        }
        assert!(compile("t", "a > b {{#if x}}>{{/if}}").is_ok());
    }

    #[test]
    fn a_template_that_would_overflow_the_stack_is_refused() {
        let nested = |count: usize| "{{#if a}}".repeat(count) + &"{{/if}}".repeat(count);
        assert!(compile("t", &nested(MAX_DEPTH)).is_ok());
        for count in [MAX_DEPTH + 1, 499, 2000] {
            assert!(compile("t", &nested(count)).is_err(), "{count}");
        }
        let chain = "{{#if a}}".to_owned() + &"{{else if b}}".repeat(9000) + "{{/if}}";
        assert!(compile("t", &chain).is_err());
        let within =
            |count: usize| format!("{{{{eq {}a{} }}}}", "(eq ".repeat(count), " 1)".repeat(count));
        assert!(compile("t", &within(MAX_PARENTHESES)).is_ok());
        for count in [MAX_PARENTHESES + 1, 500, 9000] {
            assert!(compile("t", &within(count)).is_err(), "{count}");
        }
    }
}
