//! The texts of all settings, and where each of them came from.

use std::fmt;
use std::path::PathBuf;

use super::error::SettingError;
use super::mask;
use super::setting::Setting;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Default,
    File { file: PathBuf, line: usize },
    Variable,
    Flag(String),
}

/// One setting's text. Without one, what holds follows from other settings.
#[derive(Clone, Debug)]
pub struct Given {
    pub setting: &'static Setting,
    pub text: Option<String>,
    pub source: Source,
}

/// One for each setting, in the order of the table.
#[derive(Clone, Debug)]
pub struct Values(Vec<Given>);

impl Values {
    /// The defaults of all settings.
    pub fn defaults(settings: &'static [Setting]) -> Values {
        let given = settings.iter().map(|setting| Given {
            setting,
            text: setting.default.map(str::to_owned),
            source: Source::Default,
        });
        Values(given.collect())
    }

    /// Takes the place of what is there. An empty text leaves that in force, except for a
    /// setting that takes one. A name that no setting has is ignored.
    pub fn set(&mut self, name: &str, text: &str, source: Source) {
        let Some(given) = self.0.iter_mut().find(|given| given.setting.name == name) else {
            return;
        };
        if !text.is_empty() || given.setting.takes_empty {
            given.text = Some(text.to_owned());
            given.source = source;
        }
    }

    pub fn all(&self) -> &[Given] {
        &self.0
    }

    pub fn is_default(&self, name: &str) -> bool {
        self.get(name).is_none_or(|given| given.source == Source::Default)
    }

    pub fn required<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, SettingError> {
        let text = self.get(name).and_then(|given| given.text.as_deref()).unwrap_or_default();
        parse(text).map_err(|allowed| self.refuse(name, &allowed))
    }

    pub fn optional<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, SettingError> {
        match self.get(name).and_then(|given| given.text.as_deref()) {
            None => Ok(None),
            Some(text) => parse(text).map(Some).map_err(|allowed| self.refuse(name, &allowed)),
        }
    }

    /// The error that this setting's value is not allowed.
    pub fn refuse(&self, name: &str, allowed: &str) -> SettingError {
        match self.get(name) {
            Some(given) => SettingError::new(format!("{name}={given}"), mask::urls(allowed)),
            None => SettingError::new(name, allowed),
        }
    }

    fn get(&self, name: &str) -> Option<&Given> {
        self.0.iter().find(|given| given.setting.name == name)
    }
}

impl Given {
    /// The text as it may be shown.
    pub fn shown(&self) -> Option<String> {
        let text = self.text.as_deref()?;
        Some(if self.setting.is_secret { mask::MASK.to_owned() } else { mask::urls(text) })
    }
}

/// `70000 (.env.dev, line 3)`
impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shown() {
            Some(shown) => write!(f, "{shown} ({})", self.source),
            None => f.write_str("(unset)"),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::File { file, line } => write!(f, "{}, line {line}", file.display()),
            Source::Variable => f.write_str("variable"),
            Source::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &[Setting] = &[
        Setting { name: "PLAIN", default: Some("d"), ..Setting::PLAIN },
        Setting { name: "EMPTY", default: Some("d"), takes_empty: true, ..Setting::PLAIN },
        Setting { name: "SECRET", is_secret: true, ..Setting::PLAIN },
    ];

    #[test]
    fn an_empty_text_counts_only_for_a_setting_that_takes_one() {
        let mut values = Values::defaults(SETTINGS);
        values.set("PLAIN", "", Source::Variable);
        values.set("EMPTY", "", Source::Variable);
        let texts: Vec<_> = values.all().iter().map(|given| given.text.as_deref()).collect();
        assert_eq!(texts, [Some("d"), Some(""), None]);
        assert!(values.is_default("PLAIN") && !values.is_default("EMPTY"));
    }

    #[test]
    fn a_refusal_names_value_and_source_and_masks_a_secret() {
        let mut values = Values::defaults(SETTINGS);
        values.set("SECRET", "hunter2", Source::File { file: ".env.dev".into(), line: 3 });
        values.set("PLAIN", "smtp://me:hunter2@host", Source::Flag("--plain".into()));
        let told = values.refuse("SECRET", "is short").to_string();
        assert_eq!(told, "SECRET=********** (.env.dev, line 3): is short");
        let told = values.refuse("PLAIN", "no URL: smtp://me:hunter2@host").to_string();
        assert!(told.starts_with("PLAIN=smtp://me:**********@host (flag --plain)"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}
