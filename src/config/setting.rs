//! What is known of a setting, and the table that declares them all.

/// The facts of one setting. Its type and its bounds are in the table.
#[derive(Debug)]
pub struct Setting {
    /// The variable, and the name in the file: `HTTP_THREADS`.
    pub name: &'static str,
    pub help: &'static str,
    /// Heading in the help.
    pub group: &'static str,
    pub default: Option<&'static str>,
    /// Says what holds without a value, where no fixed text does.
    pub default_says: Option<&'static str>,
    /// Whether it may be a flag. Every user of the host can read a process's flags.
    pub is_flag: bool,
    /// Whether its value is masked wherever it is shown.
    pub is_secret: bool,
    /// Whether an empty value counts. For all others it is as if there were none.
    pub takes_empty: bool,
}

impl Setting {
    /// What most settings are; the table says where one differs.
    pub const PLAIN: Setting = Setting {
        name: "",
        help: "",
        group: "",
        default: None,
        default_says: None,
        is_flag: true,
        is_secret: false,
        takes_empty: false,
    };

    /// `--http-threads`
    pub fn flag(&self) -> String {
        format!("--{}", self.name.to_lowercase().replace('_', "-"))
    }

    /// The help's line: what it is, its variable and its default.
    pub fn describe(&self) -> String {
        let default = self.default.or(self.default_says).filter(|text| !text.is_empty());
        let default = default.map(|text| format!(" [default: {text}]")).unwrap_or_default();
        format!("{} [env: {}]{default}", self.help.trim(), self.name)
    }
}

/// Declares `Config` and `SETTINGS` from one table, so that each setting stands in one place:
///
/// ```text
/// "Heading in the help" {
///     /// Help
///     VARIABLE field: Type = "default", parser, fact: value, …;
/// }
/// ```
///
/// A setting without a default has an `Option` for its type. A parser is a
/// `Fn(&str) -> Result<Type, String>` whose error says what is allowed. The facts are those
/// in which the setting differs from [`Setting::PLAIN`].
macro_rules! settings {
    ($( $group:literal { $(
        $(#[doc = $help:literal])+
        $name:ident $field:ident: $type:ty $(= $default:literal)?, $parser:expr
        $(, $fact:ident: $value:expr)*;
    )* } )*) => {
        /// Every setting, as it counts.
        #[derive(Clone, Debug)]
        pub struct Config { $($( $(#[doc = $help])+ pub $field: $type, )*)* }

        /// The facts of every setting, in the order of the help.
        pub const SETTINGS: &[Setting] = &[$($( Setting {
            name: stringify!($name),
            help: concat!($($help),+),
            group: $group,
            $(default: Some($default),)?
            $($fact: $value,)*
            ..Setting::PLAIN
        }, )*)*];

        impl Config {
            pub(super) fn parse(values: &Values) -> Result<Config, SettingError> {
                Ok(Config { $($(
                    $field: settings!(@read values, $name, $parser $(, $default)?),
                )*)* })
            }
        }
    };
    (@read $values:ident, $name:ident, $parser:expr) => {
        $values.optional(stringify!($name), $parser)?
    };
    (@read $values:ident, $name:ident, $parser:expr, $default:literal) => {
        $values.required(stringify!($name), $parser)?
    };
}

pub(super) use settings;
