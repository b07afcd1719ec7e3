//! What templates of the text part have beside Handlebars' own helpers: `wrap`, `fact`, `row`.
//!
//! They take words and variables, which are joined by blanks (absent ones are left out), and
//! `indent=`, in blanks.

use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, RenderError,
    RenderErrorReason,
};
use serde_json::Value;

use super::text_layout;

/// Most blanks in front of a line.
const MAX_INDENT: u64 = 40;

pub fn register(registry: &mut Handlebars<'_>) {
    registry.register_helper("wrap", Box::new(TextHelper::Wrap));
    registry.register_helper("fact", Box::new(TextHelper::Fact));
    registry.register_helper("row", Box::new(TextHelper::Row));
}

#[derive(Clone, Copy)]
enum TextHelper {
    /// `{{wrap line.note indent=4}}`
    Wrap,
    /// `{{fact "Order" order.number}}`: a label, and what stands beside it.
    Fact,
    /// `{{row quantity "×" name total}}`: an item, and the amount at the right.
    Row,
}

impl HelperDef for TextHelper {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let words = words(helper, registry)?;
        let indent = helper.hash_get("indent").and_then(|it| it.value().as_u64()).unwrap_or(0);
        let indent = indent.min(MAX_INDENT) as usize;
        let text = match (self, &words[..]) {
            (TextHelper::Wrap, all) => text_layout::wrap(&joined(all), indent),
            (TextHelper::Fact, [label, rest @ ..]) => {
                text_layout::fact(label, &joined(rest), indent)
            }
            (TextHelper::Row, [item @ .., amount]) => {
                text_layout::row(&joined(item), amount, indent)
            }
            (TextHelper::Fact | TextHelper::Row, []) => String::new(),
        };
        out.write(&text)?;
        Ok(())
    }
}

fn words(helper: &Helper<'_>, registry: &Handlebars<'_>) -> Result<Vec<String>, RenderError> {
    let word = |param: &handlebars::PathAndJson<'_>| {
        if registry.strict_mode() && param.is_value_missing() {
            return Err(RenderErrorReason::MissingVariable(param.relative_path().cloned()).into());
        }
        Ok(match param.value() {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        })
    };
    helper.params().iter().map(word).collect()
}

fn joined(words: &[String]) -> String {
    let given = words.iter().filter(|word| !word.is_empty());
    given.map(String::as_str).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn filled(template: &str) -> Result<String, RenderError> {
        let mut registry = Handlebars::new();
        registry.set_strict_mode(true);
        registry.register_escape_fn(handlebars::no_escape);
        register(&mut registry);
        let values = json!({"name": "A & B", "none": null, "count": 2, "total": "1.00 EUR"});
        registry.render_template(template, &values)
    }

    #[test]
    fn words_are_joined_and_absent_ones_left_out() {
        assert_eq!(filled(r#"{{wrap count "×" none name indent=2}}"#).unwrap(), "  2 × A & B");
        assert_eq!(filled(r#"{{fact "Name" name}}"#).unwrap(), "Name          A & B");
        let row = filled(r#"{{row count "×" name total}}"#).unwrap();
        assert!(row.starts_with("2 × A & B  ") && row.ends_with("  1.00 EUR"), "{row}");
        assert_eq!(filled(r#"{{row name none}}"#).unwrap(), "A & B");
        assert_eq!(filled("{{row}}{{fact}}{{wrap}}").unwrap(), "");
    }

    #[test]
    fn an_unknown_name_is_an_error_and_an_indent_has_a_bound() {
        for wrong in ["{{wrap misspelt}}", r#"{{fact "x" misspelt}}"#, "{{row name misspelt}}"] {
            assert!(filled(wrong).is_err(), "{wrong}");
        }
        assert_eq!(filled("{{wrap name indent=99999999999}}").unwrap().len(), 40 + 5);
    }
}
